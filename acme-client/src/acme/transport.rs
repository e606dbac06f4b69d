//! How a request reaches the server: one HTTPS exchange, bounded in time and bytes, never redirected.
//!
//! [`HttpsTransport`] trusts exactly the roots it is given (or the system's). Redirects are not followed: a signed request names its
//! URL, so a redirected one is wrong by construction. Plain HTTP is refused except where the operator allowed it.
//! The trait lets tests script a server, including one that lies.

use std::fmt;

use async_trait::async_trait;
use http::{HeaderMap, Method, StatusCode};

use super::resource_url::ResourceUrl;

mod https;
mod token_key;

pub(crate) use https::tls_reason;
pub use https::{ClientIdentity, HttpsConfig, HttpsTransport, PlainHttp, Roots, RootsError};

/// One request, complete.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    /// GET, HEAD or POST.
    pub method: Method,
    /// Where to.
    pub url: ResourceUrl,
    /// `Accept` and, for POST, `Content-Type`.
    pub headers: HeaderMap,
    /// The JWS, or nothing.
    pub body: Vec<u8>,
}

/// One answer, complete.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Carries one request to the server and brings back the answer, whatever its status.
#[async_trait]
pub trait Transport: Send + Sync + fmt::Debug {
    /// Sends once. No retries, no redirects; ends within the transport's own time and byte limits.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError>;
}

/// The cause below a transport error, as the HTTP library gave it.
pub type TransportCause = Box<dyn std::error::Error + Send + Sync>;

/// There was no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection could be made.
    #[error("no connection to {host}: {}", root_cause(.source.as_ref()))]
    Connect {
        /// Host and port.
        host: String,
        /// Why.
        source: TransportCause,
    },
    /// The server's certificate was not accepted, or TLS failed otherwise.
    #[error("no secure connection to {host}: {reason}")]
    Tls {
        /// Host and port.
        host: String,
        /// Why.
        #[source]
        reason: rustls::Error,
    },
    /// The time limit passed.
    #[error("no answer from {host} in time")]
    Timeout {
        /// Host and port.
        host: String,
    },
    /// The connection broke before the whole answer had come.
    #[error("the connection to {host} broke: {}", root_cause(.source.as_ref()))]
    Broken {
        /// Host and port.
        host: String,
        /// Why.
        source: TransportCause,
    },
    /// The answer is larger than allowed.
    #[error("the answer from {host} is over {limit} bytes")]
    TooLarge {
        /// Host and port.
        host: String,
        /// The limit.
        limit: usize,
    },
    /// The URL is plain HTTP and that is not allowed.
    #[error("{host} would be asked without encryption")]
    PlainHttp {
        /// Host and port.
        host: String,
    },
}

impl TransportError {
    /// Whether the same request may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Timeout { .. } | Self::Broken { .. } => true,
            Self::Tls { .. } | Self::TooLarge { .. } | Self::PlainHttp { .. } => false,
        }
    }

    /// What to do about it, where that is plain.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Tls { reason: rustls::Error::InvalidCertificate(why), .. } => Some(match why {
                // A root of the same name with another key, as after setting the authority up anew, ends in `BadSignature`.
                rustls::CertificateError::UnknownIssuer | rustls::CertificateError::BadSignature => {
                    "name the authority's root certificate with `--root FILE`; `ca-server init` wrote it to `roots/`"
                }
                rustls::CertificateError::Expired | rustls::CertificateError::ExpiredContext { .. } => {
                    "the server's own certificate has expired, or this machine's clock is wrong"
                }
                rustls::CertificateError::NotValidYet
                | rustls::CertificateError::NotValidYetContext { .. } => {
                    "this machine's clock is behind; set it and try again"
                }
                rustls::CertificateError::NotValidForName
                | rustls::CertificateError::NotValidForNameContext { .. } => {
                    "use a host name that the server's certificate holds"
                }
                _ => "check the server's certificate with `acme-client inspect URL`",
            }),
            Self::Connect { .. } => {
                Some("check that the server runs, and the host and port of the directory URL")
            }
            Self::PlainHttp { .. } => {
                Some("use the https URL; plain HTTP is for a server on this machine only")
            }
            Self::Tls { .. } | Self::Timeout { .. } | Self::Broken { .. } | Self::TooLarge { .. } => None,
        }
    }
}

/// The innermost error says what happened; the outer ones repeat the URL.
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    super::text::printable(&innermost.to_string(), 300)
}
