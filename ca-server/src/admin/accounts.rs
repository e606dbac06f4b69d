//! Accounts, as the operator sees and ends them.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;

use super::refusal::Refusal;
use super::views::{AccountView, Page};
use crate::app::App;
use crate::ids::AccountId;
use crate::log::act::Act;
use crate::order::model::{Account, AccountStatus};
use crate::order::state::AccountEvent;
use crate::store::tables::accounts;
use crate::store::{Batch, Versioned};

const MAX_PAGE: usize = 1000;
/// Rows read at a time.
const STEP: usize = 200;
/// Most rows that one page of a filtered listing reads.
const MOST_ROWS_READ: usize = 2000;

/// Which accounts.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    limit: usize,
    after: Option<String>,
    status: Option<String>,
}

/// `GET /accounts`. One call reads a bounded number of rows, so a page may have fewer accounts than asked for although more follow.
///
/// # Errors
/// [`Refusal`] on a bad filter or a failing store.
pub async fn list(
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<AccountView>>, Refusal> {
    let status = wanted.status.as_deref().map(status).transpose()?;
    let mut after = wanted.after.as_deref().map(id).transpose()?;
    let limit = wanted.limit.clamp(1, MAX_PAGE);
    let (mut items, mut read) = (Vec::new(), 0);
    loop {
        let rows = app.store.accounts(after, STEP).await?;
        let full = rows.len() >= STEP;
        read += rows.len();
        for row in rows {
            after = Some(row.value.id);
            if status.is_none_or(|status| row.value.status == status) {
                items.push(view(&app, &row.value));
            }
            if items.len() >= limit {
                let next = after.map(|id| id.to_string());
                return Ok(Json(Page { items, next }));
            }
        }
        if !full {
            return Ok(Json(Page { items, next: None }));
        }
        if read >= MOST_ROWS_READ {
            return Ok(Json(Page { items, next: after.map(|id| id.to_string()) }));
        }
        // Reading never waits for anything; others on this thread get their turn here.
        tokio::task::yield_now().await;
    }
}

/// `GET /accounts/{id}`.
///
/// # Errors
/// [`Refusal`] if there is none, or on a failing store.
pub async fn show(State(app): State<App>, Path(text): Path<String>) -> Result<Json<AccountView>, Refusal> {
    Ok(Json(view(&app, &load(&app, &text).await?.value)))
}

/// `POST /accounts/{id}/deactivate`: the server withdraws it, so it becomes `revoked`; `deactivated` is what its holder does (RFC 8555
/// §7.1.6).
///
/// # Errors
/// [`Refusal`] if there is none, it is not valid any more, or on a failing store.
pub async fn deactivate(
    State(app): State<App>,
    Path(text): Path<String>,
) -> Result<Json<AccountView>, Refusal> {
    let seen = load(&app, &text).await?;
    let status = seen.value.status.step(AccountEvent::Revoke)?;
    let next = Account { status, ..seen.value.clone() };
    let mut batch = Batch::new();
    accounts::replace(&mut batch, &seen, &next)?;
    batch.record(
        app.clock.now(),
        Act::AccountDeactivated { account: next.id, by: "administrator".to_owned() },
    );
    app.store.commit(batch).await?;
    Ok(Json(view(&app, &next)))
}

async fn load(app: &App, text: &str) -> Result<Versioned<Account>, Refusal> {
    let id = text.parse().map_err(|_| Refusal::Absent("account"))?;
    app.store.load::<Account>(&id).await?.ok_or(Refusal::Absent("account"))
}

fn view(app: &App, account: &Account) -> AccountView {
    AccountView::new(account, app.links.account(&account.authority, account.id))
}

pub(super) fn id(text: &str) -> Result<AccountId, Refusal> {
    text.parse().map_err(|_| Refusal::Value {
        name: "account",
        value: text.to_owned(),
        wanted: "an account id",
    })
}

fn status(text: &str) -> Result<AccountStatus, Refusal> {
    match text {
        "valid" => Ok(AccountStatus::Valid),
        "deactivated" => Ok(AccountStatus::Deactivated),
        "revoked" => Ok(AccountStatus::Revoked),
        _ => Err(Refusal::Value {
            name: "status",
            value: text.to_owned(),
            wanted: "valid, deactivated or revoked",
        }),
    }
}
