//! A server whose clock is moved, and devices that live by the same clock.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration as StdDuration;

use acme_client::acme::{HttpsConfig, HttpsTransport, Patience, Roots, Transport};
use acme_client::clock::Clock;
use acme_client::enroll::{AccountOptions, Agent, Connector, EnrollError, Leaf, open_account};
use acme_client::progress::Silent;
use acme_client::renew::{Attempt, PassReport, Why};
use acme_client::run::{Daemon, Overview, Settings, Tell};
use acme_client::state::{
    ChallengeChoice, DeploySettings, DeviceSettings, DnsSettings, IdentityName, IdentitySettings, KeyType,
    ProviderKind, StateDir, Subject,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_server::admin::client::AdminClient;
use ca_server::admin::listener::AdminSocket;
use ca_server::clock::{Clock as _, FixedClock};
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use rollcall_tests::ca::{HOST, QuickClock, TestCa};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio_util::sync::{CancellationToken, DropGuard};

const KEY_NAME: &str = "fleet-key";

/// The server's clock, as the client reads it.
pub(crate) struct SameClock(FixedClock);

impl Clock for SameClock {
    fn now(&self) -> OffsetDateTime {
        self.0.now()
    }
}

/// A server for a fleet, and the folder that the devices' disks are in.
pub(crate) struct Setting {
    pub(crate) ca: TestCa,
    pub(crate) clock: SameClock,
    /// The operator's socket.
    pub(crate) operator: AdminClient,
    _socket: DropGuard,
    folder: TempDir,
    key_file: PathBuf,
}

impl Setting {
    /// A server that certifies devices for thirty days, and asks for a question a day.
    pub(crate) async fn start() -> Self {
        Self::asked_every(StdDuration::from_secs(86_400)).await
    }

    /// The same with questions as often as this.
    pub(crate) async fn asked_every(interval: StdDuration) -> Self {
        let shipped = policies::profiles::SHIPPED.iter().find(|(name, _)| *name == "device.toml").unwrap().1;
        let profile = shipped.replace("\nlifetime = \"7days\"", "\nlifetime = \"30days\"");
        assert_ne!(shipped, profile);
        let ca = TestCa::builder()
            .file("policy/profiles/device.toml", &profile)
            .configure(move |config| config.acme.renewal_info_interval = interval)
            .start()
            .await;
        // What is written is synced, as on a real device; a disk in memory does that at once.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { TempDir::new_in(memory).unwrap() } else { TempDir::new().unwrap() };
        let mut secret = [0; 32];
        aws_lc_rs::rand::fill(&mut secret).unwrap();
        ca.dns.add_tsig_key(KEY_NAME, &secret, TsigAlgorithm::HmacSha256);
        let key_file = folder.path().join("tsig.key");
        std::fs::write(&key_file, format!("{KEY_NAME}:hmac-sha256:{}\n", STANDARD.encode(secret))).unwrap();
        let clock = SameClock(ca.clock.clone());
        let socket = AdminSocket::open(&ca.config().resolve(&ca.config().admin.socket)).unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(socket.serve(ca.app().clone(), stop.clone()));
        let operator = AdminClient::new(ca.config());
        Self { ca, clock, operator, _socket: stop.drop_guard(), folder, key_file }
    }

    /// The client's own HTTPS to the server.
    pub(crate) fn https(&self) -> HttpsTransport {
        let mut https = HttpsConfig::new(Roots::from_pem(self.ca.tls_pem().as_bytes()).unwrap());
        https.environment_proxy = false;
        https.addresses = vec![(HOST.to_owned(), self.ca.running().address())];
        HttpsTransport::new(&https).unwrap()
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// Moves the one clock on.
    pub(crate) fn until(&self, at: OffsetDateTime) {
        let by = at - self.now();
        if by.is_positive() {
            // The clock shows whole seconds; a part of one has to pass too.
            let part = time::Duration::seconds(i64::from(by.subsec_nanoseconds() > 0));
            self.ca.clock.advance(by + part);
        }
    }

    /// A device's disk and its way to the server.
    pub(crate) fn home(&self, number: u64, transport: Arc<dyn Transport>) -> Home {
        let name = format!("room-{number}.corp.test");
        let folder = self.folder.path().join(&name);
        let clock = Arc::new(QuickClock::default());
        let connector = Connector::over(transport, clock, Patience::default()).keeping();
        Home { name, state: StateDir::at(folder.join("state")), folder, connector }
    }

    pub(crate) fn agent<'a>(&'a self, home: &'a Home) -> Agent<'a> {
        Agent {
            state: &home.state,
            connector: &home.connector,
            clock: &self.clock,
            progress: &Silent,
            person: None,
        }
    }

    /// What `enroll device` writes, without the certificate: that is the agent's first errand.
    pub(crate) async fn prepare(&self, home: &Home) {
        let agent = self.agent(home);
        let directory = self.ca.resource("external", "directory").parse().unwrap();
        let mut dns = DnsSettings::of(ProviderKind::Rfc2136);
        dns.server = Some(self.ca.dns.address().to_string());
        dns.tsig_key_file = Some(self.key_file.clone());
        dns.resolver = Some(self.ca.dns.address());
        let deploy = format!(
            "test ! -e '{0}/broken' && cp \"$ROLLCALL_FULLCHAIN\" '{0}/in-use.pem'",
            home.folder.display()
        );
        let settings = IdentitySettings {
            subject: Subject::Device(DeviceSettings {
                names: vec![home.name.clone()],
                challenge: ChallengeChoice::Auto,
                dns,
            }),
            directory,
            profile: Some("device".to_owned()),
            key_type: KeyType::P256,
            key_store: tokens::KeyStore::File,
            keep: 2,
            deploy: Some(DeploySettings::new(deploy)),
        };
        // Somebody stands before it, and tries until it works.
        let mut tries = 0;
        while let Err(error) = self.register(agent, &settings).await {
            tries += 1;
            assert!(tries < 10, "{}: {error}", home.name);
            agent.connector.forget().await;
        }
        agent.connector.forget().await;
        let name = IdentityName::for_domain(&home.name).unwrap();
        agent.state.identity(&name).store_settings(&settings).unwrap();
    }

    /// Opens the device's account.
    async fn register(&self, agent: Agent<'_>, settings: &IdentitySettings) -> Result<(), EnrollError> {
        let client = agent.connector.connect(agent.state, &settings.directory).await?;
        open_account(agent, &client, &AccountOptions::default()).await.map(drop)
    }
}

/// What a device is, apart from its agent.
pub(crate) struct Home {
    pub(crate) name: String,
    pub(crate) state: StateDir,
    folder: PathBuf,
    connector: Connector,
}

impl Home {
    /// The certificate that its service uses: the one that the hook was last given.
    pub(crate) fn in_use(&self) -> Option<Leaf> {
        let text = std::fs::read_to_string(self.folder.join("in-use.pem")).ok()?;
        Some(Leaf::from_pem(&text).unwrap())
    }

    /// When it ends.
    pub(crate) fn in_use_until(&self) -> Option<OffsetDateTime> {
        self.in_use().map(|leaf| leaf.not_after)
    }

    /// Whether its deploy hook fails from now on.
    pub(crate) fn break_hook(&self, broken: bool) {
        let mark = self.folder.join("broken");
        match (broken, mark.exists()) {
            (true, false) => std::fs::write(mark, "").unwrap(),
            (false, true) => std::fs::remove_file(mark).unwrap(),
            (true, true) | (false, false) => {}
        }
    }
}

/// A device that is switched on: its agent, and what became of it so far.
pub(crate) struct Device<'a> {
    pub(crate) home: &'a Home,
    setting: &'a Setting,
    daemon: Daemon<'a>,
    pub(crate) life: Life,
}

/// What became of a device.
#[derive(Debug, Default)]
pub(crate) struct Life {
    pub(crate) renewals: Vec<OffsetDateTime>,
    pub(crate) first: u64,
    pub(crate) failures: u64,
    pub(crate) hook_failures: u64,
    in_use_until: Option<OffsetDateTime>,
    now: Option<OffsetDateTime>,
    pub(crate) last_error: Option<String>,
}

impl Tell for Life {
    fn worked(&mut self, report: &PassReport, _: &Overview<'_>) {
        match &report.attempt {
            Attempt::Renewed { why: Why::Missing, .. } => self.first += 1,
            Attempt::Renewed { .. } => self.renewals.extend(self.now),
            Attempt::Failed { error, .. } => {
                self.failures += 1;
                self.last_error = Some(error.to_string());
            }
            Attempt::NotDue { .. } | Attempt::HeldBack { .. } | Attempt::SignInNeeded { .. } => {}
            Attempt::ApprovalNeeded { .. } => {}
        }
        let failed = matches!(report.deployment, Ok(acme_client::deploy::Deployment::Failed(_)) | Err(_));
        self.hook_failures += u64::from(failed);
    }
}

impl<'a> Device<'a> {
    pub(crate) fn switch_on(setting: &'a Setting, home: &'a Home) -> Self {
        let daemon = Daemon::new(setting.agent(home), Settings::default()).unwrap();
        Self { home, setting, daemon, life: Life::default() }
    }

    /// Its agent does what is due; says when it has to be called again.
    pub(crate) async fn turn(&mut self) -> OffsetDateTime {
        let now = self.setting.now();
        self.has_not_lapsed(now);
        self.life.now = Some(now);
        let next = self.daemon.turn(&mut self.life).await.unwrap().expect("an agent always has a plan");
        assert!(next > now, "{} would turn again at once: {:?}", self.home.name, self.life);
        self.life.in_use_until = self.home.in_use_until();
        next
    }

    /// What is in use changes in turns only, so it is enough to look before each.
    #[track_caller]
    pub(crate) fn has_not_lapsed(&self, now: OffsetDateTime) {
        if let Some(until) = self.life.in_use_until {
            assert!(
                now < until,
                "{} used a certificate until {now} that ended {until}: {:?}",
                self.home.name,
                self.life
            );
        }
    }
}
