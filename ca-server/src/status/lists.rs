//! The revocation lists of all issuers: one edition for each, signed again after every revocation and at half the life of what was signed.
//!
//! A background task ([`keep`]) signs without being asked. A request never waits for a large list: it gets the one there is, which is less than a
//! minute behind. What changed is read from the store, so that of several servers on one store each follows all.

mod make;
mod records;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use certs::crl::Shard;
use time::OffsetDateTime;
use tokio::sync::{Mutex, Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::clock;
use crate::config::RevocationConfig;
use crate::respond::problem::causes;
use crate::sign::{Authorities, Authority, CrlSignError};
use crate::store::{Store, StoreError};

/// A list of at most so many entries is made while its reader waits.
const SMALL: usize = 2_000;
/// How long the task waits after a revocation for others that come with it.
const GATHER: Duration = Duration::from_secs(1);
/// It waits longer where signing takes long, so that a mass revocation leaves nine tenths of a core to others, but no longer than this.
const GATHER_AT_MOST: Duration = Duration::from_secs(20);
/// How often the task looks by itself: for what other servers revoked, and for lists past half their life.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// It could not be signed.
    #[error(transparent)]
    Sign(#[from] CrlSignError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A signed list.
#[derive(Clone, Debug)]
pub struct RevocationList {
    /// Its DER.
    pub der: Bytes,
    /// Its number: higher than that of every earlier one of its issuer.
    pub number: u64,
    /// When it was made.
    pub this_update: OffsetDateTime,
    /// Until when it may be relied on.
    pub next_update: OffsetDateTime,
    /// What it says, to see whether it still holds.
    digest: [u8; 32],
}

/// The lists of one issuer at one time: the whole, and all shards that certificates name.
#[derive(Debug)]
pub struct Edition {
    lists: BTreeMap<Shard, RevocationList>,
    /// How many certificates are on the whole list.
    pub entries: usize,
    /// Into how many shards certificates are spread that are issued now.
    pub shards: u16,
    /// What stood last in the store before it was read.
    marker: Option<Vec<u8>>,
    /// The oldest of its lists.
    oldest: OffsetDateTime,
}

impl Edition {
    /// One list.
    #[must_use]
    pub fn list(&self, shard: Shard) -> Option<&RevocationList> {
        self.lists.get(&shard)
    }

    /// When the oldest of its lists was signed, and until when that one may be relied on.
    #[must_use]
    pub fn times(&self) -> Option<(OffsetDateTime, OffsetDateTime)> {
        let oldest = self.lists.values().min_by_key(|list| list.this_update)?;
        Some((oldest.this_update, oldest.next_update))
    }

    fn is_fresh(&self, marker: Option<&Vec<u8>>, now: OffsetDateTime, lifetime: Duration) -> bool {
        self.marker.as_ref() == marker && self.is_young(now, lifetime / 2)
    }

    fn is_young(&self, now: OffsetDateTime, age: Duration) -> bool {
        self.oldest <= now && now < clock::after(self.oldest, age)
    }
}

/// The lists of all issuers.
#[derive(Debug)]
pub struct RevocationLists {
    lifetime: Duration,
    most_entries: usize,
    issuers: parking_lot::Mutex<HashMap<String, Arc<Issuer>>>,
    changed: Notify,
    signed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Issuer {
    making: Mutex<()>,
    edition: parking_lot::Mutex<Option<Arc<Edition>>>,
}

impl Issuer {
    fn edition(&self) -> Option<Arc<Edition>> {
        self.edition.lock().clone()
    }
}

impl RevocationLists {
    /// None yet.
    #[must_use]
    pub fn new(config: &RevocationConfig) -> Self {
        Self {
            lifetime: config.list_lifetime,
            most_entries: config.list_entries,
            issuers: parking_lot::Mutex::default(),
            changed: Notify::new(),
            signed: watch::Sender::new(0),
        }
    }

    /// Says that something was revoked: the task signs soon, not only when it looks next.
    pub fn outdated(&self) {
        self.changed.notify_one();
    }

    /// Counts the editions that were signed; whoever waits for one watches this.
    #[must_use]
    pub fn signings(&self) -> watch::Receiver<u64> {
        self.signed.subscribe()
    }

    /// The edition that was signed last, asking nobody.
    #[must_use]
    pub fn last(&self, issuer_id: &str) -> Option<Arc<Edition>> {
        self.issuer(issuer_id).edition()
    }

    /// The lists of an authority's issuer as of `now`; large ones as the task signed them last.
    ///
    /// # Errors
    /// [`ListError`]
    pub async fn current(
        &self,
        store: &Store,
        authority: &Arc<Authority>,
        now: OffsetDateTime,
    ) -> Result<Arc<Edition>, ListError> {
        let good_enough = |edition: &Edition| edition.entries > SMALL && edition.is_young(now, self.lifetime);
        self.edition(store, authority, now, good_enough).await
    }

    /// Signs what is outdated or past half its life.
    ///
    /// # Errors
    /// [`ListError`]
    pub async fn renew(
        &self,
        store: &Store,
        authority: &Arc<Authority>,
        now: OffsetDateTime,
    ) -> Result<(), ListError> {
        self.edition(store, authority, now, |_| false).await.map(drop)
    }

    /// Certificates of every authority name one of as many shards from now on as its issuer's list has, whichever authority of that issuer it was made
    /// with.
    pub fn spread(&self, authorities: &Authorities) {
        for authority in authorities.iter() {
            if let Some(edition) = self.last(authority.issuer_id()) {
                authority.places().spread_over(edition.shards);
            }
        }
    }

    async fn edition(
        &self,
        store: &Store,
        authority: &Arc<Authority>,
        now: OffsetDateTime,
        good_enough: impl Fn(&Edition) -> bool,
    ) -> Result<Arc<Edition>, ListError> {
        let issuer = self.issuer(authority.issuer_id());
        let marker = store.last_revocation(authority.issuer_id()).await?;
        let serves = |edition: &Arc<Edition>| {
            edition.is_fresh(marker.as_ref(), now, self.lifetime) || good_enough(edition)
        };
        if let Some(edition) = issuer.edition().filter(serves) {
            return Ok(edition);
        }
        let _alone = issuer.making.lock().await;
        let last = issuer.edition();
        if let Some(edition) = last.clone().filter(serves) {
            return Ok(edition);
        }
        let limits = make::Limits { lifetime: self.lifetime, most_entries: self.most_entries };
        let edition = Arc::new(make::make(store, authority, last.as_deref(), limits, now).await?);
        authority.places().spread_over(edition.shards);
        *issuer.edition.lock() = Some(edition.clone());
        self.signed.send_modify(|count| *count = count.wrapping_add(1));
        Ok(edition)
    }

    /// Drops the lists of an issuer that retired.
    pub(super) fn forget(&self, issuer_id: &str) {
        self.issuers.lock().remove(issuer_id);
        metrics::gauge!("rollcall_revocation_list_entries", "issuer" => issuer_id.to_owned()).set(0.0);
    }

    fn issuer(&self, issuer_id: &str) -> Arc<Issuer> {
        let mut issuers = self.issuers.lock();
        if let Some(issuer) = issuers.get(issuer_id) {
            return issuer.clone();
        }
        issuers.entry(issuer_id.to_owned()).or_default().clone()
    }
}

/// Signs what is outdated, for every issuer, present or replaced. A failure is logged and tried again with the next look.
pub async fn renew_all(app: &App) {
    for issuer in app.authorities.issuers() {
        if let Err(error) = app.revocation_lists.renew(&app.store, &issuer, app.clock.now()).await {
            tracing::error!(authority = %issuer.name(), issuer = %issuer.issuer_id(), error = %causes(&error),
                "no revocation list can be signed; the last one is given out until it ends");
        }
    }
    app.revocation_lists.spread(&app.authorities);
}

/// Keeps the lists of all issuers signed until the server stops.
pub async fn keep(app: App, stop: CancellationToken) {
    let mut gather = GATHER;
    loop {
        let waiting = async {
            if tokio::time::timeout(LOOK_EVERY, app.revocation_lists.changed.notified()).await.is_ok() {
                tokio::time::sleep(gather).await;
            }
        };
        if stop.run_until_cancelled(waiting).await.is_none() {
            return;
        }
        let began = Instant::now();
        renew_all(&app).await;
        gather = began.elapsed().saturating_mul(10).clamp(GATHER, GATHER_AT_MOST);
    }
}
