//! A client of JSON-RPC over `wss`.

use std::collections::VecDeque;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{SinkExt as _, StreamExt as _};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::faces::{Parameters, Refused};
use crate::setting::{ADMIN, Room, soon};

pub(crate) struct Socket {
    stream: WebSocketStream<TlsStream<TcpStream>>,
    last: u64,
    events: VecDeque<Value>,
}

/// TLS to the emulator, trusting its certificate alone.
pub(crate) async fn tls(room: &Room) -> TlsStream<TcpStream> {
    try_tls(room).await.unwrap()
}

/// The same, where the emulator may have no place or no patience.
pub(crate) async fn try_tls(room: &Room) -> std::io::Result<TlsStream<TcpStream>> {
    let at = room.emulator.addresses();
    let mut roots = RootCertStore::empty();
    roots.add(certs::pem::parse_certificates(&at.certificate).unwrap()[0].clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(at.https).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

impl Socket {
    /// Opens it with the sub-protocol `auth-…`; the status if it is refused.
    pub(crate) async fn open(room: &Room, user: &str, password: &str) -> Result<Self, u16> {
        let auth = format!("auth-{}", URL_SAFE_NO_PAD.encode(format!("{user}:{password}")));
        Self::open_with(room, "sec-websocket-protocol", &auth).await
    }

    /// Opens it with one header of this name.
    pub(crate) async fn open_with(room: &Room, name: &'static str, value: &str) -> Result<Self, u16> {
        match Self::over(tls(room).await, name, value).await {
            Ok(socket) => Ok(socket),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Opens it where the emulator may have no place; `None` if it has none.
    pub(crate) async fn try_open(room: &Room) -> Option<Self> {
        let auth = format!("auth-{}", URL_SAFE_NO_PAD.encode(format!("admin:{ADMIN}")));
        Self::over(try_tls(room).await.ok()?, "sec-websocket-protocol", &auth).await.ok()
    }

    async fn over(stream: TlsStream<TcpStream>, name: &'static str, value: &str) -> Result<Self, Error> {
        let mut request = "wss://localhost/ws".into_client_request().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
        let (stream, _) = soon(tokio_tungstenite::client_async(request, stream)).await?;
        Ok(Self { stream, last: 0, events: VecDeque::new() })
    }

    /// Sends a text as it is.
    pub(crate) async fn send(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    /// The next message; `None` if the connection ended.
    pub(crate) async fn receive(&mut self) -> Option<Value> {
        loop {
            match soon(self.stream.next()).await {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(other)) => panic!("{other:?}"),
            }
        }
    }

    /// The response to a request; events that come before it are kept. `None` if the connection ended.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Option<Value> {
        self.last += 1;
        let id = self.last.to_string();
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string();
        if self.stream.send(Message::text(request)).await.is_err() {
            return None;
        }
        loop {
            let message = self.receive().await?;
            if message["id"] == id.as_str() {
                return Some(message);
            }
            self.events.push_back(message["params"].clone());
        }
    }

    /// The next event's parameters.
    pub(crate) async fn event(&mut self) -> Value {
        if let Some(event) = self.events.pop_front() {
            return event;
        }
        let message = self.receive().await.expect("an event");
        assert_eq!(message["method"], "xFeedback/Event", "{message}");
        message["params"].clone()
    }

    pub(crate) async fn command(
        &mut self,
        words: &str,
        parameters: Parameters<'_>,
        body: Option<&str>,
    ) -> Result<Value, Refused> {
        let mut params: Map<String, Value> =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        if let Some(body) = body {
            params.insert("body".to_owned(), body.into());
        }
        let method = format!("xCommand/{}", words.replace(' ', "/"));
        let answer = self.ask(&method, Value::Object(params)).await;
        let cut = || Refused { code: "cut-off".to_owned(), reason: String::new(), rpc: None };
        outcome(answer.ok_or_else(cut)?)
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Value, Refused> {
        let path: Vec<Value> = crate::faces_path(path);
        outcome(self.ask("xGet", json!({ "Path": path })).await.unwrap())
    }

    pub(crate) async fn set(&mut self, path: &str, value: &str) -> Result<(), String> {
        let path: Vec<Value> = crate::faces_path(path);
        let answer = self.ask("xSet", json!({ "Path": path, "Value": value })).await.unwrap();
        outcome(answer).map(drop).map_err(|refused| format!("{refused:?}"))
    }
}

fn outcome(answer: Value) -> Result<Value, Refused> {
    if let Some(result) = answer.get("result") {
        return Ok(result.clone());
    }
    let error = &answer["error"];
    Err(Refused {
        code: error["data"]["Code"].as_str().unwrap_or_default().to_owned(),
        reason: error["message"].as_str().unwrap_or_default().to_owned(),
        rpc: error["code"].as_i64(),
    })
}

impl Socket {
    /// Sends what may be too much: the other side may end the connection while it comes. Whether it did not.
    pub(crate) async fn try_send(&mut self, text: &str) -> bool {
        self.stream.send(Message::text(text)).await.is_ok()
    }
}
