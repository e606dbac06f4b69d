//! Cedar rules: may this account, with these proofs, have this profile for this identifier?
//! Rules are parsed and validated strictly against the schema before any request is judged; a rule that the schema does not
//! understand, or that carries no `@id`, never takes effect. No permit means no. A rule that cannot be evaluated means no.
//! This module trusts the facts in a [`Request`]; the proofs among them must come from validated challenges only.

mod decide;
mod domains;
mod fault;
mod index;
mod literals;
mod operate;
mod parse;
mod request;
mod vocabulary;
mod words;

#[cfg(test)]
mod tests;

pub use decide::Decision;
pub use domains::shipped_rules_for_domains;
pub use fault::RuleFault;
pub use operate::{Operation, Task};
pub use parse::{Effect, Rule, RuleId, Rules};
pub use request::{Account, Action, KeyKind, Person, Request};

/// The schema that rules are checked against, as shipped.
pub const SCHEMA: &str = include_str!("../../shipped/schema.cedarschema");

/// What rules about the operators' console are checked against, beside [`SCHEMA`].
pub const OPERATORS_SCHEMA: &str = include_str!("../../shipped/operators.cedarschema");

/// The rules that every installation starts with: file name and text. `domains.cedar` is made by
/// [`shipped_rules_for_domains`].
pub const SHIPPED: &[(&str, &str)] = &[
    ("base.cedar", include_str!("../../shipped/rules/base.cedar")),
    ("internal.cedar", include_str!("../../shipped/rules/internal.cedar")),
];
