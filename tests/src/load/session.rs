//! One client connection: TLS, HTTP/1.1 kept alive, requests signed with ES256, the nonce of each answer used for the next.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::flow::FlowError;

/// The server to load.
#[derive(Clone)]
pub struct Target {
    /// `host:port`.
    pub authority: String,
    /// The host alone.
    pub host: String,
    /// The path of the ACME resources, such as `/acme/external`.
    pub path: String,
    /// Trusts the server's root.
    pub tls: Arc<rustls::ClientConfig>,
}

impl Target {
    /// The server at `url` (`https://host:port`), trusted by the root certificate in PEM.
    ///
    /// # Errors
    /// If the root cannot be read.
    pub fn new(url: &str, authority: &str, root_pem: &str) -> Result<Self, FlowError> {
        let mut roots = rustls::RootCertStore::empty();
        for der in certs::pem::parse_certificates(root_pem).map_err(|_| FlowError::Root)? {
            roots.add(der).map_err(|_| FlowError::Root)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| FlowError::Root)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let hostport = url.trim_start_matches("https://").trim_end_matches('/').to_owned();
        let host = hostport.split(':').next().unwrap_or_default().to_owned();
        Ok(Self { authority: hostport, host, path: format!("/acme/{authority}"), tls: Arc::new(tls) })
    }

    /// An absolute URL under the ACME path.
    #[must_use]
    pub fn url(&self, rest: &str) -> String {
        format!("https://{}{}{rest}", self.authority, self.path)
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// If it is none.
    pub fn json(&self) -> Result<Value, FlowError> {
        serde_json::from_slice(&self.body).map_err(|_| FlowError::Answer(self.text()))
    }

    /// A header as text, empty if absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn text(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

/// A connection with an account key.
pub struct Session {
    target: Target,
    sender: SendRequest<Full<Bytes>>,
    key: EcdsaKeyPair,
    random: SystemRandom,
    nonce: String,
    kid: Option<String>,
}

impl Session {
    /// Connects and makes a key; the account is made by the caller.
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub async fn open(target: &Target) -> Result<Self, FlowError> {
        let sender = connect(target).await?;
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
            .map_err(|_| FlowError::Key)?;
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref())
            .map_err(|_| FlowError::Key)?;
        let mut session =
            Self { target: target.clone(), sender, key, random, nonce: String::new(), kid: None };
        session.fresh_nonce().await?;
        Ok(session)
    }

    /// Connects anew with the same key and account, as a client does after the server went away.
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub async fn reconnect(&mut self) -> Result<(), FlowError> {
        self.sender = connect(&self.target).await?;
        self.fresh_nonce().await
    }

    async fn fresh_nonce(&mut self) -> Result<(), FlowError> {
        let url = self.target.url("/new-nonce");
        let answer = self.send(Method::HEAD, &url, Bytes::new()).await?;
        answer.header("replay-nonce").clone_into(&mut self.nonce);
        Ok(())
    }

    /// Uses this account from now on.
    pub fn use_account(&mut self, url: &str) {
        self.kid = Some(url.to_owned());
    }

    /// The public key as JWK members in RFC 7638 order.
    #[must_use]
    pub fn jwk(&self) -> String {
        let point = self.key.public_key().as_ref();
        let part =
            |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(point.get(range).unwrap_or_default());
        format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, part(1..33), part(33..65))
    }

    /// Posts a signed request; `payload` empty is POST-as-GET. A refused nonce is tried once more.
    ///
    /// # Errors
    /// If the exchange breaks.
    pub async fn post(&mut self, url: &str, payload: &str) -> Result<Answer, FlowError> {
        loop {
            let body = self.sign(url, payload)?;
            let answer = self.send(Method::POST, url, body).await?;
            answer.header("replay-nonce").clone_into(&mut self.nonce);
            let refused = answer.status == StatusCode::BAD_REQUEST
                && answer.body.windows(8).any(|window| window == b"badNonce");
            if !refused {
                return Ok(answer);
            }
        }
    }

    fn sign(&self, url: &str, payload: &str) -> Result<Bytes, FlowError> {
        let nonce = &self.nonce;
        let header = match &self.kid {
            Some(kid) => format!(r#"{{"alg":"ES256","kid":"{kid}","nonce":"{nonce}","url":"{url}"}}"#),
            None => format!(r#"{{"alg":"ES256","jwk":{},"nonce":"{nonce}","url":"{url}"}}"#, self.jwk()),
        };
        let mut input = URL_SAFE_NO_PAD.encode(header);
        let protected = input.len();
        input.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut input);
        let signature = self.key.sign(&self.random, input.as_bytes()).map_err(|_| FlowError::Key)?;
        let (protected, payload) = input.split_at(protected);
        let body = format!(
            r#"{{"protected":"{protected}","payload":"{}","signature":"{}"}}"#,
            payload.trim_start_matches('.'),
            URL_SAFE_NO_PAD.encode(signature.as_ref())
        );
        Ok(Bytes::from(body))
    }

    async fn send(&mut self, method: Method, url: &str, body: Bytes) -> Result<Answer, FlowError> {
        let path = url.splitn(4, '/').nth(3).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(format!("/{path}"))
            .header("host", &self.target.authority)
            .header("content-type", "application/jose+json")
            .body(Full::new(body))
            .map_err(|_| FlowError::Answer(url.to_owned()))?;
        self.exchange(request).await
    }

    /// Sends a request as it is.
    ///
    /// # Errors
    /// If the exchange breaks.
    pub async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, FlowError> {
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let (head, body) = answer.into_parts();
        Ok(Answer { status: head.status, headers: head.headers, body: body.collect().await?.to_bytes() })
    }
}

async fn connect(target: &Target) -> Result<SendRequest<Full<Bytes>>, FlowError> {
    let stream = TcpStream::connect(&target.authority).await.map_err(FlowError::Connect)?;
    stream.set_nodelay(true).map_err(FlowError::Connect)?;
    let name = ServerName::try_from(target.host.clone()).map_err(|_| FlowError::Root)?;
    let stream = TlsConnector::from(Arc::clone(&target.tls))
        .connect(name, stream)
        .await
        .map_err(FlowError::Connect)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}
