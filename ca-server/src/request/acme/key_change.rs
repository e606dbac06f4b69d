//! `POST /acme/<authority>/key-change` (RFC 8555 §7.3.5): the account takes a new key, which no other account may have.

use axum::extract::State;

use crate::app::App;
use crate::log::act::Act;
use crate::order::model::Account;
use crate::respond::Answer;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::respond::views::account::AccountView;
use crate::store::{Batch, StoreError, Versioned, tables};
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
    app.limits.account_change(account.value.id, app.clock.now())?;
    let key = inner::check(&payload, &account.value, &app.links)?.into_jwk();
    let thumbprint = key.thumbprint();
    if let Some(owner) = app.store.account_by_key(&authority, &thumbprint).await? {
        return Err(conflict(&app, &owner.value));
    }
    match store(&app, &account, key).await {
        Ok(account) => Ok(Answer::ok(AccountView::new(&account, &app.links))),
        Err(StoreError::Stale(_)) => match app.store.account_by_key(&authority, &thumbprint).await? {
            Some(owner) => Err(conflict(&app, &owner.value)),
            None => {
                let detail = "the account was changed by another request meanwhile; try again";
                Err(Problem { retry_after: Some(1), ..Problem::new(Kind::ServiceUnavailable, detail) })
            }
        },
        Err(error) => Err(error.into()),
    }
}

fn conflict(app: &App, owner: &Account) -> Problem {
    let detail = "the new key is another account's already; make a fresh key";
    let location = app.links.account(&owner.authority, owner.id);
    Problem { location: Some(location.into()), ..Problem::new(Kind::KeyInUse, detail) }
}

async fn store(app: &App, seen: &Versioned<Account>, key: Jwk) -> Result<Account, StoreError> {
    let next = Account { key, ..seen.value.clone() };
    let mut batch = Batch::new();
    tables::accounts::replace(&mut batch, seen, &next)?;
    let act = Act::KeyChanged { account: next.id, thumbprint: next.key.thumbprint() };
    batch.record(app.clock.now(), act);
    app.store.commit(batch).await?;
    Ok(next)
}
