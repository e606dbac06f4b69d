//! An ACME client (RFC 8555), with renewal information (RFC 9773), profiles, external account binding and key change.
//!
//! [`Client::connect`] reads an authority's directory; [`Client::register`] gives an [`Account`], which orders, proves, finalizes,
//! downloads and revokes. Everything a caller has to keep across a crash (keys, URLs, [`Order`]s) can be stored and read back.
//! Nothing a server says is trusted: times, sizes, shapes and text are bounded and checked. Reads no files, decides no policy.

pub mod account;
pub mod authorization;
pub mod certificate;
pub mod challenge;
pub mod client;
pub mod directory;
pub mod error;
pub mod external_account;
pub mod identifier;
pub mod jws;
pub mod key;
pub mod key_authorization;
pub mod key_change;
pub mod key_words;
pub mod links;
pub mod nonce;
pub mod order;
pub mod poll;
pub mod problem;
pub mod renewal;
pub mod request;
pub mod resource_url;
pub mod retry;
pub mod text;
pub mod transport;

#[cfg(test)]
mod parse_tests;
#[cfg(test)]
mod script;

pub use account::{Account, AccountDocument, AccountStatus, NewAccount, Registration};
pub use authorization::{Authorization, AuthorizationError, AuthorizationStatus};
pub use certificate::{CertificateChain, CertificateError, Revocation, RevocationReason};
pub use challenge::{Challenge, ChallengeStatus, ChallengeType};
pub use client::{Client, ClientConfig, ConnectError, Patience};
pub use directory::{Directory, DirectoryMeta, NotOffered, Resource};
pub use error::Error;
pub use external_account::{ExternalAccountKey, ExternalAccountKeyError};
pub use identifier::{Identifier, IdentifierType};
pub use key::{JwsKey, KeyError, Thumbprint};
pub use key_authorization::{KeyAuthorization, KeyAuthorizationError};
pub use key_change::{KeyChange, KeyChangeError};
pub use order::{NewOrder, Order, OrderError, OrderStatus};
pub use poll::PollPolicy;
pub use problem::{Problem, ProblemKind};
pub use renewal::{CertificateId, RenewalError, RenewalInfo};
pub use request::{RequestError, RequestFailure};
pub use resource_url::{ResourceUrl, ResourceUrlError};
pub use retry::{Clock, RetryPolicy, SystemClock};
pub(crate) use transport::tls_reason;
pub use transport::{
    ClientIdentity, HttpsConfig, HttpsTransport, PlainHttp, Roots, RootsError, Transport, TransportError,
};
