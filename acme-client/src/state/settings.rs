//! What to renew and how: the settings of one identity, a device's, a person's, or one at an internal authority.
//!
//! `identity.toml` is written by `enroll` and may be edited by a person, so unknown keys are refused with their name, and keys of a
//! device with a person's likewise. It holds paths to secrets, never secrets.

mod stored;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use certs::name::EmailAddress;
use serde::{Deserialize, Serialize};
use tokens::KeyStore;
use url::Url;

use crate::acme::Identifier;
use stored::Stored;

/// What to renew and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct IdentitySettings {
    /// Who is certified, and how that is proven.
    pub subject: Subject,
    /// The ACME directory to order from; for [`Subject::Internal`] the folder of the internal authority, for [`Subject::Est`] that of its EST operations.
    pub directory: Url,
    /// The certificate profile to ask for; the server's default if absent.
    pub profile: Option<String>,
    /// The kind of certificate key.
    pub key_type: KeyType,
    /// Where its keys are made.
    pub key_store: KeyStore,
    /// How many generations stay on disk.
    pub keep: u32,
    /// What to run when a new certificate is in place.
    pub deploy: Option<DeploySettings>,
}

impl IdentitySettings {
    /// What the certificate is for.
    pub fn identifiers(&self) -> Vec<Identifier> {
        match &self.subject {
            Subject::Device(device) => device.names.iter().map(Identifier::dns).collect(),
            Subject::Person(person) => vec![Identifier::email(person.email.to_string())],
            // The authority knows them; the token says who it is.
            Subject::Internal(_) | Subject::Est(_) => Vec::new(),
        }
    }

    /// The same as people read it.
    pub fn names(&self) -> Vec<String> {
        self.identifiers().into_iter().map(|identifier| identifier.value).collect()
    }

    /// The person, if it is one.
    pub fn person(&self) -> Option<&PersonSettings> {
        match &self.subject {
            Subject::Person(person) => Some(person),
            Subject::Device(_) | Subject::Internal(_) | Subject::Est(_) => None,
        }
    }

    /// What is shown to an internal authority, if it is one.
    pub fn internal(&self) -> Option<&Credential> {
        match &self.subject {
            Subject::Internal(credential) | Subject::Est(EstSettings { credential, .. }) => Some(credential),
            Subject::Device(_) | Subject::Person(_) => None,
        }
    }

    /// How an internal authority is spoken to over EST, if it is.
    pub fn est(&self) -> Option<&EstSettings> {
        match &self.subject {
            Subject::Est(est) => Some(est),
            Subject::Device(_) | Subject::Person(_) | Subject::Internal(_) => None,
        }
    }
}

/// Who is certified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A device, by DNS names.
    Device(DeviceSettings),
    /// A person, by an e-mail address.
    Person(PersonSettings),
    /// Whoever a token speaks for, at an internal authority.
    Internal(Credential),
    /// The same over EST, where the certificate in use speaks for itself.
    Est(EstSettings),
}

/// What is shown to an internal authority over EST (RFC 7030): the certificate in use as long as it lasts, else this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EstSettings {
    /// Whose token it is; never a guest's.
    pub credential: Credential,
    /// The user name in front of the token as a password (RFC 7617); a bearer token if absent.
    pub user: Option<String>,
}

/// What is shown to an internal authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The access token in this file, read anew each time.
    TokenFile(PathBuf),
    /// The token of a machine account, kept with the identity.
    MachineAccount,
    /// A temporary id, a new one each time.
    Guest,
}

/// A device, and how its names are proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSettings {
    /// The DNS names the certificate is for.
    pub names: Vec<String>,
    /// Which challenge to answer.
    pub challenge: ChallengeChoice,
    /// How TXT records are published.
    pub dns: DnsSettings,
}

/// A person, who proves an address by signing in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonSettings {
    /// The address the certificate is for.
    pub email: EmailAddress,
    /// The identity provider to sign in at; if absent, the only one that the server offers.
    pub provider: Option<String>,
}

/// Which challenge to answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ChallengeChoice {
    /// `dns-01` if the server offers it, else `dns-account-01`; with the provider `persist`, `dns-persist-01`.
    #[default]
    Auto,
    /// RFC 8555 §8.4.
    #[serde(rename = "dns-01")]
    #[value(name = "dns-01")]
    Dns01,
    /// draft-ietf-acme-dns-account-label.
    #[serde(rename = "dns-account-01")]
    #[value(name = "dns-account-01")]
    DnsAccount01,
    /// draft-ietf-acme-dns-persist.
    #[serde(rename = "dns-persist-01")]
    #[value(name = "dns-persist-01")]
    DnsPersist01,
}

/// The kind of key a certificate is made for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum KeyType {
    /// NIST P-256, the only kind the authority certifies.
    #[default]
    P256,
}

/// How TXT records are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// Dynamic update (RFC 2136) signed with TSIG.
    Rfc2136,
    /// A program of yours.
    Hook,
    /// A person who reads the record from the terminal.
    Manual,
    /// A standing `dns-persist-01` record.
    Persist,
}

/// How and where TXT records are published and checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsSettings {
    /// Who publishes.
    pub provider: ProviderKind,
    /// `rfc2136`: the primary server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// `rfc2136`: the file with the TSIG key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tsig_key_file: Option<PathBuf>,
    /// `rfc2136`: the zone to update; found by its SOA record if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// `hook`: the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<PathBuf>,
    /// `hook`: how long one call may take.
    #[serde(default = "default_hook_timeout", with = "humantime_serde")]
    pub hook_timeout: Duration,
    /// Ask this server alone whether the record is served, in place of the zone's own servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolver: Option<SocketAddr>,
    /// Wait until the record is served before telling the certificate authority.
    #[serde(default = "yes")]
    pub wait: bool,
    /// How long to wait for it.
    #[serde(default = "default_propagation_timeout", with = "humantime_serde")]
    pub timeout: Duration,
    /// The time to live of published records, in seconds.
    #[serde(default = "default_ttl")]
    pub ttl: u32,
}

impl DnsSettings {
    /// The defaults for one provider.
    pub fn of(provider: ProviderKind) -> Self {
        Self {
            provider,
            server: None,
            tsig_key_file: None,
            zone: None,
            hook: None,
            hook_timeout: default_hook_timeout(),
            resolver: None,
            wait: true,
            timeout: default_propagation_timeout(),
            ttl: default_ttl(),
        }
    }
}

/// What to run when a new certificate is in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploySettings {
    /// A command line for `/bin/sh -c`.
    pub hook: String,
    /// How long it may take.
    #[serde(default = "default_deploy_timeout", with = "humantime_serde")]
    pub timeout: Duration,
}

impl DeploySettings {
    /// `hook` with the default timeout.
    pub fn new(hook: String) -> Self {
        Self { hook, timeout: default_deploy_timeout() }
    }
}

fn default_hook_timeout() -> Duration {
    Duration::from_secs(120)
}

fn default_propagation_timeout() -> Duration {
    Duration::from_secs(180)
}

fn default_deploy_timeout() -> Duration {
    Duration::from_secs(120)
}

fn default_ttl() -> u32 {
    60
}

fn yes() -> bool {
    true
}
