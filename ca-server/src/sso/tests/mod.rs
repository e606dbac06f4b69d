//! Sign-ins through the front door: a real socket, a fixed clock, and a provider that says what a test wants.
//!
//! What is refused must leave everything as it was, so most tests go on after the refusal and succeed.

#![allow(unreachable_pub, dead_code, reason = "the support is shared with the integration tests")]

mod bench;
mod changes;
mod flow;
mod front;
mod journal;
mod lifetime;
mod limits;
mod phishing;
mod relay;

#[path = "../../../tests/support/mod.rs"]
mod support;
