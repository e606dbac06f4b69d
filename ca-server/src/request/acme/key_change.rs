//! `POST /acme/<authority>/key-change` (RFC 8555 §7.3.5): the account takes a new key, which no other account may have.

use axum::extract::State;

use super::new_account::{account_of_key, key_row};
use crate::app::App;
use crate::ids::{AccountId, AuthorityName};
use crate::log::act::Act;
use crate::order::model::Account;
use crate::respond::Answer;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::respond::views::account::AccountView;
use crate::store::{Batch, StoreError, Table, Versioned};
use crate::verify::jwk::Jwk;
use crate::verify::jws::Flattened;
use crate::verify::{Verified, key_change as inner};

/// Gives the account that signed the key that signed the inner JWS.
///
/// # Errors
/// Why the key stays as it is.
pub async fn key_change(
    State(app): State<App>,
    request: Verified<Flattened>,
) -> Result<Answer<AccountView>, Problem> {
    let Verified { authority, account, payload, .. } = request;
    let key = inner::check(&payload, &account.value, &app.links)?.into_jwk();
    if let Some(owner) = account_of_key(&app, &authority, &key).await? {
        return Err(conflict(&app, &authority, owner));
    }
    match store(&app, &account, key.clone()).await {
        Ok(account) => Ok(Answer::ok(AccountView::new(&account, &app.links))),
        Err(StoreError::Stale(_)) => match account_of_key(&app, &authority, &key).await? {
            Some(owner) => Err(conflict(&app, &authority, owner)),
            None => {
                let detail = "the account was changed by another request meanwhile; try again";
                Err(Problem { retry_after: Some(1), ..Problem::new(Kind::ServiceUnavailable, detail) })
            }
        },
        Err(error) => Err(error.into()),
    }
}

fn conflict(app: &App, authority: &AuthorityName, owner: AccountId) -> Problem {
    let detail = "the new key is another account's already; make a fresh key";
    Problem { location: Some(app.links.account(authority, owner)), ..Problem::new(Kind::KeyInUse, detail) }
}

async fn store(app: &App, seen: &Versioned<Account>, key: Jwk) -> Result<Account, StoreError> {
    let old_row = key_row(&seen.value.authority, &seen.value.key);
    let next = Account { key, ..seen.value.clone() };
    let row = key_row(&next.authority, &next.key);
    let mut batch = Batch::new();
    batch.replace(seen.version, &next)?;
    batch.absent(Table::AccountsByKey, row.clone());
    batch.put(Table::AccountsByKey, row, next.id.as_bytes().to_vec());
    batch.delete(Table::AccountsByKey, old_row);
    let act = Act::KeyChanged { account: next.id, thumbprint: next.key.thumbprint() };
    batch.record(app.clock.now(), act);
    app.store.commit(batch).await?;
    Ok(next)
}
