//! What the store promises, for every backend, and that the embedded one keeps it through power loss.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails says so by a panic"
)]

mod battery;
mod damage;
mod durability;
mod full_disk;
mod prune;
mod samples;
mod sled_open;
mod tables;
