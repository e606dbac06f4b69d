//! How many requests a device takes: with a password 1 per second (30 wait), in a session 15 per second (90 wait); more are told 503.
//!
//! What waits is counted, not held back: a burst of 30 is answered at once, and the next one only when a second has passed for each. Judged by the device's
//! clock.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ca_server::clock::Clock;
use parking_lot::Mutex;
use time::{Duration, OffsetDateTime};

/// Nanoseconds of a second.
const SECOND: i128 = 1_000_000_000;
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
    /// Up to when it was emptied: not up to now, if what passed since is less than one request.
    since: OffsetDateTime,
}

impl Bucket {
    fn empty(&mut self, limit: Limit, now: OffsetDateTime) {
        let rate = i128::from(limit.per_second.max(1));
        let passed = (now - self.since).whole_nanoseconds();
        let done = u32::try_from(passed.max(0) * rate / SECOND).unwrap_or(u32::MAX);
        if passed < 0 || done >= self.waiting {
            // The clock was turned back, or nothing waits any more.
            self.waiting = if passed < 0 { self.waiting } else { 0 };
            self.since = now;
            return;
        }
        self.waiting -= done;
        self.since +=
            Duration::nanoseconds(i64::try_from(i128::from(done) * SECOND / rate).unwrap_or(i64::MAX));
    }
}

/// Whose requests are counted together: those of one address under one account; whoever names none that there is, under none. So who has no password uses up
/// nothing of those who come from elsewhere, and still guesses slowly.
#[must_use]
pub fn asker(peer: IpAddr, account: Option<&str>) -> String {
    format!("{peer} {}", account.unwrap_or_default())
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
            let full = Duration::seconds(i64::try_from(full).unwrap_or(i64::MAX));
            buckets.retain(|_, bucket| now - bucket.since <= full);
        }
        if buckets.len() >= MOST && !buckets.contains_key(whose) {
            return false;
        }
        let bucket = buckets.entry(whose.to_owned()).or_insert(Bucket { waiting: 0, since: now });
        bucket.empty(limit, now);
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

    use super::*;

    /// [`FixedClock`] knows whole seconds alone.
    #[derive(Clone)]
    struct FineClock(Arc<Mutex<OffsetDateTime>>);

    impl Clock for FineClock {
        fn now(&self) -> OffsetDateTime {
            *self.0.lock()
        }
    }

    #[test]
    fn a_burst_is_taken_and_then_one_for_each_second() {
        let clock = FixedClock::at(OffsetDateTime::UNIX_EPOCH);
        let limiter = Limiter::new(Some(BASIC), Arc::new(clock.clone()));
        assert!((0..30).all(|_| limiter.admits("admin")));
        assert!(!limiter.admits("admin") && limiter.admits("user"));
        clock.advance(Duration::seconds(2));
        assert!(limiter.admits("admin") && limiter.admits("admin") && !limiter.admits("admin"));
    }

    #[test]
    fn who_goes_on_asking_every_tenth_of_a_second_gets_through_once_a_second() {
        let clock = FineClock(Arc::new(Mutex::new(OffsetDateTime::UNIX_EPOCH)));
        for (limit, expected) in [(BASIC, 5), (SESSION, 50)] {
            let limiter = Limiter::new(Some(limit), Arc::new(clock.clone()));
            while limiter.admits("admin") {}
            let step = |_: &u32| {
                *clock.0.lock() += Duration::milliseconds(100);
                limiter.admits("admin")
            };
            assert_eq!((0..50).filter(step).count(), expected, "{limit:?}");
        }
    }

    #[test]
    fn a_clock_that_is_turned_back_holds_nobody_up_for_longer() {
        let clock = FixedClock::at(OffsetDateTime::UNIX_EPOCH);
        let limiter = Limiter::new(Some(BASIC), Arc::new(clock.clone()));
        while limiter.admits("admin") {}
        clock.advance(Duration::days(-1));
        assert!(!limiter.admits("admin"));
        clock.advance(Duration::seconds(1));
        assert!(limiter.admits("admin") && !limiter.admits("admin"));
    }
}
