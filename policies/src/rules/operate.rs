//! The question whether a person may use the operators' console, and its translation into Cedar's words (`shipped/operators.cedarschema`).
//!
//! A rule of its own kind: only what names the action `operate` is asked, so that no rule written for certificates opens the console. No permit
//! means no. The person must be one that an identity provider vouched for; nothing here proves it.

use std::collections::HashMap;
use std::net::IpAddr;

use cedar_policy::{ActionConstraint, Context, Entities, Entity, Policy, RestrictedExpression, Schema};
use certs::name::EmailAddress;

use super::request::{Facts, Person, Untranslatable, domains_above, lower, reference, string};
use super::vocabulary::{Vocabulary, entity};

/// What an operator is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// To look at anything.
    Look,
    /// To revoke a certificate.
    Revoke,
    /// To approve or deny what waits for it.
    Approve,
}

impl Task {
    /// Every task.
    pub const ALL: [Self; 3] = [Self::Look, Self::Revoke, Self::Approve];

    /// Its name in rules and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Revoke => "revoke",
            Self::Approve => "approve",
        }
    }

    /// The task of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.name() == name)
    }
}

/// One question: one person, one task.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    /// The address that was proven.
    pub address: &'a EmailAddress,
    /// What the identity provider said beside it.
    pub person: Person<'a>,
    /// What is to be done.
    pub task: Task,
    /// Where the request came from.
    pub client_address: IpAddr,
}

impl Operation<'_> {
    /// Translates; as [`super::Request`], checked by Cedar only where there is a schema.
    pub(super) fn facts(&self, words: &Vocabulary, schema: Option<&Schema>) -> Result<Facts, Untranslatable> {
        let written = lower(&self.address.to_string());
        let attributes = HashMap::from([
            ("address".to_owned(), string(&written)),
            ("local".to_owned(), string(&lower(self.address.local_part()))),
            ("domain".to_owned(), string(self.address.domain().as_str())),
            ("person".to_owned(), self.person.record()?),
        ]);
        let domains = domains_above(words, self.address.domain().as_str());
        let operator =
            Entity::new(entity(&words.operator, &written), attributes, domains.into_iter().collect())?;
        let console = Entity::with_uid(words.console.clone());
        let task = reference(entity(&words.task, self.task.name()));
        let client = RestrictedExpression::new_ip(self.client_address.to_canonical().to_string());
        let context = Context::from_pairs([("task".to_owned(), task), ("clientAddress".to_owned(), client)])?;
        let (who, what) = (operator.uid(), console.uid());
        let request = cedar_policy::Request::new(who, words.operate().clone(), what, context, schema)?;
        let scopes = vec![console.uid()];
        Ok(Facts { request, entities: Entities::from_entities([operator, console], schema)?, scopes })
    }
}

/// Whether a rule names the action in its head. One that leaves its action open does not.
pub(super) fn is_named_by(policy: &Policy, words: &Vocabulary) -> bool {
    match policy.action_constraint() {
        ActionConstraint::Any => false,
        ActionConstraint::Eq(one) => one == *words.operate(),
        ActionConstraint::In(several) => several.contains(words.operate()),
    }
}
