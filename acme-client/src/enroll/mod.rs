//! Obtaining a certificate: account, order, proof, finalize, download, installation. A device proves names, a person signs in.
//!
//! Every step can be cut off and taken up again: the account key is stored before the server hears of it, the order and the
//! certificate key before anything is proven, the new pair before the old one is replaced. Must never install a certificate
//! that is not for the key and the names that were asked for.

mod account;
mod challenge;
mod connect;
mod csr;
mod est;
mod internal;
mod keys;
mod leaf;
mod obtain;
mod prove;
mod rollover;
mod sign_in;
mod waiting;

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::{
    acme::{self, ResourceUrlError},
    clock::Clock,
    dns::DnsError,
    internal::InternalError,
    progress::Progress,
    state::{IdentityName, StateDir, StateError},
};

pub use account::{AccountOptions, known_account, open_account};
pub use challenge::{ChallengeError, choose};
pub use connect::{Connector, directory_url};
pub use csr::{CsrError, signing_request};
pub use est::{EstAuthority, obtain_est};
pub use internal::{activate, internal_authority, obtain_internal};
pub use keys::{HeldKey, check_store, destroy_all, sweep};
#[cfg(test)]
pub(crate) use leaf::test_leaf;
pub use leaf::{Leaf, LeafError};
pub use obtain::{Obtained, abandon, obtain, obtain_and_register};
pub use prove::record_for;
pub use rollover::rollover;
pub use sign_in::{Invitation, Person, SignInError};
pub use waiting::waiting;

/// Everything an operation needs besides its own arguments.
#[derive(Clone, Copy)]
pub struct Agent<'a> {
    /// Where state is kept. The caller holds its lock.
    pub state: &'a StateDir,
    /// How servers are reached.
    pub connector: &'a Connector,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Who is told about progress.
    pub progress: &'a dyn Progress,
    /// Who signs in, where a person has to. Without one, proofs that need a sign-in end with [`SignInError::Needed`].
    pub person: Option<&'a dyn Person>,
}

/// Why no certificate was obtained.
#[derive(Debug, thiserror::Error)]
pub enum EnrollError {
    /// The state directory failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// The server refused or could not be reached.
    #[error(transparent)]
    Acme(Box<acme::Error>),
    /// An internal authority refused or could not be reached.
    #[error(transparent)]
    Internal(Box<InternalError>),
    /// A record could not be published or seen.
    #[error(transparent)]
    Dns(Box<DnsError>),
    /// No usable challenge is offered.
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
    /// Nobody signed in.
    #[error(transparent)]
    SignIn(Box<SignInError>),
    /// The signing request could not be made.
    #[error(transparent)]
    Csr(#[from] CsrError),
    /// What was downloaded is not the certificate that was asked for.
    #[error("the certificate received is not the one asked for: {0}")]
    Leaf(#[from] LeafError),
    /// The server could not be reached for another identity a moment ago, so it was not asked again.
    #[error("{server} could not be reached a moment ago: {reason}")]
    Away {
        /// Its directory.
        server: String,
        /// What went wrong then.
        reason: String,
        /// How long it asked to be left in peace, if it did.
        retry_after: Option<Duration>,
    },
    /// A URL cannot be one of an ACME server.
    #[error("{url:?} is not the URL of an ACME server: {source}")]
    Url {
        /// The text.
        url: String,
        /// What is wrong with it.
        source: ResourceUrlError,
    },
    /// There is no account at that server.
    #[error("no account at {0} in this state directory")]
    NoAccount(String),
    /// The account was deactivated.
    #[error("the account at {0} was deactivated")]
    Deactivated(String),
    /// The server asks for agreement to its terms of service.
    #[error("the server's terms of service at {0} are not agreed to")]
    Terms(String),
    /// The identity has no certificate.
    #[error("identity {0} has no certificate")]
    NoCertificate(IdentityName),
}

impl EnrollError {
    /// How long the server asked to be left in peace, if it did.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Acme(acme) => acme.request().and_then(acme::RequestError::retry_after),
            Self::Internal(internal) => internal.retry_after(),
            Self::Away { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl From<DnsError> for EnrollError {
    fn from(error: DnsError) -> Self {
        Self::Dns(Box::new(error))
    }
}

impl From<SignInError> for EnrollError {
    fn from(error: SignInError) -> Self {
        Self::SignIn(Box::new(error))
    }
}

impl From<InternalError> for EnrollError {
    fn from(error: InternalError) -> Self {
        Self::Internal(Box::new(error))
    }
}

/// Every error of the protocol core ends in [`EnrollError::Acme`].
macro_rules! from_acme {
    ($($error:ident),+ $(,)?) => {
        $(impl From<acme::$error> for EnrollError {
            fn from(error: acme::$error) -> Self {
                Self::Acme(Box::new(error.into()))
            }
        })+
    };
}

from_acme!(
    AuthorizationError,
    CertificateError,
    ConnectError,
    ExternalAccountKeyError,
    KeyAuthorizationError,
    KeyChangeError,
    KeyError,
    OrderError,
    RenewalError,
    RequestError,
);
