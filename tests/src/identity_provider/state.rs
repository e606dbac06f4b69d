//! What the provider remembers while it runs.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

use ca_server::clock::Clock;
use parking_lot::Mutex;
use time::OffsetDateTime;

use super::faults::Faults;
use super::keys::KeyRing;
use super::oidc::authorize::AuthorizationRequest;
use super::people::{Client, ServiceProvider, User};
use super::saml::request::AuthnRequest;

/// Endpoints that are counted and can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// The discovery document.
    Discovery,
    /// The keys.
    Keys,
    /// The token endpoint.
    Token,
    /// The userinfo endpoint.
    UserInfo,
    /// The SAML metadata.
    Metadata,
}

/// The provider.
pub(super) struct State {
    /// Its address without a slash at its end.
    pub(super) base: String,
    pub(super) inner: Mutex<Inner>,
}

pub(super) struct Inner {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) users: Vec<User>,
    pub(super) clients: Vec<Client>,
    pub(super) service_providers: Vec<ServiceProvider>,
    pub(super) keys: Arc<KeyRing>,
    /// Those that are published but not used yet.
    pub(super) next: Option<Arc<KeyRing>>,
    pub(super) faults: Faults,
    pub(super) asked: BTreeMap<Endpoint, u32>,
    /// Requests whose person has not signed in yet, by the ticket in the form.
    pub(super) waiting: HashMap<String, Request>,
    /// Browsers that are signed in, by their cookie.
    pub(super) sessions: HashMap<String, Session>,
    /// Codes that were not redeemed yet.
    pub(super) grants: HashMap<String, Grant>,
    /// Access tokens and the logins they are for.
    pub(super) access: HashMap<String, String>,
}

/// What a relying party asks for.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Oidc(AuthorizationRequest),
    Saml(AuthnRequest),
}

/// A browser that is signed in.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) login: String,
    pub(super) since: OffsetDateTime,
}

/// What a code is worth.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) request: AuthorizationRequest,
    pub(super) user: User,
    pub(super) authenticated: OffsetDateTime,
}

impl State {
    pub(super) fn new(base: String, clock: Arc<dyn Clock>, users: Vec<User>) -> io::Result<Self> {
        let inner = Inner {
            clock,
            users,
            clients: Vec::new(),
            service_providers: Vec::new(),
            keys: Arc::new(KeyRing::first()?),
            next: None,
            faults: Faults::default(),
            asked: BTreeMap::new(),
            waiting: HashMap::new(),
            sessions: HashMap::new(),
            grants: HashMap::new(),
            access: HashMap::new(),
        };
        Ok(Self { base, inner: Mutex::new(inner) })
    }

    /// Its SAML entity id.
    pub(super) fn entity_id(&self) -> String {
        format!("{}/saml/metadata", self.base)
    }

    pub(super) fn now(&self) -> OffsetDateTime {
        self.inner.lock().clock.now()
    }

    pub(super) fn faults(&self) -> Faults {
        self.inner.lock().faults.clone()
    }

    pub(super) fn keys(&self) -> Arc<KeyRing> {
        Arc::clone(&self.inner.lock().keys)
    }

    /// The keys whose certificates stand in the SAML metadata.
    pub(super) fn published(&self) -> Vec<Arc<KeyRing>> {
        let inner = self.inner.lock();
        std::iter::once(&inner.keys).chain(&inner.next).map(Arc::clone).collect()
    }

    pub(super) fn announce_keys(&self) -> io::Result<()> {
        let next = Arc::new(self.keys().next()?);
        self.inner.lock().next = Some(next);
        Ok(())
    }

    pub(super) fn user(&self, login: &str) -> Option<User> {
        self.inner.lock().users.iter().find(|user| user.login == login).cloned()
    }

    pub(super) fn rotate_keys(&self) -> io::Result<()> {
        let announced = self.inner.lock().next.take();
        let next = announced.map_or_else(|| self.keys().next().map(Arc::new), Ok)?;
        self.inner.lock().keys = next;
        Ok(())
    }
}

/// 256 random bits, base64url.
pub(super) fn random() -> String {
    use base64::Engine as _;
    let mut bits = [0; 32];
    // The generator of the operating system does not fail once the process runs; a repeated token would only confuse the demonstration.
    let _ = aws_lc_rs::rand::fill(&mut bits);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bits)
}
