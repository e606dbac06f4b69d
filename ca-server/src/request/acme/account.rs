//! `POST /acme/<authority>/account/<id>`: read (POST-as-GET), change contacts (RFC 8555 §7.3.2), deactivate (§7.3.6).

use axum::extract::State;
use serde::Deserialize;

use super::contact;
use super::path::Segments;
use crate::app::App;
use crate::ids::AccountId;
use crate::log::act::Act;
use crate::order::model::{Account, AccountStatus};
use crate::order::state::{AccountEvent, Illegal};
use crate::respond::Answer;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::respond::views::account::AccountView;
use crate::store::{Batch, StoreError, Versioned, tables};
use crate::verify::{ReadOr, Verified, VerifyError};

/// How often a change is tried again when another change of the account came between.
const ATTEMPTS: usize = 8;

/// What a client may change; every other member is ignored (RFC 8555 §7.3.2).
#[derive(Debug, Deserialize)]
pub struct AccountChange {
    #[serde(default)]
    contact: Option<Vec<String>>,
    #[serde(default)]
    status: Option<String>,
}

/// Shows or changes the account that signed.
///
/// # Errors
/// If it is another account's URL, or the change is not allowed.
pub async fn account(
    State(app): State<App>,
    Segments((_, id)): Segments<(String, String)>,
    request: Verified<ReadOr<AccountChange>>,
) -> Result<Answer<AccountView>, Problem> {
    let Verified { account, payload, .. } = request;
    if id.parse() != Ok(account.value.id) {
        return Err(Problem::new(Kind::Unauthorized, "this URL is not the one of the account that signed"));
    }
    let account = match payload {
        ReadOr::Read => account.value,
        ReadOr::Change(change) => apply(&app, account, &change).await?,
    };
    Ok(Answer::ok(AccountView::new(&account, &app.links)))
}

async fn apply(app: &App, account: Versioned<Account>, change: &AccountChange) -> Result<Account, Problem> {
    contact::check(change.contact.as_deref().unwrap_or_default())?;
    let id = account.value.id;
    if change.contact.is_some() {
        app.limits.account_change(id, app.clock.now())?;
    }
    let mut seen = account;
    for _ in 0..ATTEMPTS {
        let next = changed(&seen.value, change).map_err(Problem::internal)?;
        match store(app, &seen, &next).await {
            Ok(()) => return Ok(next),
            Err(StoreError::Stale(_)) => seen = reload(app, id).await?,
            Err(error) => return Err(error.into()),
        }
    }
    let detail = "the account is being changed by other requests; try again";
    Err(Problem { retry_after: Some(1), ..Problem::new(Kind::ServiceUnavailable, detail) })
}

/// The account as it stands now; it may have been deactivated by the request that came between.
async fn reload(app: &App, id: AccountId) -> Result<Versioned<Account>, VerifyError> {
    let account = app.store.load::<Account>(&id).await?.ok_or(VerifyError::UnknownAccount)?;
    match account.value.status {
        AccountStatus::Valid => Ok(account),
        status @ (AccountStatus::Deactivated | AccountStatus::Revoked) => {
            Err(VerifyError::AccountNotValid(status))
        }
    }
}

/// The account with the change made.
fn changed(account: &Account, change: &AccountChange) -> Result<Account, Illegal> {
    let mut next = account.clone();
    if let Some(contact) = &change.contact {
        next.contact.clone_from(contact);
    }
    if change.status.as_deref() == Some("deactivated") {
        next.status = next.status.step(AccountEvent::Deactivate)?;
    }
    Ok(next)
}

async fn store(app: &App, seen: &Versioned<Account>, next: &Account) -> Result<(), StoreError> {
    if *next == seen.value {
        return Ok(());
    }
    let mut batch = Batch::new();
    tables::accounts::replace(&mut batch, seen, next)?;
    if next.status != seen.value.status {
        let act = Act::AccountDeactivated { account: next.id, by: "account".to_owned() };
        batch.record(app.clock.now(), act);
    }
    app.store.commit(batch).await
}
