//! How many requests a device takes: with a password 1 per second (30 wait), in a session 15 per second (90 wait); more are told 503.
//!
//! What waits is counted, not held back: a burst of 30 is answered at once, and the next one only when a second has passed for each. Judged by the device's
//! clock.

use std::collections::BTreeMap;
use std::sync::Arc;

use ca_server::clock::Clock;
use parking_lot::Mutex;
use time::OffsetDateTime;

/// Most accounts and sessions that are remembered.
const MOST: usize = 1_024;

/// A limit.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Requests per second.
    pub per_second: u32,
    /// How many may wait.
    pub queue: u32,
}

/// With a password in each request.
pub const BASIC: Limit = Limit { per_second: 1, queue: 30 };
/// In a session.
pub const SESSION: Limit = Limit { per_second: 15, queue: 90 };

#[derive(Clone, Copy)]
struct Bucket {
    waiting: u32,
    since: OffsetDateTime,
}

/// Counts requests of accounts and sessions.
pub struct Limiter {
    limit: Option<Limit>,
    clock: Arc<dyn Clock>,
    buckets: Mutex<BTreeMap<String, Bucket>>,
}

impl Limiter {
    /// Without `limit`, nothing is limited.
    #[must_use]
    pub fn new(limit: Option<Limit>, clock: Arc<dyn Clock>) -> Self {
        Self { limit, clock, buckets: Mutex::default() }
    }

    /// Whether one more request of `whose` is taken.
    #[must_use]
    pub fn admits(&self, whose: &str) -> bool {
        let Some(limit) = self.limit else { return true };
        let now = self.clock.now();
        let mut buckets = self.buckets.lock();
        if buckets.len() >= MOST {
            let full = u64::from(limit.queue / limit.per_second.max(1)) + 1;
            let full = time::Duration::seconds(i64::try_from(full).unwrap_or(i64::MAX));
            buckets.retain(|_, bucket| now - bucket.since <= full);
        }
        if buckets.len() >= MOST && !buckets.contains_key(whose) {
            return false;
        }
        let bucket = buckets.entry(whose.to_owned()).or_insert(Bucket { waiting: 0, since: now });
        let passed = u32::try_from((now - bucket.since).whole_seconds().max(0)).unwrap_or(u32::MAX);
        bucket.waiting = bucket.waiting.saturating_sub(passed.saturating_mul(limit.per_second));
        bucket.since = now;
        if bucket.waiting >= limit.queue {
            return false;
        }
        bucket.waiting += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use ca_server::clock::FixedClock;
    use time::Duration;

    use super::*;

    #[test]
    fn a_burst_is_taken_and_then_one_for_each_second() {
        let clock = FixedClock::at(OffsetDateTime::UNIX_EPOCH);
        let limiter = Limiter::new(Some(BASIC), Arc::new(clock.clone()));
        assert!((0..30).all(|_| limiter.admits("admin")));
        assert!(!limiter.admits("admin") && limiter.admits("user"));
        clock.advance(Duration::seconds(2));
        assert!(limiter.admits("admin") && limiter.admits("admin") && !limiter.admits("admin"));
    }
}
