//! When a failed request is tried again, and after how long: a pure decision, and the clock it is carried out with.
//!
//! `badNonce` goes again at once (RFC 8555 §6.5); 429, 503 and every other 5xx wait for `Retry-After` (RFC 9110 §10.2.3) or, without
//! one, back off with jitter; so do failed connections. Every budget is bounded: attempts, a single wait, and the whole request.
//! A server that asks for a longer wait than allowed is not asked earlier: the failure is returned with the time it named.

use std::fmt;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use http::HeaderMap;
use http::header::RETRY_AFTER;
use time::format_description::FormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// Time, so that tests need none of it.
#[async_trait]
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time of day, to read `Retry-After` dates with.
    fn now(&self) -> SystemTime;
    /// A time that never goes back, to measure budgets with.
    fn elapsed(&self) -> Duration;
    /// Waits.
    async fn sleep(&self, duration: Duration);
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started: std::time::Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { started: std::time::Instant::now() }
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// How long one request may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// No try is started after this. Default: 3 minutes.
    pub deadline: Duration,
    /// How often a nonce may be refused. Default: 10.
    pub bad_nonces: u32,
    /// How often a request may fail for a passing reason (5xx, 429, no connection) before it is given up. Default: 6.
    pub failures: u32,
    /// First pause without a `Retry-After`; doubles from then on. Default: 500 ms.
    pub first_backoff: Duration,
    /// Longest pause without a `Retry-After`. Default: 30 s.
    pub longest_backoff: Duration,
    /// Longest `Retry-After` that is waited for. Default: 2 minutes.
    pub longest_retry_after: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(180),
            bad_nonces: 10,
            failures: 6,
            first_backoff: Duration::from_millis(500),
            longest_backoff: Duration::from_secs(30),
            longest_retry_after: Duration::from_secs(120),
        }
    }
}

/// What kind of failure a try ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The nonce was refused.
    BadNonce,
    /// It may pass: overload, a server error, no connection. With the wait the server asked for.
    Passing(Option<Duration>),
    /// Trying again cannot help.
    Final,
}

/// What to do after a failed try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Try again after this pause, which may be zero.
    Again(Duration),
    /// Give up and return the failure.
    GiveUp,
}

/// The budget of one request.
#[derive(Clone, Copy, Debug)]
pub struct Attempts {
    policy: RetryPolicy,
    started: Duration,
    bad_nonces: u32,
    failures: u32,
}

impl Attempts {
    /// A fresh budget, counted from `started` ([`Clock::elapsed`]).
    #[must_use]
    pub fn new(policy: RetryPolicy, started: Duration) -> Self {
        Self { policy, started, bad_nonces: 0, failures: 0 }
    }

    /// How many tries have failed.
    #[must_use]
    pub fn failed(&self) -> u32 {
        self.bad_nonces.saturating_add(self.failures)
    }

    /// Records a failure and decides. `elapsed` is [`Clock::elapsed`]; `jitter` is a random number that spreads the pauses.
    pub fn decide(&mut self, failure: FailureKind, elapsed: Duration, jitter: u32) -> Decision {
        let pause = match failure {
            FailureKind::BadNonce => {
                self.bad_nonces = self.bad_nonces.saturating_add(1);
                (self.bad_nonces <= self.policy.bad_nonces).then_some(Duration::ZERO)
            }
            FailureKind::Passing(asked) => {
                self.failures = self.failures.saturating_add(1);
                let pause = match asked {
                    Some(asked) => (asked <= self.policy.longest_retry_after).then_some(asked),
                    None => Some(self.backoff(jitter)),
                };
                pause.filter(|_| self.failures < self.policy.failures.max(1))
            }
            FailureKind::Final => {
                self.failures = self.failures.saturating_add(1);
                None
            }
        };
        let spent = elapsed.saturating_sub(self.started);
        match pause {
            Some(pause) if spent.saturating_add(pause) <= self.policy.deadline => Decision::Again(pause),
            Some(_) | None => Decision::GiveUp,
        }
    }

    /// Exponential, from half to all of the doubled pause.
    fn backoff(&self, jitter: u32) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(16);
        let full = self.policy.first_backoff.saturating_mul(1 << doublings).min(self.policy.longest_backoff);
        let half = full / 2;
        half + half.mul_f64(f64::from(jitter) / f64::from(u32::MAX))
    }
}

/// The wait an answer asks for, from either form of `Retry-After`. A date in the past asks for none.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    parse_retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?, now)
}

/// Reads the value of a `Retry-After` header: seconds, or an HTTP date. Total: any text gives a wait or `None`.
#[must_use]
pub fn parse_retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let at = SystemTime::from(parse_http_date(text)?);
    Some(at.duration_since(now).unwrap_or(Duration::ZERO))
}

/// RFC 9110 §5.6.7: the preferred form, and the `asctime` one.
fn parse_http_date(text: &str) -> Option<OffsetDateTime> {
    const FIXDATE: &[FormatItem<'_>] = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    const ASCTIME: &[FormatItem<'_>] = format_description!(
        "[weekday repr:short] [month repr:short] [day padding:space] [hour]:[minute]:[second] [year]"
    );
    [FIXDATE, ASCTIME]
        .iter()
        .find_map(|form| PrimitiveDateTime::parse(text, form).ok())
        .map(PrimitiveDateTime::assume_utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        deadline: Duration::from_secs(100),
        bad_nonces: 3,
        failures: 4,
        first_backoff: Duration::from_secs(1),
        longest_backoff: Duration::from_secs(3),
        longest_retry_after: Duration::from_secs(60),
    };

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// 6 November 1994, 08:49:37 UTC.
    fn rfc_moment() -> SystemTime {
        SystemTime::UNIX_EPOCH + seconds(784_111_777)
    }

    #[test]
    fn a_bad_nonce_goes_again_at_once_but_not_for_ever() {
        let mut attempts = Attempts::new(POLICY, Duration::ZERO);
        for _ in 0..3 {
            assert_eq!(
                attempts.decide(FailureKind::BadNonce, Duration::ZERO, 0),
                Decision::Again(Duration::ZERO)
            );
        }
        assert_eq!(attempts.decide(FailureKind::BadNonce, Duration::ZERO, 0), Decision::GiveUp);
    }

    #[test]
    fn pauses_double_up_to_the_limit_and_jitter_only_shortens_them() {
        for (jitter, expected) in [(u32::MAX, [1_000, 2_000, 3_000]), (0, [500, 1_000, 1_500])] {
            let mut attempts = Attempts::new(POLICY, Duration::ZERO);
            for millis in expected {
                let decision = attempts.decide(FailureKind::Passing(None), Duration::ZERO, jitter);
                assert_eq!(decision, Decision::Again(Duration::from_millis(millis)));
            }
            assert_eq!(attempts.decide(FailureKind::Passing(None), Duration::ZERO, jitter), Decision::GiveUp);
        }
    }

    #[test]
    fn a_retry_after_is_honoured_exactly() {
        let mut attempts = Attempts::new(POLICY, Duration::ZERO);
        let decision = attempts.decide(FailureKind::Passing(Some(seconds(60))), Duration::ZERO, 7);
        assert_eq!(decision, Decision::Again(seconds(60)));
    }

    #[test]
    fn a_retry_after_over_the_limit_is_not_shortened_but_given_up() {
        let mut attempts = Attempts::new(POLICY, Duration::ZERO);
        let decision = attempts.decide(FailureKind::Passing(Some(seconds(61))), Duration::ZERO, 7);
        assert_eq!(decision, Decision::GiveUp);
    }

    #[test]
    fn no_pause_may_end_after_the_deadline() {
        let mut attempts = Attempts::new(POLICY, seconds(1_000));
        let failure = FailureKind::Passing(Some(seconds(50)));
        assert_eq!(attempts.decide(failure, seconds(1_050), 0), Decision::Again(seconds(50)));
        assert_eq!(attempts.decide(failure, seconds(1_051), 0), Decision::GiveUp);
        assert_eq!(attempts.decide(FailureKind::BadNonce, seconds(1_101), 0), Decision::GiveUp);
    }

    #[test]
    fn a_final_failure_is_never_tried_again() {
        let mut attempts = Attempts::new(POLICY, Duration::ZERO);
        assert_eq!(attempts.decide(FailureKind::Final, Duration::ZERO, 0), Decision::GiveUp);
        assert_eq!(attempts.failed(), 1);
    }

    #[test]
    fn both_forms_of_retry_after_are_read() {
        let earlier = rfc_moment() - seconds(90);
        assert_eq!(parse_retry_after("120", earlier), Some(seconds(120)));
        assert_eq!(parse_retry_after(" 0 ", earlier), Some(Duration::ZERO));
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", earlier), Some(seconds(90)));
        assert_eq!(parse_retry_after("Sun Nov  6 08:49:37 1994", earlier), Some(seconds(90)));
    }

    #[test]
    fn a_date_in_the_past_asks_for_no_wait_and_junk_for_nothing() {
        let later = rfc_moment() + seconds(1);
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", later), Some(Duration::ZERO));
        for junk in ["", "soon", "-5", "1.5", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994"] {
            assert_eq!(parse_retry_after(junk, later), None, "{junk}");
        }
        assert_eq!(parse_retry_after("99999999999999999999999", later), Some(Duration::from_secs(u64::MAX)));
    }
}
