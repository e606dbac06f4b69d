//! The online certificate status protocol (RFC 6960, RFC 5019, RFC 9654): requests read, responses built.
//!
//! A request is a stranger's and is bounded in every part; whoever signed it does not matter, since answers are for anybody. A response is built
//! like a leaf: bytes first, then a signature by the responder's own key. Nothing here knows what is revoked.

mod request;
mod response;

pub use request::{CertId, HashAlgorithm, MOST_CERTIFICATES, MOST_OCTETS, Request, RequestError};
pub use response::{
    CertificateStatus, Failure, IssuerHashes, ResponseRequest, SingleResponse, assemble_response,
    failure_response, response_tbs,
};

#[cfg(test)]
mod tests;
