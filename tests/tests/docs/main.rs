//! What the pages promise is there: links lead somewhere, commands and their flags exist, samples parse, tests that show something are there.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first wrong value, and says what it skipped"
)]

mod commands;
mod evidence;
mod links;
mod pages;
mod samples;
mod units;
