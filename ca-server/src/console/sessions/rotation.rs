//! The secrets of one session: the one in use, those offered and not yet shown, and those that were just replaced.
//!
//! A new one takes effect when the browser first shows it, so that an answer that is lost on its way signs nobody out. All tabs of a browser show
//! the newest that any of them was given; who goes on showing an old one, however many were offered, is no browser and keeps a copy alive.

use time::{Duration, OffsetDateTime};

use crate::console::secret::{Hash, Secret};
use crate::ids::NoEntropy;

/// How long a secret is in use before the next one is offered.
const EVERY: Duration = Duration::minutes(5);
/// How long after one was offered another is, if it was not shown.
const AGAIN: Duration = Duration::seconds(30);
/// How long a secret is still taken after the next one was shown: for answers that cross.
const GRACE: Duration = Duration::seconds(30);
/// Secrets offered, one by one, that nobody has shown; no browser loses so many answers, so the session ends.
const MOST_OFFERED: usize = 8;

/// The secrets of one session.
#[derive(Debug)]
pub(super) struct Rotation {
    current: Hash,
    since: OffsetDateTime,
    offered: Vec<Hash>,
    offered_at: Option<OffsetDateTime>,
    replaced: Vec<Hash>,
    replaced_at: OffsetDateTime,
}

impl Rotation {
    pub(super) fn new(first: &Secret, now: OffsetDateTime) -> Self {
        Self {
            current: first.hash(),
            since: now,
            offered: Vec::new(),
            offered_at: None,
            replaced: Vec::new(),
            replaced_at: now,
        }
    }

    /// Whether this secret is good now. One that was offered comes into use by being shown.
    pub(super) fn takes(&mut self, shown: &Secret, now: OffsetDateTime) -> bool {
        if self.current.is_of(shown) {
            return true;
        }
        if let Some(at) = self.offered.iter().position(|hash| hash.is_of(shown)) {
            let next = self.offered.swap_remove(at);
            let before = std::mem::replace(&mut self.current, next);
            self.replaced = std::mem::take(&mut self.offered);
            self.replaced.push(before);
            (self.since, self.replaced_at, self.offered_at) = (now, now, None);
            return true;
        }
        now < self.replaced_at + GRACE && self.replaced.iter().any(|hash| hash.is_of(shown))
    }

    /// Whether the secret in use is still shown although every other that could be was offered, and the last long enough ago.
    pub(super) fn is_ignored(&self, now: OffsetDateTime) -> bool {
        self.offered.len() >= MOST_OFFERED && !self.waits(now)
    }

    fn waits(&self, now: OffsetDateTime) -> bool {
        self.offered_at.is_some_and(|at| now < at + AGAIN)
    }

    /// The next one, if it is time to offer it.
    pub(super) fn next(&mut self, now: OffsetDateTime) -> Result<Option<Secret>, NoEntropy> {
        if now < self.since + EVERY || self.waits(now) || self.offered.len() >= MOST_OFFERED {
            return Ok(None);
        }
        let next = Secret::fresh()?;
        self.offered.push(next.hash());
        self.offered_at = Some(now);
        Ok(Some(next))
    }
}
