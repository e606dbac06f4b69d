//! What may be issued: profiles (TOML) say what a certificate looks like, rules (Cedar) say who may have one, lints look at the
//! result before it is signed. Texts come in as arguments: nothing here reads a file, a clock or the network.
//!
//! [`Ruleset::parse`] reads everything and reports every problem at once; [`rules::Rules::decide`] judges one request;
//! [`lints::lint`] judges one certificate; [`table::run`] tries a whole table of requests.

mod fields;
pub mod lints;
pub mod problem;
pub mod profiles;
pub mod rules;
mod ruleset;
pub mod table;

pub use problem::{Place, Problem};
pub use ruleset::Ruleset;

#[cfg(test)]
mod documented;
