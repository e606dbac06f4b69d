//! Certificates that end soon and whose place nothing has taken: each is journalled once for each time ahead, and told from there.
//!
//! For each time ahead a durable mark runs along the certificates in the order of their ends; everything up to `now` + that time is behind it. So each
//! certificate is looked at once, a look costs what ends between two looks, and neither a crash nor a stop tells it twice or leaves it out. Trusts the
//! clock.

use std::time::Duration;

use certs::identifier::Identifier;
use certs::serial::Serial;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::app::App;
use crate::clock;
use crate::config::notifications::EventKind;
use crate::log::act::Act;
use crate::order::model::{Certificate, CertificateStatus};
use crate::store::tables::certificates::{CertificateFilter, is_own};
use crate::store::tables::expiry::Ending;
use crate::store::{Batch, Record, Store, StoreError, Table};

/// Ends looked at between two commits.
const PAGE: usize = 100;
/// Newer certificates for the same name that are compared.
const COMPARED: usize = 50;
/// What part of its life a certificate may have left when it is told of: agents renew before, within the window that they are given.
const PART: u32 = 6;

/// How far the certificates were looked at for one time ahead.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The time ahead, in seconds.
    ahead: u64,
    /// The row of the last one, hexadecimal.
    row: String,
}

/// How the keys of these rows begin.
pub(crate) const KEY: &[u8] = b"expiring:";

impl Record for Mark {
    const TABLE: Table = Table::Meta;
    type Key = u64;

    fn key(&self) -> u64 {
        self.ahead
    }

    fn encode_key(key: &u64) -> Vec<u8> {
        [KEY, key.to_string().as_bytes()].concat()
    }
}

/// Journals what ends soon, as of the app's clock; how many certificates that were. Does nothing if no webhook is told of it.
///
/// # Errors
/// If the store fails; what was journalled before stays.
pub async fn look(app: &App) -> Result<u64, StoreError> {
    let mut told = 0;
    if app.notifications.wants(EventKind::Expiring) {
        for ahead in &app.config.notifications.expiring {
            told += look_ahead(&app.store, ahead.into_inner(), app.clock.now()).await?;
        }
    }
    Ok(told)
}

async fn look_ahead(store: &Store, ahead: Duration, now: OffsetDateTime) -> Result<u64, StoreError> {
    let (until, mut told) = (clock::after(now, ahead), 0);
    loop {
        let seen = store.load::<Mark>(&ahead.as_secs()).await?;
        let known = seen.as_ref().and_then(|seen| HEXLOWER.decode(seen.value.row.as_bytes()).ok());
        // What has ended is not told of: neither at the first look nor after a long stop.
        let begin = Ending::beginning(Table::Certificates, now);
        let after = known.and_then(Ending::of_row).filter(|known| known.row > begin.row).unwrap_or(begin);
        let page = store.ending(Table::Certificates, until, Some(&after), PAGE).await?;
        let Some(last) = page.last() else { return Ok(told) };
        let mut batch = Batch::new();
        for ending in &page {
            let Some(serial) = Serial::from_der_content(&ending.key) else { continue };
            let Some(found) = store.load::<Certificate>(&serial).await? else { continue };
            if found.value.not_after == ending.at
                && is_due(&found.value, ahead)
                && !is_replaced(store, &found.value).await?
            {
                batch.record(now, Act::Expiring { serial, ahead: ahead.as_secs() });
            }
        }
        told += u64::try_from(batch.acts.len()).unwrap_or(u64::MAX);
        let mark = Mark { ahead: ahead.as_secs(), row: HEXLOWER.encode(&last.row) };
        match seen.map(|seen| seen.version) {
            None => batch.insert(&mark)?,
            Some(version) => batch.replace::<Mark>(version, &mark)?,
        };
        match store.commit(batch).await {
            // Another server with the same store is at it.
            Err(StoreError::Stale(_)) => return Ok(told),
            committed => committed?,
        }
        // Others on this thread get their turn here.
        tokio::task::yield_now().await;
    }
}

/// Whether a certificate that is in use, and not the server's own, should have been renewed when it has so much time left.
fn is_due(certificate: &Certificate, ahead: Duration) -> bool {
    let life = certificate.not_after - certificate.not_before;
    certificate.status == CertificateStatus::Issued
        && !is_own(certificate)
        && ahead
            .checked_mul(PART)
            .is_some_and(|least| time::Duration::try_from(least).is_ok_and(|least| least <= life))
}

/// Whether a later certificate of the same profile stands for the same names: of the same account, or for devices of any.
async fn is_replaced(store: &Store, old: &Certificate) -> Result<bool, StoreError> {
    let filter = CertificateFilter {
        identifier: old.identifiers.first().cloned(),
        authority: Some(old.authority.clone()),
        profile: Some(old.profile.clone()),
        status: Some(CertificateStatus::Issued),
        ..CertificateFilter::default()
    };
    if filter.identifier.is_none() {
        return Ok(false);
    }
    let newest = store.certificates(&filter, None, COMPARED).await?;
    let are_names = |all: &[Identifier]| all.iter().all(|one| matches!(one, Identifier::Dns(_)));
    Ok(newest.items.iter().map(|found| &found.value).any(|new| {
        new.serial != old.serial
            && new.not_after > old.not_after
            && old.identifiers.iter().all(|one| new.identifiers.contains(one))
            && (new.account == old.account || are_names(&old.identifiers))
    }))
}
