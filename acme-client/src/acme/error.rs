//! One error over all of the client's, for callers that only report it. [`Error::hint`] says what to do, where that is plain.

use super::authorization::AuthorizationError;
use super::certificate::CertificateError;
use super::client::ConnectError;
use super::external_account::ExternalAccountKeyError;
use super::identifier::IdentifierType;
use super::key::KeyError;
use super::key_authorization::KeyAuthorizationError;
use super::key_change::KeyChangeError;
use super::order::OrderError;
use super::problem::Problem;
use super::renewal::RenewalError;
use super::request::RequestError;

/// Anything that can go wrong between this client and an authority.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// One request.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Reaching the authority at all.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// An order.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// An authorization.
    #[error(transparent)]
    Authorization(#[from] AuthorizationError),
    /// A key authorization.
    #[error(transparent)]
    KeyAuthorization(#[from] KeyAuthorizationError),
    /// A certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Renewal information.
    #[error(transparent)]
    Renewal(#[from] RenewalError),
    /// A key change.
    #[error(transparent)]
    KeyChange(#[from] KeyChangeError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// An external account key.
    #[error(transparent)]
    ExternalAccountKey(#[from] ExternalAccountKeyError),
}

impl Error {
    /// The request that failed, if it was one.
    #[must_use]
    pub fn request(&self) -> Option<&RequestError> {
        match self {
            Self::Request(error)
            | Self::Connect(ConnectError::Request(error))
            | Self::Order(OrderError::Request(error))
            | Self::Authorization(AuthorizationError::Request(error))
            | Self::Certificate(CertificateError::Request(error))
            | Self::Renewal(RenewalError::Request(error))
            | Self::KeyChange(KeyChangeError::Request(error)) => Some(error),
            Self::Connect(ConnectError::Roots(_))
            | Self::Order(_)
            | Self::Authorization(_)
            | Self::KeyAuthorization(_)
            | Self::Certificate(_)
            | Self::Renewal(_)
            | Self::KeyChange(_)
            | Self::Key(_)
            | Self::ExternalAccountKey(_) => None,
        }
    }

    /// What the authority said was wrong, if it said so.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Order(OrderError::Invalid { order, failures }) => {
                failures.first().map(|(_, problem)| problem).or(order.error.as_ref())
            }
            Self::Authorization(AuthorizationError::Refused { problem, .. }) => problem.as_deref(),
            _ => self.request().and_then(RequestError::problem),
        }
    }

    /// Whether the same may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Order(OrderError::TimedOut { .. })
            | Self::Authorization(AuthorizationError::TimedOut { .. }) => true,
            _ => self.request().is_some_and(RequestError::is_passing),
        }
    }

    /// What to do about it, where that is plain.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Connect(ConnectError::Roots(_)) => "give a PEM file with the authority's root certificate",
            Self::Order(OrderError::TimedOut { .. })
            | Self::Authorization(AuthorizationError::TimedOut { .. }) => {
                "the authority is still at work; run the command again to go on with the same order"
            }
            Self::Authorization(AuthorizationError::Refused { authorization, .. })
                if authorization.identifier.kind == IdentifierType::Email =>
            {
                "run the command again for a new sign-in"
            }
            Self::KeyChange(KeyChangeError::KeyInUse(_) | KeyChangeError::SameKey) => {
                "make a new key for the account"
            }
            _ => return self.request().and_then(RequestError::hint),
        };
        Some(text.to_owned())
    }
}
