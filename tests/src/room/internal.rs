//! The device's own certificate of the provider's authority: obtained with an activation code at the start, renewed when it is time, by the library of
//! `acme-client`, as any agent does.
//!
//! Trusts the roots it was given for that server. Token and key lie in the state directory, as the agent keeps them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use acme_client::acme::RootsError;
use acme_client::enroll::{Agent, Connector, EnrollError, activate, internal_authority, obtain_internal};
use acme_client::internal::{InternalError, internal_url};
use acme_client::progress::Silent;
use acme_client::renew::{Attempt, renew_identity};
use acme_client::state::{
    Credential, IdentityDir, IdentityName, IdentitySettings, KeyType, ServerLabel, StateDir, StateError,
    Subject,
};
use certs::key::Secret;
use tokens::KeyStore;
use tokio::sync::Mutex;

use super::device::{AgentClock, Device};

/// Where a device gets its own certificate.
pub struct Enrolment {
    /// The server, as `acme-client --ca` takes it.
    pub url: String,
    /// Whom to trust for its TLS certificate, PEM.
    pub roots: String,
    /// The activation code; not needed where the folder has an account already.
    pub code: Option<Secret>,
    /// Where token, key and certificate are kept. A temporary folder if there is none.
    pub folder: Option<PathBuf>,
    /// Addresses to use instead of asking DNS, by host name.
    pub addresses: Vec<(String, SocketAddr)>,
}

/// Why a device has no certificate of its own.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// The server did not give one, or cannot be asked.
    #[error(transparent)]
    Enroll(#[from] EnrollError),
    /// The state directory.
    #[error(transparent)]
    State(#[from] StateError),
    /// The roots.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// The state directory cannot be made.
    #[error("a folder for the device's own identity cannot be made: {0}")]
    Folder(#[from] std::io::Error),
    /// There is neither an account nor a code.
    #[error("the device has no account at the internal authority, and no activation code")]
    NoCode,
    /// What is in place is no certificate.
    #[error("the certificate in place cannot be read")]
    Certificate,
}

impl From<InternalError> for OwnError {
    fn from(error: InternalError) -> Self {
        Self::Enroll(error.into())
    }
}

/// The certificate of a device, and how it stays valid.
pub(super) struct OwnIdentity {
    device: Device,
    state: StateDir,
    settings: IdentitySettings,
    name: IdentityName,
    connector: Connector,
    clock: AgentClock,
    /// One renewal at a time.
    turn: Mutex<()>,
    _folder: Option<tempfile::TempDir>,
}

impl OwnIdentity {
    /// Obtains it, or takes the one that is in the folder.
    pub(super) async fn begin(device: Device, enrolment: Enrolment) -> Result<Self, OwnError> {
        let Enrolment { url, roots, code, folder, addresses } = enrolment;
        let (path, temporary) = match folder {
            Some(path) => (path, None),
            None => {
                let made = tempfile::tempdir()?;
                (made.path().to_owned(), Some(made))
            }
        };
        let mut connector = Connector::default();
        connector.environment_proxy = addresses.is_empty();
        connector.addresses = addresses;
        let settings = IdentitySettings {
            subject: Subject::Internal(Credential::MachineAccount),
            directory: internal_url(&url)?,
            profile: None,
            key_type: KeyType::P256,
            key_store: KeyStore::File,
            keep: 2,
            deploy: None,
        };
        let own = Self {
            clock: AgentClock(Arc::clone(device.clock())),
            device,
            state: StateDir::at(path),
            settings,
            name: IdentityName::parse("internal")?,
            connector,
            turn: Mutex::default(),
            _folder: temporary,
        };
        own.obtain(&roots, code.as_ref()).await?;
        own.show().await?;
        Ok(own)
    }

    fn agent(&self) -> Agent<'_> {
        Agent {
            state: &self.state,
            connector: &self.connector,
            clock: &self.clock,
            progress: &Silent,
            person: None,
        }
    }

    fn identity(&self) -> IdentityDir {
        self.state.identity(&self.name)
    }

    async fn obtain(&self, roots: &str, code: Option<&Secret>) -> Result<(), OwnError> {
        let (_lock, _) = self.state.lock()?;
        self.state.account(&ServerLabel::of(&self.settings.directory)).store_roots(roots.as_bytes())?;
        let identity = self.identity();
        if identity.current()?.is_some() {
            return Ok(());
        }
        identity.store_settings(&self.settings)?;
        let authority = internal_authority(self.agent(), &self.settings)?;
        // A start that got the account and no certificate goes on from there: a code works once.
        if identity.machine()?.is_none() {
            let code = code.ok_or(OwnError::NoCode)?;
            activate(self.agent(), &authority, &identity, code.expose()).await?;
        }
        obtain_internal(self.agent(), &authority, &identity, &self.settings, &Credential::MachineAccount)
            .await?;
        self.device.console().say("the provider's authority certified this device".to_owned());
        Ok(())
    }

    /// Renews it if it is time. That this fails is said on the console; it is tried again later.
    pub(super) async fn look(&self) -> Result<(), OwnError> {
        let _turn = self.turn.lock().await;
        let (_lock, _) = self.state.lock()?;
        let report = renew_identity(self.agent(), &self.identity(), false).await;
        match report.attempt {
            Attempt::Renewed { .. } => {
                self.device
                    .console()
                    .say("the provider's authority renewed this device's certificate".to_owned());
            }
            Attempt::Failed { error, .. } => {
                self.device.console().say(format!("the device's own certificate was not renewed: {error}"));
            }
            Attempt::NotDue { .. }
            | Attempt::HeldBack { .. }
            | Attempt::SignInNeeded { .. }
            | Attempt::ApprovalNeeded { .. } => {}
        }
        self.show().await
    }

    async fn show(&self) -> Result<(), OwnError> {
        let current = self.identity().current()?.ok_or(OwnError::Certificate)?;
        let pem = format!("{}{}", current.certificate, current.chain);
        let chain = certs::pem::parse_certificates(&pem).map_err(|_| OwnError::Certificate)?;
        self.device.set_internal(chain).await;
        Ok(())
    }
}
