//! The enrolment agent: obtains identity certificates over ACME (RFC 8555), proves names through DNS, keeps keys and
//! certificates where a crash cannot mix them, and renews them unattended.
//!
//! `acme` speaks the protocol, `internal` asks a provider's own authority on a token, `dns` publishes proofs, `enroll` and `renew` drive both, `state` remembers, `deploy` tells
//! others, `run` goes on for ever, `device` puts identities into meeting-room devices, `cli` talks to people. The library trusts its state directory and the roots it was given, nothing else.

pub mod acme;

pub mod internal;

pub mod clock;
pub mod progress;

pub mod state;

pub mod deploy;

pub mod dns;

pub mod enroll;

pub mod renew;

pub mod run;

pub mod device;

pub mod cli;

#[cfg(test)]
mod pretend;
