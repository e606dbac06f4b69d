//! The internal authority through the front door: tokens, organisations, devices, guests, and everything that must be refused.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first wrong value"
)]

mod approvals;
mod attacks;
mod bindings;
mod devices;
mod domains;
mod est;
mod est_attacks;
mod est_gate;
mod gate;
mod guests;
mod lines;
mod lost_answers;
mod oidc_provider;
mod once;
mod organisations;
mod people;
mod releases;
mod routes;
