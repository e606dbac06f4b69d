//! Relying parties: what they ask of an OCSP responder and how they judge its answer; and stores full of revoked certificates to ask about.
//!
//! Written apart from the server's own code, so that each checks the other. For tests and benches only.

pub mod fill;
pub mod ocsp;
