//! An identity provider for the quickstart and the tests: OpenID Connect and SAML 2.0, a login page, and switches that make it misbehave.
//!
//! It runs in this process, over TLS or in the clear on this machine only. A person can use it in a browser, a test can drive it with
//! the [`Browser`](crate::browser::Browser) or skip the pages ([`IdentityProvider::answer_oidc`], [`IdentityProvider::answer_saml`]).
//! Its keys are made anew for every process and are worth nothing. It prints nothing.

mod faults;
mod front;
mod keys;
mod oidc;
mod pages;
mod people;
mod saml;
mod serve;
mod state;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use ca_server::clock::{Clock, SystemClock};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

pub use faults::{Change, Faults, Misbehaviour, Signing};
pub use oidc::authorize::AuthorizeError;
pub use people::{Client, ServiceProvider, User};
pub use saml::draft::{AssertionDraft, EMAIL_FORMAT};
pub use saml::request::RequestError;
pub use saml::response::SamlAnswer;
pub use state::Endpoint;

use state::State;

/// A running provider; stops when dropped.
pub struct IdentityProvider {
    state: Arc<State>,
    root_pem: Option<String>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// How a provider starts.
pub struct Builder {
    port: u16,
    tls: bool,
    clock: Arc<dyn Clock>,
    users: Vec<User>,
}

impl Default for Builder {
    fn default() -> Self {
        Self { port: 0, tls: false, clock: Arc::new(SystemClock), users: Vec::new() }
    }
}

impl Builder {
    /// Listens on this port of 127.0.0.1. Default: a free one.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// Shows a certificate for `localhost` of its own making. Default: http.
    #[must_use]
    pub fn tls(self) -> Self {
        Self { tls: true, ..self }
    }

    /// Tells the time by this clock. Default: the system's.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Knows this person.
    #[must_use]
    pub fn user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// If the port is taken, or keys or a certificate cannot be made.
    pub async fn start(self) -> io::Result<IdentityProvider> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?;
        let address = listener.local_addr()?;
        let base = if self.tls {
            format!("https://localhost:{}", address.port())
        } else {
            format!("http://127.0.0.1:{}", address.port())
        };
        let (acceptor, root_pem) = if self.tls {
            let (acceptor, root) = serve::tls()?;
            (Some(acceptor), Some(root))
        } else {
            (None, None)
        };
        let state = Arc::new(State::new(base, self.clock, self.users)?);
        let task = tokio::spawn(serve::run(listener, acceptor, front::router(Arc::clone(&state))));
        Ok(IdentityProvider { state, root_pem, address, task })
    }
}

impl IdentityProvider {
    /// How to start one.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The issuer (OpenID Connect), and the address of everything else without a slash at its end.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.state.base
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The root of its TLS certificate, if it has one.
    #[must_use]
    pub fn root_pem(&self) -> Option<&str> {
        self.root_pem.as_deref()
    }

    /// Its SAML metadata.
    #[must_use]
    pub fn saml_metadata(&self) -> String {
        saml::metadata(&self.state)
    }

    /// Where that can be fetched; also its SAML entity id.
    #[must_use]
    pub fn saml_metadata_url(&self) -> String {
        self.state.entity_id()
    }

    /// Knows one more person, or the same one anew.
    pub fn add_user(&self, user: User) {
        let mut inner = self.state.inner.lock();
        inner.users.retain(|known| known.login != user.login);
        inner.users.push(user);
    }

    /// Serves one more OpenID Connect client.
    pub fn add_client(&self, client: Client) {
        self.state.inner.lock().clients.push(client);
    }

    /// Serves one more SAML service provider.
    pub fn add_service_provider(&self, service_provider: ServiceProvider) {
        self.state.inner.lock().service_providers.push(service_provider);
    }

    /// Tells the time by another clock from now on.
    pub fn follow(&self, clock: Arc<dyn Clock>) {
        self.state.inner.lock().clock = clock;
    }

    /// Makes it misbehave until [`IdentityProvider::heal`].
    pub fn faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.state.inner.lock().faults);
    }

    /// Makes it behave again.
    pub fn heal(&self) {
        self.state.inner.lock().faults = Faults::default();
    }

    /// Makes the next keys and publishes them in the SAML metadata, beside those that it goes on signing with.
    ///
    /// # Errors
    /// If keys cannot be made.
    pub fn announce_keys(&self) -> io::Result<()> {
        self.state.announce_keys()
    }

    /// Signs with new keys, those that were announced if there are any, and publishes only them.
    ///
    /// # Errors
    /// If keys cannot be made.
    pub fn rotate_keys(&self) -> io::Result<()> {
        self.state.rotate_keys()
    }

    /// How often an endpoint was asked.
    #[must_use]
    pub fn asked(&self, endpoint: Endpoint) -> u32 {
        self.state.inner.lock().asked.get(&endpoint).copied().unwrap_or_default()
    }

    /// Where the person's browser would go after it signed in: the answer to an OpenID Connect request, without any page.
    ///
    /// # Errors
    /// If the request is not one this provider serves, or nobody has this login.
    pub fn answer_oidc(&self, request: &Url, login: &str) -> Result<Url, AuthorizeError> {
        oidc::authorize::answer(&self.state, request, login)
    }

    /// What the person's browser would post after it signed in: the answer to a SAML request, without any page.
    ///
    /// # Errors
    /// If the request is not one this provider serves, or nobody has this login.
    pub fn answer_saml(&self, request: &Url, login: &str) -> Result<SamlAnswer, RequestError> {
        saml::request::answer(&self.state, request, login)
    }
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        self.task.abort();
    }
}
