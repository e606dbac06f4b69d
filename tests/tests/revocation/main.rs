//! What relying parties are told: revocation lists whole and in shards, OCSP, and how many certificates are revoked at once.
//!
//! Everything goes over sockets: relying parties come over plain HTTP as well as TLS, operators to the admin socket. The clock stands still until it is moved.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first wrong value")]

mod lists;
mod mass;
mod ocsp;
mod replaced;
mod support;
