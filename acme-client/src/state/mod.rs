//! The state directory: accounts, identities and everything needed to go on after a crash.
//!
//! ```text
//! accounts/<server>/{account.json,key.pem,next-key.pem,roots.pem}
//! agent.json                                 what the agent that runs all the time says of itself
//! identities/<name>/identity.toml            what to renew and how
//! identities/<name>/pending/                 the order being worked on, with its key, stored before finalize; for a person
//!                                            also how a sign-in that was begun comes back; at an internal authority the request that was sent
//! identities/<name>/generations/<n>/         cert.pem chain.pem fullchain.pem key.pem (or key.uri, of a key in a token) origin.json
//! identities/<name>/current -> generations/<n>
//! identities/<name>/{renewal.json,deploy.json}
//! identities/<name>/token-keys.json          the keys that were made in tokens
//! identities/<name>/{machine.json,machine-key.pem,machine-next.json,machine-next-key.pem}   a device's account at an internal authority
//! devices/<host>/device.json                 a room device: its pins, and what was put into it
//! ```
//! Trusts the filesystem's rename and fsync, and that only holders of the lock write. A reader who resolves `current` once
//! never sees a mixed or missing pair, whenever a writer is killed.

mod account;
mod agent;
mod device;
mod durable;
mod enrolment;
mod generation;
mod identity;
mod lock;
mod machine;
mod name;
mod pending;
mod records;
mod recovery;
mod settings;
mod sign_in;
mod token_keys;

#[cfg(test)]
mod tests;

use std::{
    env, io,
    path::{Path, PathBuf},
};

use certs::name::EmailAddress;

use crate::enroll::Leaf;

#[cfg(test)]
pub(crate) use durable::fault;

pub use account::{AccountDir, AccountRecord};
pub use agent::AgentRecord;
pub use device::{DeviceDir, DeviceProgress, DeviceRecord};
pub use enrolment::{Operation, PendingEnrolment, Waiting};
pub use generation::{CurrentPair, Generation, Issued, Origin};
pub use identity::IdentityDir;
pub use lock::{AgentLock, StateLock};
pub use machine::MachineRecord;
pub use name::{IdentityName, ServerLabel};
pub use pending::PendingOrder;
pub use records::{DeployOutcome, DeployRecord, LastError, RenewalRecord, SignInWanted, Window};
pub use recovery::Recovered;
pub use settings::{
    ChallengeChoice, Credential, DeploySettings, DeviceSettings, DnsSettings, EstSettings, IdentitySettings,
    KeyType, PersonSettings, ProviderKind, Subject,
};
pub use sign_in::{BegunSignIn, SignInWay};

/// Why the state directory could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The filesystem refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error("state directory {} is in use{}", path.display(), holder.as_ref().map(|held| format!(" by process {held}")).unwrap_or_default())]
    Busy {
        /// The state directory.
        path: PathBuf,
        /// The process that holds it, when it said so.
        holder: Option<u32>,
    },
    /// Another agent runs on this directory.
    #[error("an agent already runs on state directory {}{}", path.display(), holder.as_ref().map(|held| format!(", as process {held}")).unwrap_or_default())]
    AgentRuns {
        /// The state directory.
        path: PathBuf,
        /// The process, when it said so.
        holder: Option<u32>,
    },
    /// A file that the agent wrote, or a person edited, does not parse.
    #[error("{} is not readable: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        problem: String,
    },
    /// No identity of that name is kept here.
    #[error("no identity {name} in {}", path.display())]
    NoIdentity {
        /// The name asked for.
        name: String,
        /// The state directory.
        path: PathBuf,
    },
    /// A name that cannot be a folder here.
    #[error("{0:?} cannot name an identity: use letters, digits and . - _ @ + %, at most 200 of them")]
    BadName(String),
    /// The identity has settings but no certificate yet.
    #[error("identity {0} has no certificate yet")]
    NoCertificate(IdentityName),
    /// Neither `--state` nor `HOME` says where to keep state.
    #[error("no place for the state directory")]
    NoPlace,
}

/// One state directory.
#[derive(Clone, Debug)]
pub struct StateDir {
    root: PathBuf,
}

impl StateDir {
    /// The directory at `root`, which need not exist yet. Nothing is touched.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where state is kept when nobody says: `$XDG_STATE_HOME/rollcall`; for root `/var/lib/rollcall`; else
    /// `~/.local/state/rollcall`.
    pub fn default_path() -> Result<PathBuf, StateError> {
        if let Some(base) = env::var_os("XDG_STATE_HOME").filter(|value| !value.is_empty()) {
            return Ok(PathBuf::from(base).join("rollcall"));
        }
        if rustix::process::geteuid().is_root() {
            return Ok(PathBuf::from("/var/lib/rollcall"));
        }
        env::var_os("HOME")
            .filter(|value| !value.is_empty())
            .map(|home| PathBuf::from(home).join(".local/state/rollcall"))
            .ok_or(StateError::NoPlace)
    }

    /// The path of the directory itself.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Takes the one lock of this directory (creating the directory if need be) and removes what a crash left half-made.
    /// Every writer must hold it.
    pub fn lock(&self) -> Result<(StateLock, Recovered), StateError> {
        durable::create_dir(&self.root)?;
        let lock = StateLock::take(&self.root)?;
        let recovered = recovery::recover(&self.root)?;
        Ok((lock, recovered))
    }

    /// The folder of the account at one server.
    pub fn account(&self, server: &ServerLabel) -> AccountDir {
        AccountDir::at(self.root.join("accounts").join(server.as_str()))
    }

    /// Every account kept here.
    pub fn accounts(&self) -> Result<Vec<AccountDir>, StateError> {
        let folder = self.root.join("accounts");
        let names = durable::entries(&folder)?;
        Ok(names
            .into_iter()
            .filter(|name| !name.starts_with('.'))
            .map(|name| AccountDir::at(folder.join(name)))
            .collect())
    }

    /// The folder of one identity, whether or not it exists.
    pub fn identity(&self, name: &IdentityName) -> IdentityDir {
        IdentityDir::at(self.root.join("identities").join(name.as_str()), name.clone())
    }

    /// Every identity kept here, by name.
    pub fn identities(&self) -> Result<Vec<IdentityDir>, StateError> {
        let names = durable::entries(&self.root.join("identities"))?;
        Ok(names
            .into_iter()
            .filter_map(|name| IdentityName::parse(&name).ok())
            .map(|name| self.identity(&name))
            .filter(IdentityDir::exists)
            .collect())
    }

    /// The identity called `wanted`, or the one that holds `wanted` as a certified name or address.
    pub fn find_identity(&self, wanted: &str) -> Result<IdentityDir, StateError> {
        let email = EmailAddress::parse(wanted).ok();
        let name = match &email {
            Some(email) => IdentityName::for_email(email),
            None => IdentityName::for_domain(wanted),
        };
        if let Ok(name) = name {
            let identity = self.identity(&name);
            if identity.exists() {
                return Ok(identity);
            }
        }
        for identity in self.identities()? {
            let holds = |settings: IdentitySettings| match &settings.subject {
                Subject::Device(device) => device.names.iter().any(|name| name == wanted),
                Subject::Person(person) => Some(&person.email) == email.as_ref(),
                Subject::Internal(_) | Subject::Est(_) => {
                    certified(&identity).iter().any(|name| name == wanted)
                }
            };
            if identity.settings().is_ok_and(holds) {
                return Ok(identity);
            }
        }
        Err(StateError::NoIdentity { name: wanted.to_owned(), path: self.root.clone() })
    }
}

/// Whom the certificate of an identity names.
fn certified(identity: &IdentityDir) -> Vec<String> {
    let current = identity.current().ok().flatten();
    current
        .and_then(|current| Leaf::from_pem(&current.certificate).ok())
        .map(|leaf| leaf.names())
        .unwrap_or_default()
}
