//! Proof of control: one file per kind of proof, CAA, the resolver, and the worker that validates what was answered.
//!
//! Only this stage can make a [`Control`]. Trusts the resolver's answers as far as `[dns] dnssec` says, and nothing a client sends.

pub mod caa;
pub mod control;
pub mod dns01;
pub mod dns_account01;
pub mod dns_persist01;
pub mod offer;
pub mod resolver;
pub mod sso01;
pub mod validator;
pub mod worker;

#[cfg(test)]
pub(crate) mod canned;
mod show;

pub use control::Control;
pub use validator::{Attempt, ChallengeError, Validator, Validators};
