//! The decision: a forbid that applies wins, then a permit that applies, else no.
//! A rule that fails while it is evaluated denies, whatever the others say: Cedar alone would skip it, and a skipped forbid
//! would let through what it was written to stop.

use std::fmt::Write as _;

use cedar_policy::{AuthorizationError, PolicyId};

use super::index::Index;
use super::operate::Operation;
use super::parse::{RuleId, Rules};
use super::request::{Facts, Request, Untranslatable};

/// What the rules say to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// At least one permit applies and no forbid.
    Allowed {
        /// The permits that apply, in the order they are written.
        rules: Vec<RuleId>,
    },
    /// A forbid applies, or no permit does.
    Denied {
        /// The forbids that apply, in the order they are written; empty if merely no permit applied.
        rules: Vec<RuleId>,
        /// Why, fit to be shown to the client.
        reason: String,
    },
}

impl Decision {
    /// Is it a yes?
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        match self {
            Self::Allowed { .. } => true,
            Self::Denied { .. } => false,
        }
    }

    /// Why it is a no, fit to be shown to the client; `None` if it is a yes.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Allowed { .. } => None,
            Self::Denied { reason, .. } => Some(reason),
        }
    }

    /// The rules that made the decision.
    #[must_use]
    pub fn rules(&self) -> &[RuleId] {
        match self {
            Self::Allowed { rules } | Self::Denied { rules, .. } => rules,
        }
    }
}

impl Rules {
    /// Judges one request.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        let nobody = || {
            format!(
                "no rule permits this account to {} a certificate of profile `{}` for {} `{}`",
                request.action.name(),
                request.profile,
                request.identifier.kind(),
                request.identifier.value(),
            )
        };
        self.judge(self.index(request.action), request.facts(&self.words, None), nobody)
    }

    /// Judges whether a person may do something at the operators' console.
    #[must_use]
    pub fn operate(&self, operation: &Operation<'_>) -> Decision {
        let nobody =
            || format!("no rule permits {} to {} at the console", operation.address, operation.task.name());
        self.judge(self.operators(), operation.facts(&self.words, None), nobody)
    }

    /// `nobody` is said where merely no permit applies.
    fn judge(
        &self,
        index: &Index,
        facts: Result<Facts, Untranslatable>,
        nobody: impl Fn() -> String,
    ) -> Decision {
        let Ok(facts) = facts else {
            // No request is known to come here. The cause would be Cedar's own words, which are not for clients.
            let reason = "the request cannot be put to the rules".to_owned();
            return Decision::Denied { rules: Vec::new(), reason };
        };
        let (mut permits, mut forbids, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for policies in index.relevant(&facts.scopes) {
            let response = self.authorizer.is_authorized(&facts.request, policies, &facts.entities);
            let diagnostics = response.diagnostics();
            failed.extend(diagnostics.errors().filter_map(|error| match error {
                AuthorizationError::PolicyEvaluationError(cause) => self.order_of(cause.policy_id()),
            }));
            // What decided: the permits if it is a yes, the forbids if it is a no, nothing if no rule applies.
            let deciding = match response.decision() {
                cedar_policy::Decision::Allow => &mut permits,
                cedar_policy::Decision::Deny => &mut forbids,
            };
            deciding.extend(diagnostics.reason().filter_map(|id| self.order_of(id)));
        }
        if !failed.is_empty() {
            let rules = self.in_order(failed);
            let reason = format!("{} could not be evaluated", named(&rules));
            return Decision::Denied { rules, reason };
        }
        if forbids.is_empty() && !permits.is_empty() {
            return Decision::Allowed { rules: self.in_order(permits) };
        }
        let rules = self.in_order(forbids);
        let reason = if rules.is_empty() { nobody() } else { self.reason(&rules) };
        Decision::Denied { rules, reason }
    }

    fn order_of(&self, id: &PolicyId) -> Option<usize> {
        self.rule_named(id.as_ref()).map(|(order, _)| order)
    }

    /// The ids of these rules, in the order they are written in the files.
    fn in_order(&self, mut orders: Vec<usize>) -> Vec<RuleId> {
        orders.sort_unstable();
        orders.iter().filter_map(|order| self.all().get(*order)).map(|rule| rule.id.clone()).collect()
    }

    fn reason(&self, forbids: &[RuleId]) -> String {
        let mut reason = String::new();
        for id in forbids {
            let separator = if reason.is_empty() { "" } else { "; " };
            let text = self.rule_named(id.as_str()).and_then(|(_, rule)| rule.reason.as_deref());
            // Writing to a string cannot fail.
            let _ = write!(reason, "{separator}{} (rule `{id}`)", text.unwrap_or("forbidden"));
        }
        reason
    }
}

fn named(rules: &[RuleId]) -> String {
    let ids: Vec<String> = rules.iter().map(|id| format!("`{id}`")).collect();
    let noun = if rules.len() == 1 { "rule" } else { "rules" };
    format!("{noun} {}", ids.join(", "))
}
