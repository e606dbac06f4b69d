//! What an operator does to a server that is in use: back up and restore, replace issuers, answer the loss of a key.
//!
//! Servers and commands are processes of their own, made by `init`; the load is whole ACME flows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops at the first wrong value, and says what it measured or skipped"
)]

mod backup;
mod doctor;
mod root_list;
mod rotation;
mod setting;
