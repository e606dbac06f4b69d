//! One identity at rest: what to certify, at which server, how to prove it and what to run afterwards.
//!
//! `identity.toml` is written by `enroll` and may be edited by a person, so unknown keys are refused with their name. It
//! holds paths to secrets, never secrets.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    DeployRecord, IdentityName, RenewalRecord, StateError,
    account::{from_json, to_json},
    durable,
};

/// What to renew and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentitySettings {
    /// The DNS names the certificate is for.
    pub names: Vec<String>,
    /// The ACME directory to order from.
    pub directory: Url,
    /// The certificate profile to ask for; the server's default if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Which challenge to answer.
    #[serde(default)]
    pub challenge: ChallengeChoice,
    /// The kind of certificate key.
    #[serde(default)]
    pub key_type: KeyType,
    /// How many generations stay on disk.
    #[serde(default = "default_keep")]
    pub keep: u32,
    /// How TXT records are published.
    pub dns: DnsSettings,
    /// What to run when a new certificate is in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy: Option<DeploySettings>,
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

fn default_keep() -> u32 {
    5
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

/// The folder of one identity.
#[derive(Clone, Debug)]
pub struct IdentityDir {
    pub(super) folder: PathBuf,
    name: IdentityName,
}

impl IdentityDir {
    pub(super) fn at(folder: PathBuf, name: IdentityName) -> Self {
        Self { folder, name }
    }

    /// The identity's name.
    pub fn name(&self) -> &IdentityName {
        &self.name
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Whether settings are stored here.
    pub fn exists(&self) -> bool {
        self.settings_path().is_file()
    }

    /// The stored settings.
    pub fn settings(&self) -> Result<IdentitySettings, StateError> {
        let path = self.settings_path();
        let bytes = durable::read(&path)?.ok_or_else(|| StateError::NoIdentity {
            name: self.name.to_string(),
            path: self.folder.clone(),
        })?;
        let malformed = |problem: String| StateError::Malformed { path: path.clone(), problem };
        let text = String::from_utf8(bytes).map_err(|problem| malformed(problem.to_string()))?;
        toml::from_str(&text).map_err(|problem| malformed(problem.to_string()))
    }

    /// Stores the settings.
    pub fn store_settings(&self, settings: &IdentitySettings) -> Result<(), StateError> {
        durable::create_dir(&self.folder)?;
        let path = self.settings_path();
        let text = toml::to_string_pretty(settings)
            .map_err(|problem| StateError::Malformed { path: path.clone(), problem: problem.to_string() })?;
        let heading =
            "# What `acme-client renew` does for this identity. Written by `enroll`; edit with care.\n";
        durable::replace(&path, format!("{heading}{text}").as_bytes())
    }

    /// What is known of the next renewal; empty when nothing is, or when what there is cannot be read.
    pub fn renewal(&self) -> Result<RenewalRecord, StateError> {
        Ok(self.record("renewal.json")?.unwrap_or_default())
    }

    /// Stores what is known of the next renewal.
    pub fn store_renewal(&self, record: &RenewalRecord) -> Result<(), StateError> {
        let path = self.folder.join("renewal.json");
        durable::replace(&path, &to_json(&path, record)?)
    }

    /// What became of the last deploy hook; `None` when none ever ran, or when what there is cannot be read.
    pub fn deploy(&self) -> Result<Option<DeployRecord>, StateError> {
        self.record("deploy.json")
    }

    /// One of the records that steer but prove nothing: a damaged one counts as lost, and the next one takes its place.
    fn record<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Result<Option<T>, StateError> {
        let path = self.folder.join(name);
        let Some(bytes) = durable::read(&path)? else { return Ok(None) };
        match from_json(&path, &bytes) {
            Ok(record) => Ok(Some(record)),
            Err(damage) => {
                tracing::warn!(identity = %self.name, %damage, "a record is damaged and begun anew");
                Ok(None)
            }
        }
    }

    /// Stores what became of a deploy hook.
    pub fn store_deploy(&self, record: &DeployRecord) -> Result<(), StateError> {
        let path = self.folder.join("deploy.json");
        durable::replace(&path, &to_json(&path, record)?)
    }

    /// Removes the identity with its settings, certificates and keys.
    pub fn remove(&self) -> Result<(), StateError> {
        durable::remove_tree(&self.folder)
    }

    fn settings_path(&self) -> PathBuf {
        self.folder.join("identity.toml")
    }
}
