//! Foreign clients and tools against the real program, over TLS. Each skips, and says so, where its program is missing.
//!
//! certbot, lego and our own RFC 2136 provider use BIND as the DNS, on port 53; the others make do with the harness's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops at the first wrong value, and says what it measured or skipped"
)]

mod certbot;
mod est;
mod instant_acme;
mod jwcrypto;
mod lego;
mod local;
mod openssl;
mod prometheus;
mod revocation;
mod rfc2136;
mod setting;
mod updates;
