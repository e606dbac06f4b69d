//! Webhooks through the front door: what is told, to whom, in which order, and what happens when receivers, processes and journals are not well.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops at the first wrong value, and says what it measured or skipped"
)]

mod documented;
mod expiring;
mod failures;
mod process;
mod queue;
mod receivers;
mod setting;
mod told;
