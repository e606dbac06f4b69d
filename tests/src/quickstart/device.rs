//! The device: the client's own library, with a state directory, signed DNS updates and a look at the DNS before it asks the server to look.

use std::net::SocketAddr;

use acme_client::clock::{Clock, FixedClock, SystemClock};
use acme_client::enroll::{AccountOptions, Agent, Connector, Leaf, directory_url, obtain, open_account};
use acme_client::progress::Progress;
use acme_client::renew::{Attempt, Why, renew_identity};
use acme_client::state::{
    ChallengeChoice, DeviceSettings, DnsSettings, IdentityDir, IdentityName, IdentitySettings, KeyType,
    ProviderKind, ServerLabel, StateDir, Subject,
};
use certs::name::DnsName;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{Authority, Failure, NameServer, Place, Teller};

/// A device with its state directory.
pub(super) struct Device {
    state: StateDir,
    connector: Connector,
    identity: IdentityDir,
    settings: IdentitySettings,
    /// Its name.
    pub(super) name: String,
}

/// A certificate that the device holds, with its key.
pub(super) struct Held {
    /// The chain, PEM, leaf first.
    pub(super) fullchain: String,
    /// The key, PEM. Wiped when dropped.
    pub(super) key: Zeroizing<String>,
    /// What the leaf says.
    pub(super) leaf: Leaf,
    /// The folder with the files.
    pub(super) folder: std::path::PathBuf,
}

impl Device {
    /// A device called `room-1` in `domain`, that knows the authority's root and the DNS server's key.
    pub(super) fn new(
        domain: &DnsName,
        authority: &Authority,
        names: &NameServer,
        place: &Place,
    ) -> Result<Self, Failure> {
        let state = StateDir::at(place.join("device"));
        let directory = directory_url(&authority.directory)?;
        state.account(&ServerLabel::of(&directory)).store_roots(authority.root_pem.as_bytes())?;
        let name = format!("room-1.{domain}");
        let identity = state.identity(&IdentityName::for_domain(&name)?);
        let settings = IdentitySettings {
            subject: Subject::Device(DeviceSettings {
                names: vec![name.clone()],
                challenge: ChallengeChoice::Auto,
                dns: dns_settings(names.address(), names),
            }),
            directory,
            profile: None,
            key_type: KeyType::P256,
            keep: 5,
            deploy: None,
        };
        Ok(Self { state, connector: Connector::default(), identity, settings, name })
    }

    fn agent<'a>(&'a self, clock: &'a dyn Clock, progress: &'a dyn Progress) -> Agent<'a> {
        Agent { state: &self.state, connector: &self.connector, clock, progress, person: None }
    }

    /// Registers, proves the name and holds the first certificate.
    pub(super) async fn enroll(&self, teller: &Teller) -> Result<Held, Failure> {
        let (_lock, _) = self.state.lock()?;
        let agent = self.agent(&SystemClock, teller);
        let client = self.connector.connect(&self.state, &self.settings.directory).await?;
        let account = open_account(agent, &client, &AccountOptions::default()).await?;
        self.identity.store_settings(&self.settings)?;
        obtain(agent, &account, &self.identity, &self.settings, None).await?;
        self.held()
    }

    /// One pass of `renew` today: it must find that it is too early. Gives the moment that the server suggests.
    pub(super) async fn not_due(&self, teller: &Teller) -> Result<OffsetDateTime, Failure> {
        match self.pass(&SystemClock, teller).await? {
            Attempt::NotDue { at, why: Why::Suggested } => Ok(at),
            other => Err(Failure::Pass(format!("{other:?}"))),
        }
    }

    /// One pass of `renew` at that moment, as an unattended agent makes it: the order names the certificate that it replaces (RFC 9773).
    pub(super) async fn renew_at(&self, at: OffsetDateTime, teller: &Teller) -> Result<Held, Failure> {
        match self.pass(&FixedClock(at), teller).await? {
            Attempt::Renewed { why: Why::Suggested, .. } => self.held(),
            other => Err(Failure::Pass(format!("{other:?}"))),
        }
    }

    async fn pass(&self, clock: &dyn Clock, teller: &Teller) -> Result<Attempt, Failure> {
        let (_lock, _) = self.state.lock()?;
        let report = renew_identity(self.agent(clock, teller), &self.identity, false).await;
        match report.attempt {
            Attempt::Failed { error, .. } => Err(error.into()),
            attempt => Ok(attempt),
        }
    }

    /// What `current` leads to.
    fn held(&self) -> Result<Held, Failure> {
        let current =
            self.identity.current()?.ok_or_else(|| Failure::Pass("no certificate is in place".to_owned()))?;
        let leaf = Leaf::from_pem(&current.certificate).map_err(acme_client::enroll::EnrollError::from)?;
        let fullchain = format!("{}{}", current.certificate, current.chain);
        Ok(Held { fullchain, key: current.key, leaf, folder: current.folder })
    }
}

fn dns_settings(address: SocketAddr, names: &NameServer) -> DnsSettings {
    DnsSettings {
        server: Some(address.to_string()),
        tsig_key_file: Some(names.key_file.clone()),
        resolver: Some(address),
        ttl: 1,
        ..DnsSettings::of(ProviderKind::Rfc2136)
    }
}
