//! What the server refuses, and how: the kind, the status, a detail that a person can act on, a nonce that works, and a store as it was.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first wrong value"
)]

mod account_keys;
mod certificate_requests;
mod envelope;
mod identifiers;
mod kinds;
mod matrix;
mod nonces;
mod provoke;
mod resources;
mod support;
mod timeout;
