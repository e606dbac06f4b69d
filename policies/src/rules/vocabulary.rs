//! The names of the schema, parsed once. Entity types and actions are what every decision needs, so a decision parses
//! nothing. The shipped schema and this file say the same words; a test evaluates every action on every type against it.

use std::str::FromStr;

use cedar_policy::{EntityId, EntityTypeName, EntityUid, ParseErrors};

use super::request::Action;

/// Entity types and actions, ready for use.
#[derive(Clone, Debug)]
pub(super) struct Vocabulary {
    pub(super) account: EntityTypeName,
    pub(super) authority: EntityTypeName,
    pub(super) organisation: EntityTypeName,
    pub(super) dns: EntityTypeName,
    pub(super) email: EntityTypeName,
    pub(super) uri: EntityTypeName,
    pub(super) domain: EntityTypeName,
    pub(super) profile: EntityTypeName,
    pub(super) proof: EntityTypeName,
    pub(super) key_kind: EntityTypeName,
    order: EntityUid,
    issue: EntityUid,
    revoke: EntityUid,
    pub(super) operator: EntityTypeName,
    pub(super) task: EntityTypeName,
    pub(super) console: EntityUid,
    operate: EntityUid,
}

impl Vocabulary {
    pub(super) fn new() -> Result<Self, Box<ParseErrors>> {
        let action_type = EntityTypeName::from_str("Action")?;
        let action = |action: Action| entity(&action_type, action.name());
        Ok(Self {
            account: EntityTypeName::from_str("Account")?,
            authority: EntityTypeName::from_str("Authority")?,
            organisation: EntityTypeName::from_str("Organisation")?,
            dns: EntityTypeName::from_str("Dns")?,
            email: EntityTypeName::from_str("Email")?,
            uri: EntityTypeName::from_str("Uri")?,
            domain: EntityTypeName::from_str("Domain")?,
            profile: EntityTypeName::from_str("Profile")?,
            proof: EntityTypeName::from_str("Proof")?,
            key_kind: EntityTypeName::from_str("KeyKind")?,
            order: action(Action::Order),
            issue: action(Action::Issue),
            revoke: action(Action::Revoke),
            operator: EntityTypeName::from_str("Operator")?,
            task: EntityTypeName::from_str("Task")?,
            console: entity(&EntityTypeName::from_str("Console")?, "console"),
            operate: entity(&action_type, "operate"),
        })
    }

    pub(super) const fn operate(&self) -> &EntityUid {
        &self.operate
    }

    pub(super) fn action(&self, action: Action) -> &EntityUid {
        match action {
            Action::Order => &self.order,
            Action::Issue => &self.issue,
            Action::Revoke => &self.revoke,
        }
    }
}

/// `Type::"id"`.
pub(super) fn entity(type_name: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(type_name.clone(), EntityId::new(id))
}
