//! Why a server does not start or does not take new files, and what the operator can do about it.

use std::net::SocketAddr;

use super::own_tls::OwnTlsError;
use super::telemetry::TelemetryError;
use super::tls::TlsError;
use crate::challenge::resolver::StubResolverError;
use crate::ids::NoEntropy;
use crate::internal::access_token::IssuerLoadError;
use crate::notifications;
use crate::policy::PolicyError;
use crate::sign::{AuthorityLoadError, AuthorityReloadError};
use crate::sso::providers::LoadError;
use crate::store::StoreError;
use crate::store::open::OpenError;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store does not open.
    #[error("cannot open the store")]
    Store(#[from] OpenError),
    /// The system's random generator failed.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// An authority's files are not usable.
    #[error("cannot use an authority")]
    Authority(#[from] AuthorityLoadError),
    /// The policy files are not usable.
    #[error("cannot use the policy")]
    Policy(#[from] PolicyError),
    /// An identity provider cannot be used.
    #[error(transparent)]
    IdentityProvider(#[from] LoadError),
    /// A token issuer cannot be used.
    #[error(transparent)]
    TokenIssuer(#[from] IssuerLoadError),
    /// A webhook cannot be used.
    #[error(transparent)]
    Webhook(#[from] notifications::LoadError),
    /// The resolver cannot be set up.
    #[error("cannot set up the DNS resolver")]
    Resolver(#[from] StubResolverError),
    /// What the last run left open cannot be read.
    #[error("cannot resolve what the last run left open")]
    Recovery(#[from] StoreError),
    /// Our own TLS certificate cannot be made.
    #[error(transparent)]
    OwnTls(#[from] OwnTlsError),
    /// The TLS certificate or key is not usable.
    #[error("cannot use the TLS certificate")]
    Tls(#[from] TlsError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The operators' console would be reached from other machines in clear.
    #[error("the operators' console can be reached from other machines, but there is no TLS for it")]
    OpenConsole,
    /// The metrics recorder cannot be set up.
    #[error("cannot record metrics")]
    Metrics(#[from] TelemetryError),
}

/// Why a running server did not take new files; it goes on with the old ones.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The policy files are wrong.
    #[error("the policy files were not taken")]
    Policy(#[from] PolicyError),
    /// The files of an authority are wrong.
    #[error("the authorities were not taken")]
    Authority(#[from] AuthorityReloadError),
    /// The secrets of a webhook are wrong.
    #[error("the secrets of webhooks were not taken")]
    Webhook(#[from] notifications::LoadError),
    /// The TLS certificate or key is not usable.
    #[error("the TLS certificate was not taken")]
    Tls(#[from] TlsError),
}

impl StartError {
    /// What the operator can do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Store(error) => error.hint(),
            Self::Authority(error) if error.token_hint().is_some() => error.token_hint().unwrap_or_default(),
            Self::Authority(_) | Self::Policy(_) => "see everything with `ca-server check --config FILE`",
            Self::IdentityProvider(error) => error.fault.hint(),
            Self::TokenIssuer(error) => error.fault.hint(),
            Self::Webhook(error) => error.fault.hint(),
            Self::Resolver(_) => "look at [dns] in the configuration",
            Self::Recovery(_) => "look at the store's disk, then start again",
            Self::OwnTls(error) => error.hint(),
            Self::Tls(_) => "look at the files that [tls] names",
            Self::Listen { .. } => "stop what listens there, or set `listen` to another address",
            Self::OpenConsole => {
                "set console.listen to an address of 127.0.0.1, or [tls] mode to `own` or `files`"
            }
            Self::Entropy(_) | Self::Metrics(_) => "",
        }
    }
}
