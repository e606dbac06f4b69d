//! Fleets of agents over months: a real server behind TLS, real agents on state directories of their own, one clock in the test's hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops at the first wrong value, and says what it measured"
)]

mod liars;
mod mass;
mod setting;
mod year;
