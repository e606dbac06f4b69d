//! The rules of one action, sorted by the names they can apply to. Cedar looks at every rule of a set; an authority for a thousand
//! domains has thousands of rules, of which two or three are about the name at hand. A rule whose scope says `resource in X` or
//! `resource == X` is put under `X` and looked at only for resources that are `X` or in it: for all others it is false by its own
//! words, so leaving it out changes no decision (a test compares both ways).

use std::collections::HashMap;

use cedar_policy::{EntityUid, Policy, PolicySet, PolicySetError, ResourceConstraint};

/// Rules by scope.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    general: PolicySet,
    scoped: HashMap<EntityUid, PolicySet>,
}

impl Index {
    pub(super) fn new<'a>(policies: impl Iterator<Item = &'a Policy>) -> Result<Self, Box<PolicySetError>> {
        let mut index = Self::default();
        for policy in policies {
            let set = match policy.resource_constraint() {
                ResourceConstraint::Any | ResourceConstraint::Is(_) => &mut index.general,
                ResourceConstraint::In(uid)
                | ResourceConstraint::Eq(uid)
                | ResourceConstraint::IsIn(_, uid) => index.scoped.entry(uid).or_default(),
            };
            set.add(policy.clone())?;
        }
        Ok(index)
    }

    /// The sets to look at for a resource: `scopes` is the resource itself and everything it is in, each once.
    pub(super) fn relevant<'a>(&'a self, scopes: &'a [EntityUid]) -> impl Iterator<Item = &'a PolicySet> {
        std::iter::once(&self.general).chain(scopes.iter().filter_map(|scope| self.scoped.get(scope)))
    }
}
