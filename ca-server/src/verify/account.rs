//! From `kid` to the account (RFC 8555 §6.2): of this server, of this authority, and valid.
//!
//! An account of another authority is as unknown as one that never was.

use super::error::VerifyError;
use crate::app::App;
use crate::ids::{AccountId, AuthorityName};
use crate::order::model::{Account, AccountStatus};
use crate::store::Versioned;

/// The account that `kid` names.
///
/// # Errors
/// [`VerifyError::UnknownAccount`] or [`VerifyError::AccountNotValid`].
pub async fn named(
    app: &App,
    authority: &AuthorityName,
    kid: &str,
) -> Result<Versioned<Account>, VerifyError> {
    let id = id_of(app, authority, kid).ok_or(VerifyError::UnknownAccount)?;
    let account = app.store.load::<Account>(&id).await?.ok_or(VerifyError::UnknownAccount)?;
    if account.value.authority != *authority {
        return Err(VerifyError::UnknownAccount);
    }
    match account.value.status {
        AccountStatus::Valid => Ok(account),
        status @ (AccountStatus::Deactivated | AccountStatus::Revoked) => {
            Err(VerifyError::AccountNotValid(status))
        }
    }
}

/// The id in an account URL of this authority.
fn id_of(app: &App, authority: &AuthorityName, kid: &str) -> Option<AccountId> {
    kid.strip_prefix(app.links.base())?
        .strip_prefix("/acme/")?
        .strip_prefix(authority.as_str())?
        .strip_prefix("/account/")?
        .parse()
        .ok()
}
