//! What relying parties and holders are told about certificates: revocation lists, the issuer's certificate, renewal information.
//!
//! All of it is public and needs no signature by the client. A revocation list is the only thing that is signed here, and only through `sign`.

pub mod crl;
pub mod issuer;
pub mod renewal_info;

pub use crl::RevocationLists;
