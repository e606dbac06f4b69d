//! Machine accounts, as the operator makes and ends them. A code leaves only in the answer that made it.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;

use super::internal_views::{DeviceView, NewCode};
use super::organisations::{find, is_name};
use super::refusal::Refusal;
use super::views::Page;
use crate::app::App;
use crate::clock;
use crate::internal::DeviceId;
use crate::internal::machine::{ActivationCode, LONGEST_CODE, MachineAccount, MachineStatus, act, make_code};
use crate::internal::opaque::MakeError;
use crate::store::tables::{activation_codes, machine_accounts};
use crate::store::{Batch, Versioned};

const MAX_PAGE: usize = 1000;

/// Which accounts.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    limit: usize,
    after: Option<String>,
}

/// `GET /devices`.
///
/// # Errors
/// [`Refusal`] on a bad cursor or a failing store.
pub async fn list(
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<DeviceView>>, Refusal> {
    let after = wanted.after.as_deref().map(id).transpose()?;
    let limit = wanted.limit.clamp(1, MAX_PAGE);
    let rows = app.store.machine_accounts(after, limit).await?;
    let next = rows.last().filter(|_| rows.len() >= limit).map(|row| row.value.id.to_string());
    Ok(Json(Page { items: rows.iter().map(|row| DeviceView::new(&row.value)).collect(), next }))
}

/// `GET /devices/{id}`.
///
/// # Errors
/// [`Refusal`] if there is none, or on a failing store.
pub async fn show(State(app): State<App>, Path(text): Path<String>) -> Result<Json<DeviceView>, Refusal> {
    Ok(Json(DeviceView::new(&load(&app, &text).await?.value)))
}

/// `POST /devices`: an account with its activation code, or a further code for one there is.
///
/// # Errors
/// [`Refusal`] on an unusable value, a deactivated account, or a failing store.
pub async fn code(State(app): State<App>, Json(wanted): Json<NewCode>) -> Result<Json<DeviceView>, Refusal> {
    let now = app.clock.now();
    let lifetime = wanted.lifetime.map_or(app.config.internal.activation_code_lifetime, Duration::from_secs);
    if lifetime.is_zero() || lifetime > LONGEST_CODE {
        let value = humantime::format_duration(lifetime).to_string();
        return Err(Refusal::Value { name: "expires-in", value, wanted: "a time of at most 30days" });
    }
    let mut batch = Batch::new();
    let seen = match &wanted.device {
        Some(text) => {
            let seen = load(&app, text).await?;
            if seen.value.status == MachineStatus::Deactivated {
                return Err(Refusal::Already("account is deactivated"));
            }
            Some(seen)
        }
        None => None,
    };
    let mut account = match &seen {
        Some(seen) => seen.value.clone(),
        None => new_account(&app, &wanted).await?,
    };
    let (code, code_id) = make_code(&mut batch, account.id, lifetime, now).map_err(|error| match error {
        MakeError::Entropy(error) => Refusal::from(error),
        MakeError::Store(error) => error.into(),
    })?;
    // From now on this code gives the account, and no earlier one.
    let earlier = account.code.replace(code_id);
    match &seen {
        Some(seen) => {
            forget(&app, &mut batch, earlier).await?;
            machine_accounts::replace(&mut batch, seen, &account)?;
        }
        None => {
            machine_accounts::insert(&mut batch, &account)?;
            batch.record(now, act(account.id, account.organisation, "created"));
        }
    }
    batch.record(now, act(account.id, account.organisation, "activation code made"));
    app.store.commit(batch).await?;
    Ok(Json(DeviceView {
        code: Some(code.expose().to_owned()),
        code_expires: Some(clock::after(now, lifetime)),
        ..DeviceView::new(&account)
    }))
}

/// Removes a code that nobody typed.
async fn forget(app: &App, batch: &mut Batch, code: Option<String>) -> Result<(), Refusal> {
    let Some(id) = code else { return Ok(()) };
    if let Some(seen) = app.store.load::<ActivationCode>(&id).await? {
        activation_codes::remove(batch, &seen);
    }
    Ok(())
}

async fn new_account(app: &App, wanted: &NewCode) -> Result<MachineAccount, Refusal> {
    let organisation = find(app, wanted.organisation.as_deref().unwrap_or_default()).await?.value;
    let name = wanted.name.as_deref().unwrap_or("device").trim();
    if !is_name(name) {
        let wanted = "a name of 1 to 64 characters that is no UUID";
        return Err(Refusal::Value { name: "name", value: name.to_owned(), wanted });
    }
    Ok(MachineAccount {
        id: DeviceId::fresh()?,
        organisation: organisation.id,
        name: name.to_owned(),
        status: MachineStatus::Waiting,
        key: None,
        generation: 0,
        code: None,
        created: app.clock.now(),
        activated: None,
    })
}

/// `POST /devices/{id}/deactivate`: for good. Its tokens and its certificate renew nothing from now on.
///
/// # Errors
/// [`Refusal`] if there is none, it is so already, or on a failing store.
pub async fn deactivate(
    State(app): State<App>,
    Path(text): Path<String>,
) -> Result<Json<DeviceView>, Refusal> {
    let seen = load(&app, &text).await?;
    if seen.value.status == MachineStatus::Deactivated {
        return Err(Refusal::Already("account is deactivated"));
    }
    let next = MachineAccount { status: MachineStatus::Deactivated, code: None, ..seen.value.clone() };
    let mut batch = Batch::new();
    machine_accounts::replace(&mut batch, &seen, &next)?;
    batch.record(app.clock.now(), act(next.id, next.organisation, "deactivated"));
    app.store.commit(batch).await?;
    Ok(Json(DeviceView::new(&next)))
}

async fn load(app: &App, text: &str) -> Result<Versioned<MachineAccount>, Refusal> {
    let id = text.parse::<DeviceId>().map_err(|_| Refusal::Absent("machine account"))?;
    app.store.load(&id).await?.ok_or(Refusal::Absent("machine account"))
}

fn id(text: &str) -> Result<DeviceId, Refusal> {
    let wanted = "a cursor of this listing";
    text.parse().map_err(|_| Refusal::Value { name: "after", value: text.to_owned(), wanted })
}
