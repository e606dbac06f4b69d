//! JSON-RPC over WebSocket (RFC 6455): `wss://host/ws`, signed in to by HTTP Basic on the upgrade.
//!
//! Requests go one at a time; what comes between and is no answer (events of other subscriptions) is passed over.

use async_trait::async_trait;
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::AUTHORIZATION;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use zeroize::Zeroizing;

use super::numbered::Wire;
use super::tls::{self, late};
use super::{LARGEST, Limits, Target, XapiError, basic, pause};
use crate::device::place::{Over, Place};
use crate::device::xapi::{Call, NotAnswer, rpc};

pub(super) struct WebSocket {
    stream: WebSocketStream<TlsStream<TcpStream>>,
    place: Place,
    limits: Limits,
}

impl WebSocket {
    pub(super) async fn open(target: &Target) -> Result<Self, XapiError> {
        let mut attempt = 0;
        loop {
            match Self::upgrade(target).await {
                Err(XapiError::Busy { .. }) if attempt < target.limits.retries => {
                    pause(attempt, None).await;
                    attempt += 1;
                }
                done => return done,
            }
        }
    }

    async fn upgrade(target: &Target) -> Result<Self, XapiError> {
        let place = target.place.clone();
        let tls = tls::open(&place, Over::Wss, &target.trust, target.limits).await?;
        let url = format!("wss://{}/ws", place.authority(Over::Wss));
        let mut request = url.into_client_request().map_err(|_| XapiError::Name { place: place.clone() })?;
        let password = basic(&target.user, &target.password);
        let password = password.ok_or_else(|| XapiError::Account { user: target.user.clone() })?;
        request.headers_mut().insert(AUTHORIZATION, password);
        let config = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
        let upgrade = client_async_with_config(request, tls, Some(config));
        let limit = target.limits.connect;
        let upgraded = timeout(limit, upgrade).await.map_err(|_| late(&place, limit))?;
        let (stream, _) = upgraded.map_err(|error| failed(target, error))?;
        Ok(Self { stream, place, limits: target.limits })
    }
}

#[async_trait]
impl Wire for WebSocket {
    fn command(call: &Call, id: u64) -> Zeroizing<String> {
        rpc::command(call, id)
    }

    fn get(path: &[&str], id: u64) -> String {
        rpc::get(path, id)
    }

    fn set(path: &[&str], value: &str, id: u64) -> String {
        rpc::set(path, value, id)
    }

    fn at(answer: Value, _: &[&str]) -> Value {
        answer
    }

    async fn exchange(&mut self, id: u64, request: &str) -> Result<Value, XapiError> {
        let until = Instant::now() + self.limits.answer;
        let late = late(&self.place, self.limits.answer);
        let closed = || XapiError::Closed { place: self.place.clone() };
        let sent = timeout_at(until, self.stream.send(Message::text(request.to_owned()))).await;
        match sent {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(closed()),
            Err(_) => return Err(late),
        }
        loop {
            let Ok(received) = timeout_at(until, self.stream.next()).await else { return Err(late) };
            let text = match received {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Binary(_))) => return Err(NotAnswer { expected: "JSON-RPC" }.into()),
                Some(Err(Error::Capacity(_))) => {
                    return Err(XapiError::TooLarge { place: self.place.clone(), limit: LARGEST });
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(closed()),
            };
            if let Some(result) = rpc::result(&text, id)? {
                return Ok(result?);
            }
        }
    }

    async fn end(mut self) {
        let _ = timeout(self.limits.connect, self.stream.close(None)).await;
    }
}

fn failed(target: &Target, error: Error) -> XapiError {
    let place = target.place.clone();
    match error {
        Error::Http(answer) => match answer.status().as_u16() {
            401 | 403 => XapiError::Password { place, user: target.user.clone() },
            503 => XapiError::Busy { place },
            status => XapiError::Http { place, status },
        },
        Error::Io(source) => XapiError::Unreachable { place, source },
        _ => XapiError::Closed { place },
    }
}
