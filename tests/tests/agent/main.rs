//! `acme-client` end to end: the program and its library against the real server program, over TLS, with a DNS in this process that takes signed
//! updates.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops at the first wrong value, and says what it measured or skipped"
)]

mod account;
mod cut_off;
mod daemon;
mod enroll;
mod est;
mod est_liar;
mod est_token;
mod external_account;
mod inspect;
mod internal;
mod internal_clock;
mod killed;
mod lost_answers;
mod metrics;
mod organisation;
mod people;
mod proofs;
mod renew;
mod revoke;
mod room;
mod run;
mod setting;
mod unkind;
