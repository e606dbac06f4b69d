//! EST (RFC 7030, RFC 8951): certificates of the internal authority for clients that speak neither ACME nor our JSON.
//!
//! Only the form of requests and answers is decided here: whom a credential speaks for is `internal::authenticate`, what he gets is
//! `internal::issue`. Old clients set the bounds: base64 in one line, a length in front, small headers, errors as text. Nothing here logs a body
//! or a header.

pub mod authorization;
pub mod cacerts;
pub mod certificate;
pub mod csrattrs;
pub mod elsewhere;
pub mod label;
pub mod reenroll;
pub mod refusal;
pub mod simpleenroll;
pub mod wire;

pub use certificate::ClientCertificate;
pub use refusal::Refusal;
