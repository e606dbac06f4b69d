//! The configuration file `ca.toml`: one struct per section, unknown keys refused, paths relative to the file.
//!
//! It says what the operator chose; defaults stand beside each key. It must never hold a secret itself, only where one is.

pub mod check;
pub mod console;
pub mod contents;
pub mod files;
pub mod identity;
pub mod internal;
pub mod load;
pub mod notifications;
pub mod probe;
pub mod reference;
pub mod revocation;
pub mod sections;
pub mod template;
pub mod traces;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::Deserialize;
use tokens::TokenUri;
use url::Url;

use crate::ids::AuthorityName;
pub use console::ConsoleConfig;
pub use identity::{CompletionMethod, IdentityProviderConfig, OidcConfig, SamlConfig, SsoConfig};
pub use internal::{InternalConfig, TokenIssuerConfig};
pub use notifications::{EventKind, NotificationsConfig, WebhookConfig};
pub use revocation::RevocationConfig;
pub use sections::{
    AcmeConfig, AdminConfig, AuthorityConfig, CaaMode, ChallengeConfig, DnsConfig, DnssecMode,
    ExternalBinding, ForwardedHeader, LimitsConfig, LogConfig, LogFormat, PolicyConfig, StoreConfig,
    TlsConfig, TlsMode,
};
pub use traces::TracesConfig;

/// The whole of `ca.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to listen for clients, as `address:port`.
    pub listen: SocketAddr,
    /// The URL under which clients reach this server; every link is made from it. Changing it later orphans the accounts.
    pub url: Url,
    /// Where to serve `/health` and `/metrics` without TLS. Default: only on the main listener, metrics for clients on this host only (and for
    /// nobody if `[tls]` mode is `off`).
    #[serde(default)]
    pub metrics_listen: Option<SocketAddr>,
    /// Networks of the proxies in front of this server, such as `["10.0.0.5/32"]`: who a client is, they are believed. Default: none; then
    /// behind a proxy all clients count as one. Whoever is in such a network can pretend to be any address.
    #[serde(default)]
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they say it: `x-forwarded-for` or `forwarded` (RFC 7239). The proxies must write this one; the other is passed on
    /// as the client sent it. Default: `x-forwarded-for`.
    #[serde(default)]
    pub forwarded_header: ForwardedHeader,
    /// `[tls]`
    #[serde(default)]
    pub tls: TlsConfig,
    /// `[store]`
    #[serde(default)]
    pub store: StoreConfig,
    /// `[dns]`
    #[serde(default)]
    pub dns: DnsConfig,
    /// `[challenge]`
    #[serde(default)]
    pub challenge: ChallengeConfig,
    /// `[acme]`
    #[serde(default)]
    pub acme: AcmeConfig,
    /// `[sso]`
    #[serde(default)]
    pub sso: SsoConfig,
    /// `[[identity_provider]]`, one for each.
    #[serde(default)]
    pub identity_provider: Vec<IdentityProviderConfig>,
    /// `[internal]`
    #[serde(default)]
    pub internal: InternalConfig,
    /// `[[token_issuer]]`, one for each.
    #[serde(default)]
    pub token_issuer: Vec<TokenIssuerConfig>,
    /// `[revocation]`
    #[serde(default)]
    pub revocation: RevocationConfig,
    /// `[notifications]`
    #[serde(default)]
    pub notifications: NotificationsConfig,
    /// `[policy]`
    #[serde(default)]
    pub policy: PolicyConfig,
    /// `[limits]`
    #[serde(default)]
    pub limits: LimitsConfig,
    /// `[admin]`
    #[serde(default)]
    pub admin: AdminConfig,
    /// `[console]`
    #[serde(default)]
    pub console: ConsoleConfig,
    /// `[log]`
    #[serde(default)]
    pub log: LogConfig,
    /// `[traces]`
    #[serde(default)]
    pub traces: TracesConfig,
    /// `[authority.<name>]`, one for each authority.
    pub authority: BTreeMap<AuthorityName, AuthorityConfig>,
    /// The folder of the file, against which relative paths are read.
    #[serde(skip)]
    pub folder: PathBuf,
}

impl Config {
    /// `path` as the configuration means it: relative to the file's folder. The `pkcs11:` URI of a key is no path and stays as it is.
    #[must_use]
    pub fn resolve(&self, path: &Path) -> PathBuf {
        if TokenUri::is_meant(&path.to_string_lossy()) {
            return path.to_owned();
        }
        self.folder.join(path)
    }

    /// Whether there is an internal authority that issues anything.
    #[must_use]
    pub fn has_internal(&self) -> bool {
        self.authority.get(&self.internal.authority).is_some_and(|section| !section.profiles.is_empty())
    }

    /// Whether there is an authority of this name that clients reach over ACME.
    #[must_use]
    pub fn is_reached(&self, name: &AuthorityName) -> bool {
        self.authority.get(name).is_some_and(|section| section.acme)
    }
}
