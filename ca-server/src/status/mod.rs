//! What relying parties and holders are told about certificates: revocation lists and OCSP answers of each issuer, present or replaced; the issuer's
//! certificate; renewal information.
//!
//! All of it is public and needs no signature by the client. Lists are signed by the issuer and only through `sign`; answers by a responder whose
//! certificate passed the same gate as every other.

pub mod caching;
pub mod crl;
pub mod issuer;
pub mod lists;
pub mod ocsp;
pub mod renewal_info;
pub mod retire;

pub use lists::RevocationLists;
pub use ocsp::Responders;
