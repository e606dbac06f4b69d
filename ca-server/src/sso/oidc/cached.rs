//! One document of a provider: kept, refreshed, loaded by one task at a time, and not asked for again at once after a failure.
//!
//! Time is an argument. A document past its freshness may still serve while the provider fails, but only so long.

use std::sync::Arc;

use parking_lot::Mutex;
use time::{Duration, OffsetDateTime};

use super::refusal::OidcRefusal;

/// Longest rest after failures.
const LONGEST_REST: Duration = Duration::minutes(5);

/// How old a document may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ages {
    /// Older ones are loaded anew.
    pub(crate) fresh: Duration,
    /// Older ones are not used even if the provider fails.
    pub(crate) usable: Duration,
    /// A reload on suspicion waits at least so long after the last load.
    pub(crate) apart: Duration,
}

/// A document with its age and the provider's failures.
pub(crate) struct Cached<T> {
    ages: Ages,
    slot: Mutex<Slot<T>>,
    loading: tokio::sync::Mutex<()>,
}

struct Slot<T> {
    kept: Option<(Arc<T>, OffsetDateTime)>,
    failure: Option<Failure>,
}

#[derive(Clone, Copy)]
struct Failure {
    reason: &'static str,
    count: u32,
    until: OffsetDateTime,
}

impl<T> Cached<T> {
    pub(crate) fn new(ages: Ages) -> Self {
        let slot = Mutex::new(Slot { kept: None, failure: None });
        Self { ages, slot, loading: tokio::sync::Mutex::new(()) }
    }

    /// The document: the kept one while fresh, else a new one, else the kept one while usable.
    pub(crate) async fn at(
        &self,
        now: OffsetDateTime,
        load: impl Future<Output = Result<T, OidcRefusal>>,
    ) -> Result<Arc<T>, OidcRefusal> {
        if let Some(fresh) = self.younger_than(self.ages.fresh, now) {
            return Ok(fresh);
        }
        let _one = self.loading.lock().await;
        if let Some(fresh) = self.younger_than(self.ages.fresh, now) {
            return Ok(fresh);
        }
        let refusal = match self.resting(now) {
            Some(refusal) => refusal,
            None => match self.load(now, load).await {
                Ok(loaded) => return Ok(loaded),
                Err(refusal) => refusal,
            },
        };
        let kept = self.younger_than(self.ages.usable, now);
        if kept.is_some() && !matches!(refusal, OidcRefusal::Resting { .. }) {
            tracing::warn!(
                reason = refusal.reason(),
                "an identity provider fails; its last document serves on"
            );
        }
        kept.ok_or(refusal)
    }

    /// A document newer than `seen`, if the provider may be asked for it now.
    pub(crate) async fn newer_than(
        &self,
        seen: &Arc<T>,
        now: OffsetDateTime,
        load: impl Future<Output = Result<T, OidcRefusal>>,
    ) -> Result<Option<Arc<T>>, OidcRefusal> {
        let _one = self.loading.lock().await;
        let kept = self.slot.lock().kept.as_ref().map(|(kept, at)| (Arc::clone(kept), *at));
        if let Some((kept, at)) = kept {
            if !Arc::ptr_eq(&kept, seen) {
                return Ok(Some(kept));
            }
            if now - at < self.ages.apart {
                return Ok(None);
            }
        }
        if self.resting(now).is_some() {
            return Ok(None);
        }
        self.load(now, load).await.map(Some)
    }

    async fn load(
        &self,
        now: OffsetDateTime,
        load: impl Future<Output = Result<T, OidcRefusal>>,
    ) -> Result<Arc<T>, OidcRefusal> {
        let loaded = load.await;
        let mut slot = self.slot.lock();
        match loaded {
            Ok(document) => {
                let document = Arc::new(document);
                *slot = Slot { kept: Some((Arc::clone(&document), now)), failure: None };
                Ok(document)
            }
            Err(refusal) => {
                let count = slot.failure.map_or(0, |failure| failure.count).saturating_add(1);
                let rest = Duration::seconds(1_i64 << count.min(16)).min(LONGEST_REST);
                slot.failure = Some(Failure { reason: refusal.reason(), count, until: now + rest });
                Err(refusal)
            }
        }
    }

    fn younger_than(&self, age: Duration, now: OffsetDateTime) -> Option<Arc<T>> {
        let slot = self.slot.lock();
        let (kept, at) = slot.kept.as_ref()?;
        (now - *at < age).then(|| Arc::clone(kept))
    }

    fn resting(&self, now: OffsetDateTime) -> Option<OidcRefusal> {
        let Failure { reason, until, .. } = self.slot.lock().failure?;
        (now < until).then_some(OidcRefusal::Resting { reason, until })
    }
}

#[cfg(test)]
mod tests;
