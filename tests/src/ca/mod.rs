//! A whole authority in this process: the real server behind TLS on a loopback socket, a still clock, a DNS of its own, and fault switches.
//!
//! Nothing is mocked behind the front door: resolver, worker, store and journal are the server's own. For tests only: its keys are made anew for
//! every process and are worth nothing. The host `ca.test` exists only for clients that come from here.

#![expect(clippy::expect_used, reason = "a harness whose own set-up is wrong must stop at once")]

mod audit;
mod builder;
mod eab;
mod files;
mod patience;
mod rotation;

use std::sync::Arc;

use acme_client::acme::{
    Client, HttpsConfig, HttpsTransport, Patience, PollPolicy, ResourceUrl, RetryPolicy, Roots,
};
use ca_server::app::App;
use ca_server::clock::FixedClock;
use ca_server::config::Config;
use ca_server::ids::AuthorityName;
use ca_server::server::{self, Parts, Running};
use ca_server::store::faulty::{Faulty, Switches};
use ca_server::store::memory::Memory;
use ca_server::store::sled::{Sled, SledConfig};
use ca_server::store::{Backend, Range, Table};
use tempfile::TempDir;

use crate::device::{Device, Http, NoncePool};
use crate::dns::FakeDns;

pub use audit::Audit;
pub use builder::Builder;
pub use eab::Binding;
pub use files::{HOST, START};
pub use patience::QuickClock;

/// A running authority.
pub struct TestCa {
    running: Running,
    config: Config,
    kept: Kept,
    /// The DNS that it asks.
    pub dns: FakeDns,
    /// Its clock, which stands still until it is moved.
    pub clock: FixedClock,
    /// Switches of its store.
    pub store_faults: Switches,
    folder: TempDir,
    nonces: NoncePool,
}

/// Where it keeps its records.
#[derive(Clone)]
enum Kept {
    Memory(Arc<Memory>),
    Sled,
}

/// Every row of every table, to see whether anything changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot(Vec<(Table, Vec<u8>, Vec<u8>)>);

impl Snapshot {
    /// How many rows there are in `table`.
    #[must_use]
    pub fn rows(&self, table: Table) -> usize {
        self.0.iter().filter(|(of, _, _)| *of == table).count()
    }

    /// Whether `text` stands in a key or a value.
    #[must_use]
    pub fn holds(&self, text: &str) -> bool {
        let within = |octets: &[u8]| octets.windows(text.len()).any(|seen| seen == text.as_bytes());
        self.0.iter().any(|(_, key, value)| within(key) || within(value))
    }

    /// The tables whose rows differ from those of `other`.
    #[must_use]
    pub fn changed_since(&self, other: &Self) -> Vec<Table> {
        let of = |rows: &Self, table| rows.0.iter().filter(|row| row.0 == table).cloned().collect::<Vec<_>>();
        Table::ALL.iter().copied().filter(|table| of(self, *table) != of(other, *table)).collect()
    }
}

impl TestCa {
    /// An authority as a newcomer would have it: everything offered, `corp.test` allowed, memory store.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// An authority with something changed.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    async fn open(config: Config, kept: Kept, dns: FakeDns, clock: FixedClock, folder: TempDir) -> Self {
        let store_faults = Switches::default();
        let running = run(&config, &kept, &clock, &store_faults).await;
        Self { running, config, kept, dns, clock, store_faults, folder, nonces: NoncePool::default() }
    }

    /// Stops the server as SIGTERM does and starts it again on the same records (if they are in the embedded store), with the DNS, clock and folder that it had.
    /// Store faults are gone, and it listens elsewhere.
    pub async fn restart(self) -> Self {
        let config = self.config.clone();
        self.restart_with(config).await
    }

    /// The same with another configuration.
    pub async fn restart_with(self, config: Config) -> Self {
        let Self { running, kept, dns, clock, folder, .. } = self;
        running.shutdown().await;
        let kept = match kept {
            // Closing is for good; what was in memory is not.
            Kept::Memory(_) => Kept::Memory(Arc::new(Memory::new())),
            Kept::Sled => Kept::Sled,
        };
        Self::open(config, kept, dns, clock, folder).await
    }

    /// Stops the server as SIGTERM does.
    pub async fn stop(self) {
        self.running.shutdown().await;
    }

    /// The running server.
    #[must_use]
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// Its parts.
    #[must_use]
    pub fn app(&self) -> &App {
        self.running.app()
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The folder with its configuration, policy and keys.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The absolute URL of a path such as `/acme/external/directory`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("https://{HOST}{path}")
    }

    /// The URL of a resource of an authority, such as `new-order` of `external`.
    #[must_use]
    pub fn resource(&self, authority: &str, name: &str) -> String {
        self.url(&format!("/acme/{authority}/{name}"))
    }

    /// The root that clients trust for identities, PEM.
    #[must_use]
    pub fn root_pem(&self) -> &'static str {
        &files::files().root
    }

    /// What clients trust for TLS, PEM.
    #[must_use]
    pub fn tls_pem(&self) -> &'static str {
        &files::files().tls_certificate
    }

    /// The host of its URLs.
    #[must_use]
    pub const fn host(&self) -> &'static str {
        HOST
    }

    /// The other root, above the alternate chain, PEM.
    #[must_use]
    pub fn second_root_pem(&self) -> &'static str {
        &files::files().second_root
    }

    /// A plain HTTPS client that shows everything.
    #[must_use]
    pub fn http(&self) -> Http {
        Http::new(HOST, self.running.address(), &files::files().tls_certificate).sharing(&self.nonces)
    }

    /// Makes an account at `external`; the name is for the reader of the test.
    pub async fn register(&self, name: &str) -> Device {
        self.register_at("external", name).await
    }

    /// Makes an account at another authority.
    pub async fn register_at(&self, authority: &str, name: &str) -> Device {
        let mut device = self.stranger(authority, name);
        device.register().await;
        device
    }

    /// A key without an account.
    #[must_use]
    pub fn stranger(&self, authority: &str, name: &str) -> Device {
        Device::at(self.http(), &self.url(&format!("/acme/{authority}")), name)
    }

    /// Our own client's core at `external`, over its real transport; only its waits are shortened.
    pub async fn client(&self) -> Client {
        self.client_at("external").await
    }

    /// The same at another authority.
    pub async fn client_at(&self, authority: &str) -> Client {
        let address = self.running.address();
        self.client_over(&self.resource(authority, "directory"), address).await
    }

    /// The same, reaching `ca.test` at another address: that of a [`crate::faults::Front`].
    pub async fn client_over(&self, directory: &str, address: std::net::SocketAddr) -> Client {
        let roots = Roots::from_pem(files::files().tls_certificate.as_bytes()).expect("the TLS root is PEM");
        let mut https = HttpsConfig::new(roots);
        https.environment_proxy = false;
        https.addresses = vec![(HOST.to_owned(), address)];
        let transport = Arc::new(HttpsTransport::new(&https).expect("the transport can be set up"));
        let patience = Patience { retry: RetryPolicy::default(), poll: PollPolicy::default() };
        let url: ResourceUrl = directory.parse().expect("the directory has a URL");
        Client::connect_over(url, transport, Arc::new(QuickClock::default()), patience)
            .await
            .expect("the directory can be read")
    }

    /// What the journal says.
    pub async fn audit(&self) -> Audit {
        Audit::of(&self.app().store).await
    }

    /// Every row there is.
    pub async fn snapshot(&self) -> Snapshot {
        let mut rows = Vec::new();
        for table in Table::ALL {
            let found = self.app().store.scan(Range::of(*table)).await.expect("the store can be read");
            rows.extend(found.into_iter().map(|(key, value)| (*table, key, value)));
        }
        Snapshot(rows)
    }

    /// Makes an external account binding key, as `ca-server eab create` does; it covers `domains`, or all if there are none.
    pub async fn external_key(&self, kid: &str, authority: &str, domains: &[&str]) -> Binding {
        let authority: AuthorityName = authority.parse().expect("the authority has a name");
        Binding::create(&self.app().store, kid, authority, domains, self.running.app().clock.now()).await
    }

    /// Shows the TLS certificate and key with which a front can stand in for the server, PEM.
    pub(crate) fn tls_pair() -> (&'static str, &'static str) {
        (&files::files().tls_certificate, &files::files().tls_key)
    }
}

async fn run(config: &Config, kept: &Kept, clock: &FixedClock, faults: &Switches) -> Running {
    let inner: Arc<dyn Backend> = match kept {
        Kept::Memory(memory) => Arc::<Memory>::clone(memory),
        Kept::Sled => {
            let settings = SledConfig::new(&config.resolve(std::path::Path::new("data")));
            Arc::new(Sled::open(&settings).expect("the embedded store opens"))
        }
    };
    let parts = Parts {
        clock: Some(Arc::new(clock.clone())),
        backend: Some(Arc::new(Faulty::new(inner, faults.clone()))),
        ..Parts::default()
    };
    server::start(config.clone(), parts).await.expect("the server starts")
}
