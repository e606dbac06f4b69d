//! Proof of control: one file per kind of proof, CAA, the resolver, and the worker that validates what was answered.
//!
//! Only this stage can make a [`Control`]. Trusts the resolver's answers as far as `[dns] dnssec` says, and nothing a client sends.

pub mod control;
pub mod resolver;

pub use control::Control;
