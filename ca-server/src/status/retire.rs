//! When a replaced issuer has nothing left to do: the last of its certificates has ended, and with it the time for which the list has to show it (RFC 5280
//! §3.3). Then it retires by itself: nobody signs lists or OCSP answers under it any more, and neither is served.
//!
//! What retired is noted in the store, with an entry of the journal, so that every start knows it. The certificates of responders do not count: they would
//! keep the issuer alive for their own sake. Must never touch the key: moving it away is for the operator.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::clock;
use crate::log::act::Act;
use crate::respond::problem::causes;
use crate::store::{Batch, Record, StoreError, Table};

/// How often replaced issuers are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(3600);

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

/// Knows again what retired before this start.
///
/// # Errors
/// If the store fails.
pub async fn remember(app: &App) -> Result<(), StoreError> {
    for issuer in app.authorities.issuers() {
        if let Some(found) = app.store.load::<Retired>(&issuer.issuer_id().to_owned()).await? {
            app.authorities.retire(issuer.issuer_id(), found.value.at);
        }
    }
    Ok(())
}

/// When the last certificate of each replaced issuer ends, as far as it was looked for: nothing more is issued under them, so nobody need look again before.
#[derive(Debug, Default)]
pub struct Looked(BTreeMap<String, OffsetDateTime>);

/// Retires every replaced issuer whose last certificate ended long enough ago. One that issues again is in service again.
///
/// # Errors
/// If the store fails; what was not done yet is done at the next look.
pub async fn look(app: &App, looked: &mut Looked) -> Result<(), StoreError> {
    let now = app.clock.now();
    for authority in app.authorities.iter() {
        back_in_service(app, authority.issuer_id(), now).await?;
    }
    let since = clock::before(now, app.config.revocation.list_lifetime);
    let is_due = |id: &str| looked.0.get(id).is_none_or(|end| *end <= since);
    let replaced = app.authorities.issuers().filter(|issuer| !app.authorities.is_present(issuer.issuer_id()));
    let due: Vec<_> = replaced.filter(|issuer| is_due(issuer.issuer_id())).collect();
    if due.is_empty() {
        return Ok(());
    }
    let ends = app.store.last_ends(app.authorities.issuers().count(), since).await?;
    let (alive, ended): (Vec<_>, Vec<_>) =
        due.into_iter().partition(|issuer| ends.contains_key(issuer.issuer_id()));
    looked.0.retain(|id, end| *end > since && app.authorities.of_issuer(id).is_some());
    for issuer in alive {
        let end = ends.get(issuer.issuer_id()).copied();
        looked.0.extend(end.map(|end| (issuer.issuer_id().to_owned(), end)));
    }
    for issuer in ended {
        let (id, name) = (issuer.issuer_id(), issuer.name());
        let record = Retired { issuer: id.to_owned(), at: now };
        let mut batch = Batch::new();
        match app.store.load::<Retired>(&record.issuer).await? {
            Some(_) => {}
            None => {
                batch.insert(&record)?;
                let what = format!("issuer {id} of authority {name} retired: its last certificate has ended");
                batch.record(now, Act::Operation { what });
            }
        }
        match app.store.commit(batch).await {
            // Another server of the same store was faster.
            Ok(()) | Err(StoreError::Stale(_)) => {}
            Err(error) => return Err(error),
        }
        app.authorities.retire(id, now);
        app.revocation_lists.forget(id);
        tracing::info!(authority = %name, issuer = %id, "a replaced issuer retired");
    }
    app.responders.follow(&app.authorities);
    Ok(())
}

/// Forgets that an issuer retired, if an authority issues under it.
async fn back_in_service(app: &App, id: &str, now: OffsetDateTime) -> Result<(), StoreError> {
    let Some(seen) = app.store.load::<Retired>(&id.to_owned()).await? else { return Ok(()) };
    let mut batch = Batch::new();
    batch.remove(&seen);
    batch.record(now, Act::Operation { what: format!("issuer {id}, which had retired, issues again") });
    match app.store.commit(batch).await {
        Ok(()) | Err(StoreError::Stale(_)) => {}
        Err(error) => return Err(error),
    }
    app.authorities.back_in_service(id);
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
