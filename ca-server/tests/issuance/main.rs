//! Orders from the front door to the certificate and back: over real sockets, with a memory store, a fixed clock and a fake DNS.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    reason = "a test that fails says so by a panic"
)]

#[path = "../support/mod.rs"]
mod support;

mod device;

mod crashes;
mod csr_refusals;
mod finalize;
mod flow;
mod orders;
mod revocation;
mod status;
