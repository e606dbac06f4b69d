//! Keys in PKCS#11 tokens, against SoftHSM: the library, the server, the agent, and both together from `init` to a rotation.
//!
//! Without SoftHSM and OpenSC's pkcs11-tool the tests say that they skip; `.ci/interop` requires them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops at the first wrong value, and says what it measured or skipped"
)]

mod agent;
mod faults;
mod killed;
mod library;
mod server;
mod setting;
