//! One flow: newOrder, authorization, dns-01, poll, finalize, download, by an existing account.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certs::identifier::Identifier;
use certs::key::{KeyKind, SigningKey};
use serde_json::Value;

use super::session::{Answer, Session, Target};
use crate::dns::FakeDns;

/// Why a flow ended.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// The root certificate or host is not usable.
    #[error("the root certificate or host is not usable")]
    Root,
    /// A key could not be made or used.
    #[error("a key could not be made or used")]
    Key,
    /// The server cannot be reached.
    #[error("cannot connect")]
    Connect(#[source] std::io::Error),
    /// The connection broke.
    #[error("the connection broke")]
    Http(#[from] hyper::Error),
    /// An answer was not the expected one.
    #[error("unexpected answer: {0}")]
    Answer(String),
    /// A worker panicked.
    #[error("a worker panicked")]
    Panicked,
}

/// A worker's connection and account.
pub struct Flow {
    session: Session,
    target: Target,
    dns: Arc<FakeDns>,
    thumbprint: String,
    /// One key for all of its requests: making keys is the client's cost, not the server's.
    key: SigningKey,
    /// The order just opened, so that it need not be fetched again.
    opened: Option<Value>,
}

/// What one flow brought.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The order's URL.
    pub order: String,
    /// The chain, PEM.
    pub chain: String,
}

impl Flow {
    /// Connects and registers an account.
    ///
    /// # Errors
    /// [`FlowError`].
    pub async fn register(target: &Target, dns: Arc<FakeDns>) -> Result<Self, FlowError> {
        let mut session = Session::open(target).await?;
        let answer = session.post(&target.url("/new-account"), r#"{"termsOfServiceAgreed":true}"#).await?;
        let account = expect(answer, 201)?.header("location").to_owned();
        session.use_account(&account);
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, session.jwk().as_bytes());
        let key = SigningKey::generate(KeyKind::P256).map_err(|_| FlowError::Key)?;
        Ok(Self {
            session,
            target: target.clone(),
            dns,
            thumbprint: URL_SAFE_NO_PAD.encode(digest),
            key,
            opened: None,
        })
    }

    /// Connects anew after the server went away.
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub async fn reconnect(&mut self) -> Result<(), FlowError> {
        self.session.reconnect().await
    }

    /// Obtains one certificate for `name`.
    ///
    /// # Errors
    /// [`FlowError`].
    pub async fn run(&mut self, name: &str) -> Result<Issued, FlowError> {
        let (url, _) = self.order(name).await?;
        self.finish(name, &url).await
    }

    /// Opens an order for `name`: its URL and what it says.
    ///
    /// # Errors
    /// [`FlowError`].
    pub async fn order(&mut self, name: &str) -> Result<(String, Value), FlowError> {
        let payload = format!(r#"{{"identifiers":[{{"type":"dns","value":"{name}"}}]}}"#);
        let answer = expect(self.session.post(&self.target.url("/new-order"), &payload).await?, 201)?;
        let order = answer.json()?;
        self.opened = Some(order.clone());
        Ok((answer.header("location").to_owned(), order))
    }

    /// Brings an order to its certificate from whatever state it is in.
    ///
    /// # Errors
    /// [`FlowError`]; an order that is invalid is one.
    pub async fn finish(&mut self, name: &str, url: &str) -> Result<Issued, FlowError> {
        let mut order = match self.opened.take() {
            Some(order) => order,
            None => expect(self.session.post(url, "").await?, 200)?.json()?,
        };
        loop {
            order = match text(&order, "/status")?.as_str() {
                "pending" => {
                    self.prove(name, &text(&order, "/authorizations/0")?).await?;
                    self.finalize(name, &order).await?
                }
                "ready" => self.finalize(name, &order).await?,
                "processing" => {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    expect(self.session.post(url, "").await?, 200)?.json()?
                }
                "valid" => break,
                _ => return Err(FlowError::Answer(order.to_string())),
            };
        }
        let answer = expect(self.session.post(&text(&order, "/certificate")?, "").await?, 200)?;
        Ok(Issued { order: url.to_owned(), chain: String::from_utf8_lossy(&answer.body).into_owned() })
    }

    async fn finalize(&mut self, name: &str, order: &Value) -> Result<Value, FlowError> {
        let payload = format!(r#"{{"csr":"{}"}}"#, URL_SAFE_NO_PAD.encode(self.csr(name)?));
        expect(self.session.post(&text(order, "/finalize")?, &payload).await?, 200)?.json()
    }

    async fn prove(&mut self, name: &str, authorization: &str) -> Result<(), FlowError> {
        let answer = expect(self.session.post(authorization, "").await?, 200)?.json()?;
        let challenges = answer.pointer("/challenges").and_then(Value::as_array).cloned().unwrap_or_default();
        if text(&answer, "/status")? == "valid" {
            return Ok(());
        }
        let dns01 = challenges.iter().find(|challenge| challenge["type"] == "dns-01");
        let challenge = dns01.ok_or_else(|| FlowError::Answer(answer.to_string()))?;
        let key_authorization = format!("{}.{}", text(challenge, "/token")?, self.thumbprint);
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key_authorization.as_bytes());
        let record = format!("_acme-challenge.{name}");
        let value = URL_SAFE_NO_PAD.encode(digest);
        self.dns.set_txt(&record, &[&value]);
        if text(challenge, "/status")? == "pending" {
            expect(self.session.post(&text(challenge, "/url")?, "{}").await?, 200)?;
        }
        loop {
            let answer = expect(self.session.post(authorization, "").await?, 200)?.json()?;
            match text(&answer, "/status")?.as_str() {
                "valid" => break,
                "pending" => tokio::time::sleep(Duration::from_millis(2)).await,
                _ => return Err(FlowError::Answer(answer.to_string())),
            }
        }
        self.dns.remove_txt(&record, &value);
        Ok(())
    }

    fn csr(&self, name: &str) -> Result<Vec<u8>, FlowError> {
        let identifier = Identifier::from_parts("dns", name).map_err(|_| FlowError::Key)?;
        certs::csr::create_csr(&self.key, &[identifier]).map_err(|_| FlowError::Key)
    }
}

pub(super) fn expect(answer: Answer, status: u16) -> Result<Answer, FlowError> {
    if answer.status.as_u16() == status {
        return Ok(answer);
    }
    Err(FlowError::Answer(format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body))))
}

pub(super) fn text(value: &Value, pointer: &str) -> Result<String, FlowError> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).ok_or_else(|| FlowError::Answer(format!("no {pointer} in {value}")))
}
