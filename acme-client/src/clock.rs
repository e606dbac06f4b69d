//! The clock the agent decides by.
//!
//! Renewal windows, backoff and Retry-After are judged against a [`Clock`], so tests fix the time and real runs use the
//! system's. It decides nothing itself and must never be read behind a caller's back: whoever needs the time is given a clock.

use time::OffsetDateTime;

/// Tells the time in UTC.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> OffsetDateTime;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// A clock that stands still, for tests and dry runs.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub OffsetDateTime);

impl Clock for FixedClock {
    fn now(&self) -> OffsetDateTime {
        self.0
    }
}
