//! For tests: an authority in memory that behaves, certifies, and can be cut off after any request.
//!
//! It believes every signature, since the protocol core's tests check those; what it keeps are accounts by key, orders with
//! their state machine, and which signing request each order was finalized with.

mod endpoints;
mod internal;
mod sso;

pub(crate) use sso::{Deed, PretendPerson};

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use data_encoding::BASE64URL_NOPAD;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::datetime};

use crate::{
    acme::{
        Patience, TransportError, retry,
        transport::{HttpRequest, HttpResponse, Transport},
    },
    clock,
    enroll::{Agent, Connector},
    progress::Silent,
    state::{
        DeviceSettings, DnsSettings, IdentityDir, IdentityName, IdentitySettings, ProviderKind, StateDir,
        Subject,
    },
};

const CA: &str = "https://ca.test";

/// When the connection is cut off for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The request does not arrive.
    Before(u32),
    /// The request is served but the answer does not arrive.
    After(u32),
}

/// An order as the authority keeps it.
#[derive(Clone, Debug, Default)]
pub(crate) struct PretendOrder {
    pub(crate) identifiers: Value,
    pub(crate) profile: Value,
    pub(crate) replaces: Value,
    pub(crate) proven: bool,
    pub(crate) refused: bool,
    pub(crate) csr: Option<String>,
    pub(crate) certificate: Option<String>,
    pub(crate) sign_in: Option<sso::PretendSignIn>,
}

/// Everything the authority knows.
pub(crate) struct Ledger {
    pub(crate) accounts: Vec<String>,
    /// Accounts that it has forgotten; their URLs are never given again.
    pub(crate) forgotten: usize,
    /// What newAccount was asked for, each time.
    pub(crate) registrations: Vec<Value>,
    pub(crate) contacts: Value,
    pub(crate) terms: Option<&'static str>,
    pub(crate) deactivated: bool,
    pub(crate) orders: Vec<PretendOrder>,
    pub(crate) replaced: HashSet<String>,
    pub(crate) revoked: Vec<Value>,
    pub(crate) window: Option<(OffsetDateTime, OffsetDateTime)>,
    pub(crate) refuse_orders: Option<(u16, &'static str)>,
    pub(crate) refuse_proofs: bool,
    /// Those who may sign people in.
    pub(crate) providers: Vec<&'static str>,
    /// Whether a second response to `sso-01` gives a new link; else it means the first sign-in.
    pub(crate) renews_links: bool,
    /// Whether a sign-in is taken as proof for later orders.
    pub(crate) reuses_sign_ins: bool,
    /// Whether sign-ins may come back to a port of the client's.
    pub(crate) takes_redirects: bool,
    /// Whether waiting takes time, so that it has an end.
    pub(crate) time_passes: bool,
    waited: Duration,
    pub(crate) asked: HashMap<String, u32>,
    now: OffsetDateTime,
    /// The internal authority beside it.
    pub(crate) internal: internal::PretendInternal,
    requests: u32,
    cut: Option<Cut>,
    issuer: rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
}

/// The authority; clones share what it knows.
#[derive(Clone)]
pub(crate) struct Pretend(Arc<Mutex<Ledger>>);

impl std::fmt::Debug for Pretend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pretend")
    }
}

impl Pretend {
    pub(crate) fn new() -> Self {
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        Self(Arc::new(Mutex::new(Ledger {
            accounts: Vec::new(),
            forgotten: 0,
            registrations: Vec::new(),
            contacts: Value::Null,
            terms: None,
            deactivated: false,
            orders: Vec::new(),
            replaced: HashSet::new(),
            revoked: Vec::new(),
            window: None,
            refuse_orders: None,
            refuse_proofs: false,
            providers: vec!["corp"],
            renews_links: false,
            reuses_sign_ins: false,
            takes_redirects: true,
            time_passes: false,
            waited: Duration::ZERO,
            asked: HashMap::new(),
            now: datetime!(2026-11-22 12:00 UTC),
            internal: internal::PretendInternal::default(),
            requests: 0,
            cut: None,
            issuer: rcgen::CertifiedIssuer::self_signed(parameters, key).unwrap(),
        })))
    }

    /// Looks into, or changes, what the authority knows.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    /// Cuts the connection counting from now; `None` mends it.
    pub(crate) fn cut(&self, cut: Option<Cut>) {
        self.with(|ledger| (ledger.cut, ledger.requests) = (cut, 0));
    }

    /// Loses every account and order, as an authority does whose store was not backed up.
    pub(crate) fn forget(&self) {
        self.with(|ledger| {
            ledger.forgotten += ledger.accounts.len();
            ledger.accounts.clear();
            ledger.orders.clear();
        });
    }

    pub(crate) fn wait(&self, time: time::Duration) {
        self.with(|ledger| ledger.now += time);
    }

    pub(crate) fn connector(&self) -> Connector {
        Connector::over(Arc::new(self.clone()), Arc::new(self.clone()), Patience::default())
    }
}

/// A state directory, an authority and one identity, `room-1.test`, proven by a hook that does nothing.
pub(crate) struct Setting {
    _folder: tempfile::TempDir,
    pub(crate) state: StateDir,
    pub(crate) authority: Pretend,
    connector: Connector,
}

impl Setting {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::at(folder.path().join("state"));
        let authority = Pretend::new();
        Self { _folder: folder, state, connector: authority.connector(), authority }
    }

    pub(crate) fn agent(&self) -> Agent<'_> {
        Agent {
            state: &self.state,
            connector: &self.connector,
            clock: &self.authority,
            progress: &Silent,
            person: None,
        }
    }

    pub(crate) fn identity(&self) -> IdentityDir {
        self.state.identity(&IdentityName::parse("room-1.test").unwrap())
    }

    pub(crate) fn settings(&self) -> IdentitySettings {
        let mut dns = DnsSettings::of(ProviderKind::Hook);
        dns.hook = Some("/bin/true".into());
        dns.wait = false;
        let challenge = crate::state::ChallengeChoice::Auto;
        IdentitySettings {
            subject: Subject::Device(DeviceSettings {
                names: vec!["room-1.test".to_owned()],
                challenge,
                dns,
            }),
            directory: format!("{CA}/directory").parse().unwrap(),
            profile: Some("device".to_owned()),
            key_type: crate::state::KeyType::P256,
            key_store: tokens::KeyStore::File,
            keep: 3,
            deploy: None,
        }
    }
}

impl clock::Clock for Pretend {
    fn now(&self) -> OffsetDateTime {
        self.with(|ledger| ledger.now)
    }
}

#[async_trait]
impl retry::Clock for Pretend {
    fn now(&self) -> SystemTime {
        clock::Clock::now(self).into()
    }

    fn elapsed(&self) -> Duration {
        self.with(|ledger| ledger.waited)
    }

    async fn sleep(&self, duration: Duration) {
        self.with(|ledger| ledger.waited += if ledger.time_passes { duration } else { Duration::ZERO });
        tokio::task::yield_now().await;
    }
}

#[async_trait]
impl Transport for Pretend {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.with(|ledger| {
            // An error that is no use to retry, so that a cut-off run ends at once, as a killed one does.
            let lost = || Err(TransportError::TooLarge { host: "ca.test".to_owned(), limit: 0 });
            let number = ledger.requests;
            ledger.requests += 1;
            match ledger.cut {
                Some(Cut::Before(last)) if number >= last => return lost(),
                Some(Cut::After(last)) if number > last => return lost(),
                _ => {}
            }
            let answer = ledger.serve(&request);
            match ledger.cut {
                Some(Cut::After(last)) if number == last => lost(),
                _ => Ok(answer),
            }
        })
    }
}

/// A request, opened: account key or URL, and payload.
struct Opened {
    key: Value,
    kid: Value,
    payload: Value,
}

fn open(request: &HttpRequest) -> Opened {
    let decode = |part: &Value| -> Value {
        let bytes = BASE64URL_NOPAD.decode(part.as_str().unwrap_or_default().as_bytes()).unwrap();
        serde_json::from_slice(&bytes).unwrap_or(Value::Null)
    };
    let jws: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
    let protected = decode(&jws["protected"]);
    Opened { key: protected["jwk"].clone(), kid: protected["kid"].clone(), payload: decode(&jws["payload"]) }
}

fn answer(
    status: u16,
    content_type: &'static str,
    location: Option<String>,
    body: Vec<u8>,
    nonce: u32,
) -> HttpResponse {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static(content_type));
    headers.insert("replay-nonce", HeaderValue::from_str(&format!("nonce-{nonce}")).unwrap());
    if let Some(location) = location {
        headers.insert("location", HeaderValue::from_str(&location).unwrap());
    }
    HttpResponse { status: StatusCode::from_u16(status).unwrap(), headers, body }
}

impl Ledger {
    /// How many requests were sent since the connection was last cut or mended, those that did not arrive among them.
    pub(crate) fn tried(&self) -> u32 {
        self.requests
    }

    fn serve(&mut self, request: &HttpRequest) -> HttpResponse {
        let path = request.url.as_str().strip_prefix(CA).unwrap().to_owned();
        *self.asked.entry(path.clone()).or_default() += 1;
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let nonce = self.requests;
        if let ["internal", rest @ ..] = parts.as_slice() {
            return self.serve_internal(rest, request);
        }
        let (status, location, body) = match (&request.method, parts.as_slice()) {
            (&Method::HEAD, _) => (200, None, json!(null)),
            (&Method::GET, ["directory"]) => (200, None, self.directory()),
            (&Method::GET, ["renewal-info", _]) => self.renewal_info(),
            (&Method::POST, ["certificate", number]) => {
                let order = &self.orders[number.parse::<usize>().unwrap()];
                let pem = order.certificate.clone().unwrap();
                return answer(200, "application/pem-certificate-chain", None, pem.into_bytes(), nonce);
            }
            (_, parts) => self.signed(parts, &open(request)),
        };
        let kind = if status < 400 { "application/json" } else { "application/problem+json" };
        answer(status, kind, location, body.to_string().into_bytes(), nonce)
    }
}

/// Waits until nobody listens at a port of this machine any more: a child that another test is just starting keeps a copy of every listener until it
/// has become its program.
pub(crate) async fn nobody_listens(port: u16) {
    let waiting = async {
        while tokio::net::TcpStream::connect((std::net::Ipv4Addr::LOCALHOST, port)).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("somebody still listens");
}
