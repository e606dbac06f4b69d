//! The one clock of the server, passed in so that tests can hold it still.
//!
//! Trusts the operating system for the real time. Nothing else in this crate may read the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use time::{Duration, OffsetDateTime};

/// `by` after `at`, or the last moment that can be written: times and durations may come from outside.
#[must_use]
pub fn after(at: OffsetDateTime, by: std::time::Duration) -> OffsetDateTime {
    at.saturating_add(Duration::try_from(by).unwrap_or(Duration::MAX))
}

/// `by` before `at`, or the first moment that can be written.
#[must_use]
pub fn before(at: OffsetDateTime, by: std::time::Duration) -> OffsetDateTime {
    at.saturating_sub(Duration::try_from(by).unwrap_or(Duration::MAX))
}

/// Tells the present time, in UTC, cut to whole seconds.
pub trait Clock: Send + Sync {
    /// The present time.
    fn now(&self) -> OffsetDateTime;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        let now = OffsetDateTime::now_utc();
        now.replace_nanosecond(0).unwrap_or(now)
    }
}

/// A clock that stands still until it is moved; clones share the hand.
#[derive(Clone, Debug)]
pub struct FixedClock(Arc<AtomicI64>);

impl FixedClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn at(start: OffsetDateTime) -> Self {
        Self(Arc::new(AtomicI64::new(start.unix_timestamp())))
    }

    /// Moves the hand forward (or back, when `by` is negative).
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.whole_seconds(), Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.0.load(Ordering::SeqCst))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_beyond_the_calendar_are_its_last_and_first_moment() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let long = std::time::Duration::MAX;
        assert_eq!(after(now, long).year(), 9999);
        assert_eq!(before(now, long).year(), -9999);
        let day = std::time::Duration::from_secs(86_400);
        assert_eq!(before(after(now, day), day), now);
    }
}
