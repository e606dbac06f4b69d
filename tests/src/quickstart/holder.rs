//! Who holds a certificate, a device or a person: the client's own library with a state directory.

use std::path::PathBuf;

use acme_client::acme::Identifier;
use acme_client::clock::{Clock, FixedClock, SystemClock};
use acme_client::enroll::{
    AccountOptions, Agent, Connector, EnrollError, Leaf, Person, directory_url, obtain, open_account,
};
use acme_client::progress::Progress;
use acme_client::renew::{Attempt, Why, renew_identity};
use acme_client::state::{
    IdentityDir, IdentityName, IdentitySettings, KeyType, ServerLabel, StateDir, Subject,
};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::internal::Certified;
use super::{Authority, Failure, Place, Teller};

/// A holder with its state directory.
pub(super) struct Holder {
    state: StateDir,
    connector: Connector,
    identity: IdentityDir,
    settings: IdentitySettings,
}

/// A certificate that is held, with its key.
pub(super) struct Held {
    /// The chain, PEM, leaf first.
    pub(super) fullchain: String,
    /// The key, PEM. Wiped when dropped.
    pub(super) key: Zeroizing<String>,
    /// What the leaf says.
    pub(super) leaf: Leaf,
    /// The folder with the files.
    pub(super) folder: PathBuf,
}

impl Held {
    /// What was issued, and how long that took.
    pub(super) fn certified(&self, took: std::time::Duration) -> Certified {
        Certified { fullchain: self.fullchain.clone(), took }
    }
}

impl Holder {
    /// Somebody whose state is in `folder`, and who knows the authority's root.
    pub(super) fn new(
        subject: Subject,
        authority: &Authority,
        place: &Place,
        folder: &str,
    ) -> Result<Self, Failure> {
        let state = StateDir::at(place.join(folder));
        let directory = directory_url(&authority.directory)?;
        state.account(&ServerLabel::of(&directory)).store_roots(authority.root_pem.as_bytes())?;
        let name = match &subject {
            Subject::Device(device) => {
                IdentityName::for_domain(device.names.first().map_or("", String::as_str))?
            }
            Subject::Person(person) => IdentityName::for_email(&person.email)?,
            Subject::Internal(_) | Subject::Est(_) => IdentityName::parse(folder)?,
        };
        let settings = IdentitySettings {
            subject,
            directory,
            profile: None,
            key_type: KeyType::P256,
            key_store: tokens::KeyStore::File,
            keep: 5,
            deploy: None,
        };
        Ok(Self { identity: state.identity(&name), state, connector: Connector::default(), settings })
    }

    /// What the certificates are for.
    pub(super) fn identifiers(&self) -> Vec<Identifier> {
        self.settings.identifiers()
    }

    fn agent<'a>(
        &'a self,
        clock: &'a dyn Clock,
        progress: &'a dyn Progress,
        person: Option<&'a dyn Person>,
    ) -> Agent<'a> {
        Agent { state: &self.state, connector: &self.connector, clock, progress, person }
    }

    /// Registers, proves and holds the first certificate.
    pub(super) async fn enroll(&self, teller: &Teller, person: Option<&dyn Person>) -> Result<Held, Failure> {
        let (_lock, _) = self.state.lock()?;
        let agent = self.agent(&SystemClock, teller, person);
        let client = self.connector.connect(&self.state, &self.settings.directory).await?;
        let account = open_account(agent, &client, &AccountOptions::default()).await?;
        self.identity.store_settings(&self.settings)?;
        obtain(agent, &account, &self.identity, &self.settings, None).await?;
        self.held()
    }

    /// One pass of `renew` today: it must find that it is too early. Gives the moment that the server suggests.
    pub(super) async fn not_due(&self, teller: &Teller) -> Result<OffsetDateTime, Failure> {
        match self.pass(&SystemClock, teller, false).await? {
            Attempt::NotDue { at, why: Why::Suggested } => Ok(at),
            other => Err(Failure::Pass(format!("{other:?}"))),
        }
    }

    /// One pass of `renew` at that moment, as an unattended agent makes it: the order names the certificate that it replaces (RFC 9773).
    pub(super) async fn renew_at(&self, at: OffsetDateTime, teller: &Teller) -> Result<Held, Failure> {
        match self.pass(&FixedClock(at), teller, false).await? {
            Attempt::Renewed { why: Why::Suggested, .. } => self.held(),
            other => Err(Failure::Pass(format!("{other:?}"))),
        }
    }

    /// One pass of `renew --force` with nobody there: a person's last sign-in must still serve.
    pub(super) async fn renew_now(&self, teller: &Teller) -> Result<Held, Failure> {
        match self.pass(&SystemClock, teller, true).await? {
            Attempt::Renewed { why: Why::Forced, .. } => self.held(),
            other => Err(Failure::Pass(format!("{other:?}"))),
        }
    }

    async fn pass(&self, clock: &dyn Clock, teller: &Teller, force: bool) -> Result<Attempt, Failure> {
        let (_lock, _) = self.state.lock()?;
        let report = renew_identity(self.agent(clock, teller, None), &self.identity, force).await;
        match report.attempt {
            Attempt::Failed { error, .. } => Err(error.into()),
            attempt => Ok(attempt),
        }
    }

    /// What `current` leads to.
    fn held(&self) -> Result<Held, Failure> {
        let current =
            self.identity.current()?.ok_or_else(|| Failure::Pass("no certificate is in place".to_owned()))?;
        let leaf = Leaf::from_pem(&current.certificate).map_err(EnrollError::from)?;
        let fullchain = format!("{}{}", current.certificate, current.chain);
        Ok(Held { fullchain, key: current.key, leaf, folder: current.folder })
    }
}
