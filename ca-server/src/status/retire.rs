//! When a replaced issuer has nothing left to do: the last of its certificates has ended, and with it the time for which the list has to show it (RFC 5280
//! §3.3). Then it retires by itself: nobody signs lists or OCSP answers under it any more, and neither is served.
//!
//! What retired is noted in the store, with an entry of the journal, so that every start knows it. The certificates of responders do not count: they would
//! keep the issuer alive for their own sake. A clock that was ahead retires nobody for good: each start looks again whether certificates are left. Must
//! never touch the key: moving it away is for the operator.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::clock;
use crate::log::act::Act;
use crate::request::metrics::forget_issuer;
use crate::respond::problem::causes;
use crate::sign::Authority;
use crate::store::{Batch, Record, StoreError, Table};

/// How often replaced issuers are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(3600);
/// Why a record does not count.
const AHEAD: &str = "the clock was ahead when it retired";

/// An issuer that retired.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Retired {
    issuer: String,
    #[serde(with = "time::serde::timestamp")]
    at: OffsetDateTime,
}

impl Record for Retired {
    const TABLE: Table = Table::Meta;
    type Key = String;

    fn key(&self) -> String {
        self.issuer.clone()
    }

    fn encode_key(key: &String) -> Vec<u8> {
        format!("retired-issuer:{key}").into_bytes()
    }
}

/// Knows again what retired before this start. What retires only in the future was noted by a clock that was ahead, and does not count.
///
/// # Errors
/// If the store fails.
pub async fn remember(app: &App) -> Result<(), StoreError> {
    let now = app.clock.now();
    for issuer in app.authorities.issuers() {
        let id = issuer.issuer_id();
        match app.store.load::<Retired>(&id.to_owned()).await? {
            Some(found) if found.value.at > now => back_in_service(app, id, AHEAD, now).await?,
            Some(found) => app.authorities.retire(id, found.value.at),
            None => {}
        }
    }
    Ok(())
}

/// What earlier looks found out.
#[derive(Debug, Default)]
pub struct Looked {
    /// When the last certificate of each replaced issuer ends: nothing more is issued under them, so nobody need look again before.
    ends: BTreeMap<String, OffsetDateTime>,
    /// Issuers that retired, and have indeed no certificate any more.
    sure: BTreeSet<String>,
}

/// Retires every replaced issuer whose last certificate ended long enough ago. One that issues again, or retired while the clock was ahead, is in
/// service again.
///
/// # Errors
/// If the store fails; what was not done yet is done at the next look.
pub async fn look(app: &App, looked: &mut Looked) -> Result<(), StoreError> {
    let now = app.clock.now();
    for authority in app.authorities.iter() {
        back_in_service(app, authority.issuer_id(), "it issues again", now).await?;
    }
    let since = clock::before(now, app.config.revocation.list_lifetime);
    let unsure = unsure(app, looked, now).await?;
    let is_due = |id: &str| looked.ends.get(id).is_none_or(|end| *end <= since);
    let replaced = app.authorities.issuers().filter(|issuer| !app.authorities.is_present(issuer.issuer_id()));
    let due: Vec<_> = replaced.filter(|issuer| is_due(issuer.issuer_id())).collect();
    let wanted: BTreeSet<String> =
        due.iter().map(|issuer| issuer.issuer_id().to_owned()).chain(unsure.iter().cloned()).collect();
    let ends = app.store.last_ends(&wanted, since).await?;
    for id in unsure {
        match ends.contains_key(&id) {
            true => back_in_service(app, &id, "certificates of it are still valid", now).await?,
            false => drop(looked.sure.insert(id)),
        }
    }
    looked.ends.retain(|id, end| *end > since && app.authorities.of_issuer(id).is_some());
    looked.ends.extend(ends.clone());
    let mut retired = Vec::new();
    for issuer in due.iter().filter(|issuer| !ends.contains_key(issuer.issuer_id())) {
        retire(app, issuer, now).await?;
        looked.sure.insert(issuer.issuer_id().to_owned());
        retired.push(issuer.issuer_id().to_owned());
    }
    app.responders.follow(&app.authorities);
    retired.iter().for_each(|id| forget_issuer(id));
    Ok(())
}

/// Those that count as retired and that nobody has looked at since this start. Records that a clock wrote that was ahead are taken back.
async fn unsure(app: &App, looked: &mut Looked, now: OffsetDateTime) -> Result<Vec<String>, StoreError> {
    let mut unsure = Vec::new();
    for id in app.authorities.all_retired() {
        match app.store.load::<Retired>(&id).await? {
            Some(seen) if seen.value.at > now => back_in_service(app, &id, AHEAD, now).await?,
            Some(_) if looked.sure.contains(&id) => continue,
            Some(_) => unsure.push(id.clone()),
            // Another server of the same store took it back.
            None => app.authorities.back_in_service(&id),
        }
        looked.sure.remove(&id);
    }
    Ok(unsure)
}

async fn retire(app: &App, issuer: &Authority, now: OffsetDateTime) -> Result<(), StoreError> {
    let (id, name) = (issuer.issuer_id(), issuer.name());
    let record = Retired { issuer: id.to_owned(), at: now };
    let mut batch = Batch::new();
    if app.store.load::<Retired>(&record.issuer).await?.is_none() {
        batch.insert(&record)?;
        let what = format!("issuer {id} of authority {name} retired: its last certificate has ended");
        batch.record(now, Act::Operation { what });
    }
    match app.store.commit(batch).await {
        // Another server of the same store was faster.
        Ok(()) | Err(StoreError::Stale(_)) => {}
        Err(error) => return Err(error),
    }
    app.authorities.retire(id, now);
    app.revocation_lists.forget(id);
    tracing::info!(authority = %name, issuer = %id, "a replaced issuer retired");
    Ok(())
}

/// Forgets that an issuer retired, if that is noted.
async fn back_in_service(app: &App, id: &str, why: &str, now: OffsetDateTime) -> Result<(), StoreError> {
    let Some(seen) = app.store.load::<Retired>(&id.to_owned()).await? else { return Ok(()) };
    let mut batch = Batch::new();
    batch.remove(&seen);
    let what = format!("issuer {id}, which was taken for retired, is in service again: {why}");
    batch.record(now, Act::Operation { what });
    match app.store.commit(batch).await {
        Ok(()) | Err(StoreError::Stale(_)) => {}
        Err(error) => return Err(error),
    }
    app.authorities.back_in_service(id);
    tracing::warn!(issuer = %id, why, "an issuer that was taken for retired is in service again");
    Ok(())
}

/// Looks again and again until the server stops. A failure is logged and tried again with the next look.
pub async fn keep(app: App, stop: CancellationToken) {
    let (mut changes, mut looked) = (app.authorities.changes(), Looked::default());
    loop {
        if let Err(error) = look(&app, &mut looked).await {
            tracing::error!(error = %causes(&error), "replaced issuers could not be looked at");
        }
        // After a reload an issuer may be back in service.
        let next = tokio::time::timeout(LOOK_EVERY, changes.changed());
        if stop.run_until_cancelled(next).await.is_none() {
            return;
        }
    }
}
