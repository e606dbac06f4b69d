//! `GET /crl/<issuer>.crl`: the issuer's revocation list (RFC 5280 §5), complete and numbered.
//!
//! The issuer is named by its key identifier, as certificates name it, and has a list of its own after it was replaced; `<authority>.crl` is the
//! list of the present one.
//!
//! A list is made when it is asked for: after a revocation, or when the last one is past half its life. Its number is made durable before
//! it is signed, so no number is ever used twice. Abandoned serials are on it too. Revoked entries leave it some time after expiry.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use certs::crl::{CrlRequest, RevocationReason, Revoked};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use time::format_description::FormatItem;
use time::macros::format_description;
use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;

use crate::app::App;
use crate::ids::AuthorityName;
use crate::log::act::Act;
use crate::order::read::not_found;
use crate::request::acme::path::Segments;
use crate::respond::problem::Problem;
use crate::sign::{Authority, CrlSignError, sign_crl};
use crate::store::{Batch, Record, Store, StoreError, Table};

/// How long a list may be relied on.
const LIFETIME: Duration = Duration::hours(24);
/// How long caches may keep it: a revocation is seen after at most this.
const CACHED_SECONDS: i64 = 300;
/// How often a number is drawn anew because another process drew one.
const TRIES: usize = 5;
/// Rows read at once.
const PAGE: usize = 1000;

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum CrlError {
    /// It could not be signed.
    #[error(transparent)]
    Sign(#[from] CrlSignError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The number of the last list of an issuer, as the store keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct LastNumber {
    issuer: String,
    number: u64,
}

impl Record for LastNumber {
    const TABLE: Table = Table::Meta;
    type Key = String;

    fn key(&self) -> String {
        self.issuer.clone()
    }

    fn encode_key(key: &String) -> Vec<u8> {
        format!("crl-number:{key}").into_bytes()
    }
}

/// A signed list.
#[derive(Debug)]
pub struct RevocationList {
    /// Its DER.
    pub der: Bytes,
    /// Its number.
    pub number: u64,
    /// When it was made.
    pub this_update: OffsetDateTime,
    /// The count of changes that it covers.
    changes: u64,
}

/// The lists of all authorities, made when asked for.
#[derive(Debug, Default)]
pub struct RevocationLists {
    /// Grows with each revocation.
    changes: AtomicU64,
    /// By the issuer's key identifier.
    lists: parking_lot::Mutex<HashMap<String, Arc<Slot>>>,
}

type Slot = Mutex<Option<Arc<RevocationList>>>;

impl RevocationLists {
    fn slot(&self, issuer: &str) -> Arc<Slot> {
        self.lists.lock().entry(issuer.to_owned()).or_default().clone()
    }

    /// Says that a serial was revoked or abandoned: the next answer is a new list.
    pub fn outdated(&self) {
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// The list as of `now`.
    ///
    /// # Errors
    /// [`CrlError`]
    pub async fn current(
        &self,
        store: &Store,
        (authority, sharing): (&Authority, &[AuthorityName]),
        now: OffsetDateTime,
    ) -> Result<Arc<RevocationList>, CrlError> {
        let slot = self.slot(authority.issuer_id());
        let mut last = slot.lock().await;
        let changes = self.changes.load(Ordering::Acquire);
        let fresh = |list: &&Arc<RevocationList>| {
            list.changes == changes && now < list.this_update + LIFETIME / 2 && list.this_update <= now
        };
        if let Some(list) = last.as_ref().filter(fresh) {
            return Ok(list.clone());
        }
        let list = Arc::new(make(store, (authority, sharing), changes, now).await?);
        *last = Some(list.clone());
        Ok(list)
    }
}

async fn make(
    store: &Store,
    (authority, sharing): (&Authority, &[AuthorityName]),
    changes: u64,
    now: OffsetDateTime,
) -> Result<RevocationList, CrlError> {
    let mut revoked = Vec::new();
    for name in sharing {
        revoked.extend(revoked_of(store, name, authority.issuer_id(), now).await?);
    }
    // If the process dies after this, a number is skipped, which is allowed; used twice it never is.
    let number = next_number(store, authority, now).await?;
    let request = CrlRequest { number, this_update: now, next_update: now + LIFETIME, revoked: &revoked };
    let der = Bytes::from(sign_crl(authority, &request).await?);
    tracing::info!(authority = %authority.name(), number, entries = revoked.len(), "revocation list signed");
    Ok(RevocationList { der, number, this_update: now, changes })
}

/// What an authority revoked of one issuer's certificates.
async fn revoked_of(
    store: &Store,
    authority: &AuthorityName,
    issuer: &str,
    now: OffsetDateTime,
) -> Result<Vec<Revoked>, StoreError> {
    let (mut revoked, mut after) = (Vec::new(), None);
    loop {
        let page = store.revocations(authority, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(revoked) };
        after = Some(last.serial);
        let on_list = page.iter().filter(|entry| entry.issuer == issuer);
        revoked.extend(on_list.filter(|entry| now < entry.not_after + LIFETIME).map(|entry| Revoked {
            serial: entry.serial,
            at: entry.at,
            reason: RevocationReason::from_code(entry.reason.into()).unwrap_or(RevocationReason::Unspecified),
        }));
        // Reading never waits for anything; others on this thread get their turn here.
        tokio::task::yield_now().await;
    }
}

async fn next_number(store: &Store, authority: &Authority, now: OffsetDateTime) -> Result<u64, StoreError> {
    let issuer = authority.issuer_id().to_owned();
    let mut tries = 0;
    loop {
        let mut batch = Batch::new();
        let seen = store.load::<LastNumber>(&issuer).await?;
        let number = seen.as_ref().map_or(1, |seen| seen.value.number.saturating_add(1));
        let next = LastNumber { issuer: issuer.clone(), number };
        match &seen {
            Some(seen) => batch.replace(seen.version, &next)?,
            None => batch.insert(&next)?,
        };
        let what = format!("revocation list {number} of authority {}", authority.name());
        batch.record(now, Act::Operation { what });
        match store.commit(batch).await {
            Ok(()) => return Ok(number),
            Err(StoreError::Stale(_)) if tries < TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

const HTTP_DATE: &[FormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// Gives out the list.
///
/// # Errors
/// `NotFound`, or `serverInternal` if it cannot be signed.
pub async fn crl(
    State(app): State<App>,
    Segments(file): Segments<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = file.strip_suffix(".crl");
    let named = name.and_then(|name| app.authorities.of_issuer(name).or_else(|| app.authorities.named(name)));
    let authority = named.ok_or_else(|| not_found("revocation list"))?;
    // Authorities may share an issuer, and then they share its list.
    let sharing = app.authorities.iter().filter(|one| one.as_issuer(authority.issuer_id()).is_some());
    let sharing: Vec<AuthorityName> = sharing.map(|one| one.name().clone()).collect();
    let now = app.clock.now();
    let list = app.revocation_lists.current(&app.store, (&authority, &sharing), now).await;
    let list = list.map_err(Problem::internal)?;
    let etag = format!("\"{}-{}\"", authority.issuer_id(), list.number);
    let known = headers.get_all(IF_NONE_MATCH).iter().any(|value| value.as_bytes() == etag.as_bytes());
    let left: Duration = list.this_update + LIFETIME / 2 - now;
    let left = left.whole_seconds().clamp(0, CACHED_SECONDS);
    let headers = [
        (CONTENT_TYPE, "application/pkix-crl".to_owned()),
        (CACHE_CONTROL, format!("public, max-age={left}")),
        (LAST_MODIFIED, list.this_update.format(HTTP_DATE).unwrap_or_default()),
        (ETAG, etag),
    ];
    if known {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Ok((headers, list.der.clone()).into_response())
}
