//! Why an internal authority gave nothing, and what to do about it. Holds no token, no code and no key.

use std::time::Duration;

use certs::{
    csr::{ContinueError, Unsuitable},
    pkcs7::Pkcs7Error,
};
use http::StatusCode;
use time::OffsetDateTime;

use super::TokenFault;
use crate::acme::{KeyError, ResourceUrl, ResourceUrlError, RootsError, TransportError};

/// Where tokens are refreshed, with a proof that names the time and this address.
const REFRESH: &str = "/devices/token";

/// Why an internal authority gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum InternalError {
    /// It could not be reached.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The roots are unusable.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// Its URL is unusable.
    #[error("{url:?} is not the URL of an internal authority: {source}")]
    Url {
        /// The text.
        url: String,
        /// What is wrong with it.
        source: ResourceUrlError,
    },
    /// It refused.
    #[error("{url} refuses ({status}): {detail}")]
    Refused {
        /// What was asked.
        url: ResourceUrl,
        /// The status.
        status: StatusCode,
        /// What it says.
        detail: String,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// It wants somebody's approval first.
    #[error("{url} waits for approval")]
    Pending {
        /// What was asked.
        url: ResourceUrl,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// It wants other requests than are made here.
    #[error("{url} cannot be satisfied: {source}")]
    Unsuitable {
        /// Where it says so.
        url: ResourceUrl,
        /// What it wants.
        source: Unsuitable,
    },
    /// Its answer holds no certificates.
    #[error("the answer of {url} cannot be used: {source}")]
    Pkcs7 {
        /// What was asked.
        url: ResourceUrl,
        /// What it is instead.
        source: Pkcs7Error,
    },
    /// The certificate in use cannot be continued.
    #[error("the certificate in use cannot be renewed: {0}")]
    Continue(#[from] ContinueError),
    /// The certificate in use has ended, or is of another server.
    #[error("the certificate in use does not serve here (it ends at {0})")]
    Lapsed(OffsetDateTime),
    /// Neither the certificate in use nor a token led to anything.
    #[error("{certificate}; and with the token: {token}")]
    Neither {
        /// Why not with the certificate.
        certificate: String,
        /// Why not with the token.
        token: Box<Self>,
    },
    /// The answer to an activation code was lost.
    #[error("the device may be activated or not: {0}")]
    InDoubt(Box<Self>),
    /// Its answer cannot be used.
    #[error("the answer of {url} cannot be used: {problem}")]
    Answer {
        /// What was asked.
        url: ResourceUrl,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The token is none.
    #[error(transparent)]
    Token(#[from] TokenFault),
    /// The device's key cannot be used.
    #[error("the device's key cannot be used: {0}")]
    Key(#[from] KeyError),
    /// No device was activated here.
    #[error("no device is activated here")]
    NotActivated,
    /// There is no account that could revoke.
    #[error("certificates of an internal authority are revoked by its administrator")]
    NoRevocation,
}

impl InternalError {
    /// How long the server wants to be left alone, if it said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } | Self::Pending { retry_after, .. } => *retry_after,
            Self::Neither { token, .. } => token.retry_after(),
            _ => None,
        }
    }

    /// Whether the server has decided, so that asking again with the same would change nothing.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        match self {
            Self::Refused { status, .. } => {
                status.is_client_error()
                    && !matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
            }
            _ => false,
        }
    }

    /// Whether the request may have reached the server and only its answer be lost.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        match self {
            Self::Transport(error) => !matches!(
                error,
                TransportError::Connect { .. }
                    | TransportError::Tls { .. }
                    | TransportError::PlainHttp { .. }
            ),
            Self::Answer { .. } => true,
            Self::Refused { status, .. } => status.is_server_error(),
            _ => false,
        }
    }

    /// What to do about it, where that is plain.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Transport(error) => error.hint(),
            Self::Url { .. } => Some("give a URL like `https://ca.example.com:14000`"),
            Self::Refused { url, status: StatusCode::FORBIDDEN, .. } if url.as_str().ends_with(REFRESH) => {
                Some(
                    "see that the clock of this machine is right, and that `directory` in identity.toml names the server as its own `url` does",
                )
            }
            Self::Refused { status, .. } => match *status {
                StatusCode::UNAUTHORIZED => Some(
                    "get a new token and put it into the token file; a device needs a new activation code",
                ),
                StatusCode::FORBIDDEN => Some("ask the organisation's administrator"),
                StatusCode::NOT_FOUND => {
                    Some("see that the server has an internal authority, and that the URL is its own")
                }
                _ => None,
            },
            Self::Pending { .. } => Some(
                "have it approved (`ca-server approvals list`), then run `acme-client renew`; it goes on with the same request",
            ),
            Self::Neither { token, .. } => token.hint(),
            Self::InDoubt(_) => Some(
                "run the same command again within ten minutes: its key is kept, and the code serves for that key once more",
            ),
            Self::Continue(_) => Some("enrol anew with `acme-client enroll internal --est --force …`"),
            Self::Token(TokenFault::File { .. }) => {
                Some("put a token into that file, then run `acme-client renew`")
            }
            Self::Token(_) => Some("the file holds the token alone, as the identity provider gave it"),
            Self::NotActivated => Some(
                "run `acme-client enroll internal --activation-code CODE …` with a code of `ca-server device`",
            ),
            Self::NoRevocation => Some("`ca-server certificates revoke SERIAL` revokes it"),
            Self::Roots(_)
            | Self::Answer { .. }
            | Self::Pkcs7 { .. }
            | Self::Unsuitable { .. }
            | Self::Lapsed(_)
            | Self::Key(_) => None,
        }
    }
}
