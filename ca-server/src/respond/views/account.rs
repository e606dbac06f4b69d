//! An account as its holder sees it (RFC 8555 §7.1.2). The key is not shown; the client has it.

use serde::Serialize;

use crate::order::model::{Account, AccountStatus};
use crate::request::links::Links;

/// The account object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    status: AccountStatus,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contact: Vec<String>,
    #[serde(skip_serializing_if = "is_false")]
    terms_of_service_agreed: bool,
    orders: String,
}

impl AccountView {
    /// The view of `account`.
    #[must_use]
    pub fn new(account: &Account, links: &Links) -> Self {
        Self {
            status: account.status,
            contact: account.contact.clone(),
            terms_of_service_agreed: account.terms_agreed,
            orders: links.orders(&account.authority, account.id),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}
