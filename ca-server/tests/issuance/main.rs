//! Orders from the front door to the certificate and back: over real sockets, with a memory store, a fixed clock and a fake DNS.

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
