//! For tests: a server that answers from a script and remembers what it was asked, and a clock that jumps instead of waiting.
//!
//! The directory and `newNonce` answer by themselves; every other request takes the next reply of the script. A request beyond the
//! script fails the test, and so does a nonce used twice.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use data_encoding::BASE64URL_NOPAD;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::retry::Clock;
use super::transport::{HttpRequest, HttpResponse, Transport, TransportError};
use super::{Account, Client, JwsKey, Patience, ResourceUrl};

/// Where the scripted authority lives.
pub(super) const CA: &str = "https://ca.example";

/// A URL of the scripted authority.
pub(super) fn at(path: &str) -> ResourceUrl {
    format!("{CA}{path}").parse().unwrap()
}

/// A scripted answer.
pub(super) struct Reply {
    status: StatusCode,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    nonce: bool,
    failure: Option<TransportError>,
}

impl Reply {
    pub(super) fn raw(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let status = StatusCode::from_u16(status).unwrap();
        let headers = vec![("content-type", content_type.to_owned())];
        Self { status, headers, body: body.into(), nonce: true, failure: None }
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::raw(status, "application/json", body.to_string())
    }

    pub(super) fn problem(status: u16, kind: &str) -> Self {
        let body = json!({"type": format!("urn:ietf:params:acme:error:{kind}"), "detail": format!("scripted {kind}")});
        Self::raw(status, "application/problem+json", body.to_string())
    }

    pub(super) fn broken() -> Self {
        let source = std::io::Error::from(std::io::ErrorKind::ConnectionReset).into();
        let failure = Some(TransportError::Broken { host: "ca.example:443".into(), source });
        Self { failure, ..Self::raw(200, "", "") }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn without_nonce(mut self) -> Self {
        self.nonce = false;
        self
    }
}

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    /// The protected header; null for a request without a body.
    pub(super) protected: Value,
    /// The payload; null if empty.
    pub(super) payload: Value,
    /// Whether the payload was the empty string.
    pub(super) post_as_get: bool,
}

/// The scripted server and the clock that goes with it.
#[derive(Clone, Debug)]
pub(super) struct Script {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    directory: Value,
    replies: VecDeque<Reply>,
    seen: Vec<Seen>,
    nonces: u32,
    spent: HashSet<String>,
    sleeps: Vec<Duration>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("seen", &self.seen.len()).finish_non_exhaustive()
    }
}

/// The directory of the scripted authority.
pub(super) fn directory() -> Value {
    json!({
        "newNonce": at("/new-nonce"), "newAccount": at("/new-account"), "newOrder": at("/new-order"),
        "newAuthz": at("/new-authz"), "revokeCert": at("/revoke-cert"), "keyChange": at("/key-change"),
        "renewalInfo": at("/renewal-info"), "meta": {"profiles": {"device": "rooms"}},
    })
}

impl Script {
    pub(super) fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self::with_directory(directory(), replies)
    }

    pub(super) fn with_directory(directory: Value, replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies = replies.into_iter().collect();
        Self { state: Arc::new(Mutex::new(State { directory, replies, ..State::default() })) }
    }

    pub(super) async fn client(&self) -> Client {
        self.patient_client(Patience::default()).await
    }

    pub(super) async fn patient_client(&self, patience: Patience) -> Client {
        let (transport, clock) = (Arc::new(self.clone()), Arc::new(self.clone()));
        Client::connect_over(at("/directory"), transport, clock, patience).await.unwrap()
    }

    /// An account that exists.
    pub(super) async fn account(&self) -> Account {
        self.client().await.account(JwsKey::generate().unwrap(), at("/acct/1"))
    }

    /// Every request but those to the directory and `newNonce`.
    pub(super) fn seen(&self) -> Vec<Seen> {
        let state = self.state.lock().unwrap();
        let own = |seen: &&Seen| !seen.url.ends_with("/directory") && !seen.url.ends_with("/new-nonce");
        state.seen.iter().filter(own).cloned().collect()
    }

    /// How often a nonce was asked for.
    pub(super) fn nonce_requests(&self) -> usize {
        self.state.lock().unwrap().seen.iter().filter(|seen| seen.url.ends_with("/new-nonce")).count()
    }

    /// Every pause, in order.
    pub(super) fn sleeps(&self) -> Vec<Duration> {
        self.state.lock().unwrap().sleeps.clone()
    }

    /// How many replies were not used.
    pub(super) fn left(&self) -> usize {
        self.state.lock().unwrap().replies.len()
    }
}

impl State {
    fn answer(&mut self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let reply = match (request.method.clone(), request.url.as_str().trim_start_matches(CA)) {
            (Method::GET, "/directory") => Reply::json(200, &self.directory).without_nonce(),
            (Method::HEAD, "/new-nonce") => Reply::raw(200, "", ""),
            (method, path) => {
                self.replies.pop_front().unwrap_or_else(|| panic!("not in the script: {method} {path}"))
            }
        };
        if let Some(failure) = reply.failure {
            return Err(failure);
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &reply.headers {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        if reply.nonce {
            self.nonces += 1;
            headers.insert("replay-nonce", HeaderValue::from_str(&format!("nonce-{}", self.nonces)).unwrap());
        }
        Ok(HttpResponse { status: reply.status, headers, body: reply.body })
    }
}

fn decode(part: &Value) -> Value {
    let bytes = BASE64URL_NOPAD.decode(part.as_str().unwrap().as_bytes()).unwrap();
    if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let mut state = self.state.lock().unwrap();
        let jws: Value =
            if request.body.is_empty() { json!({}) } else { serde_json::from_slice(&request.body).unwrap() };
        let mut seen = Seen {
            method: request.method.clone(),
            url: request.url.as_str().to_owned(),
            headers: request.headers.clone(),
            protected: Value::Null,
            payload: Value::Null,
            post_as_get: jws["payload"] == "",
        };
        if request.method == Method::POST {
            (seen.protected, seen.payload) = (decode(&jws["protected"]), decode(&jws["payload"]));
            assert_eq!(seen.protected["url"], seen.url, "the signed URL is the one asked");
            let nonce = seen.protected["nonce"].as_str().unwrap().to_owned();
            assert!(state.spent.insert(nonce.clone()), "nonce {nonce} used twice");
            assert_eq!(seen.headers["content-type"], "application/jose+json");
        }
        state.seen.push(seen);
        state.answer(&request)
    }
}

#[async_trait]
impl Clock for Script {
    fn now(&self) -> SystemTime {
        // 6 November 1994, 08:49:37 UTC, the moment of RFC 9110's examples, plus what was slept.
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777) + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        self.state.lock().unwrap().sleeps.iter().sum()
    }

    async fn sleep(&self, duration: Duration) {
        self.state.lock().unwrap().sleeps.push(duration);
    }
}
