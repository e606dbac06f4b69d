//! One webhook: where it is, what it is told, how far it has come, and what an operator may do with it.
//!
//! Its place moves forward by deliveries alone, and anywhere by an operator's word. Must never show its secrets.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use time::OffsetDateTime;
use tokio::sync::Notify;
use url::Url;

use super::backoff::Backoff;
use super::load::{self, LoadError};
use super::{Paused, Place, Secrets};
use crate::config::notifications::{EventKind, WebhookConfig};
use crate::log::journal::{self, JournalError};
use crate::order::model::Certificate;
use crate::sso::fetch::Fetch;
use crate::store::Store;

/// What was seen of a webhook since the server began.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Events delivered.
    pub delivered: u64,
    /// When the last of them was.
    pub last: Option<OffsetDateTime>,
    /// Failures since then.
    pub failures: u32,
    /// What was wrong the last time.
    pub problem: Option<String>,
    /// When the entry that waits longest was written.
    pub waits_since: Option<OffsetDateTime>,
    /// When it is tried next.
    pub next: Option<OffsetDateTime>,
}

/// A webhook.
#[derive(Debug)]
pub struct Endpoint {
    pub(super) settings: WebhookConfig,
    pub(super) secret_file: std::path::PathBuf,
    pub(super) secrets: ArcSwap<Secrets>,
    pub(super) fetch: Fetch,
    pub(super) backoff: Backoff,
    /// `None` until it was first needed.
    pub(super) place: tokio::sync::Mutex<Option<Place>>,
    pub(super) seen: Mutex<Seen>,
    /// Rung when an operator changed something.
    pub(super) bell: Notify,
}

impl Endpoint {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Where it is.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.settings.url
    }

    /// What it is told of.
    #[must_use]
    pub fn events(&self) -> &[EventKind] {
        &self.settings.events
    }

    /// What was seen of it.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen.lock().clone()
    }

    /// Whether it is told of such events at all.
    #[must_use]
    pub fn wants(&self, kind: EventKind) -> bool {
        self.settings.events.contains(&kind)
    }

    /// Whether it is told of this one; an event about no certificate passes no filter.
    pub(super) fn takes(&self, kind: EventKind, certificate: Option<&Certificate>) -> bool {
        let WebhookConfig { authorities, profiles, organisations, .. } = &self.settings;
        let organisation = |certificate: &Certificate| {
            let holder = certificate.holder.as_ref();
            holder.and_then(|holder| holder.organisation).map(|id| id.to_string())
        };
        let among = |list: &[String], found: Option<String>| {
            list.is_empty() || found.is_some_and(|found| list.contains(&found))
        };
        self.wants(kind)
            && (authorities.is_empty()
                || certificate.is_some_and(|certificate| authorities.contains(&certificate.authority)))
            && among(profiles, certificate.map(|certificate| certificate.profile.clone()))
            && among(organisations, certificate.and_then(organisation))
    }

    pub(super) fn read_secrets(&self) -> Result<Secrets, LoadError> {
        let fault = |fault| LoadError { name: self.settings.name.clone(), key: "secret_file", fault };
        load::secrets(&self.secret_file).map_err(fault)
    }

    pub(super) fn take_secrets(&self, secrets: Secrets) {
        self.secrets.store(Arc::new(secrets));
    }

    /// Its place: the last entry that needs no further delivery, and why it is paused if it is.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn stands(
        &self,
        store: &Store,
    ) -> Result<(u64, Option<(String, OffsetDateTime)>), JournalError> {
        self.with(store, |place| {
            (place.seq(), place.paused().map(|paused| (paused.why.clone(), paused.since)))
        })
        .await
    }

    /// Looks at or changes its place, which is opened when it is first asked for.
    pub(super) async fn with<T>(
        &self,
        store: &Store,
        act: impl FnOnce(&mut Place) -> T,
    ) -> Result<T, JournalError> {
        let mut guard = self.place.lock().await;
        Ok(act(opened(&mut guard, store, &self.settings.name).await?))
    }

    /// Makes its place durable.
    pub(super) async fn save(&self, store: &Store) -> Result<(), JournalError> {
        let mut guard = self.place.lock().await;
        Ok(opened(&mut guard, store, &self.settings.name).await?.save(store).await?)
    }

    /// Changes its place by an operator's word, durably or not at all.
    async fn order(&self, store: &Store, act: impl FnOnce(&mut Place)) -> Result<(), JournalError> {
        let mut guard = self.place.lock().await;
        let place = opened(&mut guard, store, &self.settings.name).await?;
        let before = place.row();
        act(place);
        if let Err(error) = place.save(store).await {
            place.put_back(before);
            return Err(error.into());
        }
        drop(guard);
        let mut seen = self.seen.lock();
        (seen.failures, seen.next) = (0, None);
        drop(seen);
        self.bell.notify_one();
        Ok(())
    }

    /// Nothing is delivered until [`Self::resume`].
    ///
    /// # Errors
    /// If the store fails.
    pub async fn pause(&self, store: &Store, why: &str, now: OffsetDateTime) -> Result<(), JournalError> {
        self.order(store, |place| place.pause(Some(Paused { why: why.to_owned(), since: now }))).await
    }

    /// Goes on at once, also if it waits after a failure.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn resume(&self, store: &Store) -> Result<(), JournalError> {
        self.order(store, |place| place.pause(None)).await
    }

    /// The next entry to be told is `from`: earlier ones are told again, those before it are passed over.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn replay(&self, store: &Store, from: u64) -> Result<(), JournalError> {
        self.order(store, |place| place.jump(from.saturating_sub(1))).await
    }

    /// How long to wait after so many failures.
    pub(super) fn wait(&self, failures: u32, retry_after: Option<&str>, now: OffsetDateTime) -> Duration {
        self.backoff.wait(failures, retry_after, now)
    }
}

async fn opened<'p>(
    place: &'p mut Option<Place>,
    store: &Store,
    name: &str,
) -> Result<&'p mut Place, JournalError> {
    let opened = match place.take() {
        Some(known) => known,
        None => {
            let newest = journal::newest(store).await?.map_or(0, |entry| entry.seq);
            Place::open(store, name, newest).await?
        }
    };
    Ok(place.insert(opened))
}
