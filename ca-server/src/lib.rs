//! The authority: everything between a request and a recorded certificate.
//!
//! The folders below are the stages of a request, in order. Each stage returns a value that only it can make
//! (`Verified`, `Control`, `Approval`, `Permit`) and the next one demands it, so a skipped check does not compile.
//! `docs/issuance-cycle.md` numbers the steps; the code repeats the numbers.

// The tests of `sso` drive a whole server with the support of the integration tests, which knows this crate by its name.
#[cfg(test)]
extern crate self as ca_server;

pub mod request;

pub mod verify;

pub mod order;

pub mod challenge;

pub mod sso;

pub mod internal;

pub mod policy;

pub mod sign;

pub mod log;

pub mod respond;

pub mod store;

pub mod status;

pub mod admin;
pub mod app;
pub mod backup;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod doctor;
pub mod ids;
pub mod notifications;
pub mod server;
pub mod traces;
