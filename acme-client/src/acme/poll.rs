//! How a resource that is being worked on is asked for again (RFC 8555 §7.5.1): `Retry-After` if given, else growing pauses, never for ever.

use std::time::Duration;

/// Patience while an order or authorization is being worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollPolicy {
    /// Longest time in all. Default: 10 minutes.
    pub deadline: Duration,
    /// First pause without a `Retry-After`, and the shortest of all; grows by half each time. Default: 250 ms.
    pub first_pause: Duration,
    /// Longest pause without a `Retry-After`. Default: 10 s.
    pub longest_pause: Duration,
}

impl Default for PollPolicy {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(600),
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(10),
        }
    }
}

/// One wait in progress.
#[derive(Clone, Copy, Debug)]
pub(super) struct Poll {
    policy: PollPolicy,
    started: Duration,
    pause: Duration,
}

impl Poll {
    /// Counted from `started` on the clock's `elapsed`.
    pub(super) fn new(policy: PollPolicy, started: Duration) -> Self {
        Self { policy, started, pause: policy.first_pause }
    }

    /// How long it has taken so far.
    pub(super) fn waited(&self, elapsed: Duration) -> Duration {
        elapsed.saturating_sub(self.started)
    }

    /// The next pause, or nothing if it would end after the deadline.
    pub(super) fn next(&mut self, asked: Option<Duration>, elapsed: Duration) -> Option<Duration> {
        let pause = asked.unwrap_or(self.pause).max(self.policy.first_pause);
        self.pause = self.pause.saturating_add(self.pause / 2).min(self.policy.longest_pause);
        (self.waited(elapsed).saturating_add(pause) <= self.policy.deadline).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: PollPolicy = PollPolicy {
        deadline: Duration::from_secs(60),
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_secs(2),
    };

    #[test]
    fn pauses_grow_up_to_the_limit() {
        let mut poll = Poll::new(POLICY, Duration::ZERO);
        let pauses: Vec<_> = (0..4).map(|_| poll.next(None, Duration::ZERO).unwrap().as_millis()).collect();
        assert_eq!(pauses, [1_000, 1_500, 2_000, 2_000]);
    }

    #[test]
    fn a_retry_after_is_honoured_but_never_turns_into_a_busy_loop() {
        let mut poll = Poll::new(POLICY, Duration::ZERO);
        assert_eq!(poll.next(Some(Duration::from_secs(30)), Duration::ZERO), Some(Duration::from_secs(30)));
        assert_eq!(poll.next(Some(Duration::ZERO), Duration::ZERO), Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_pause_over_the_deadline_ends_the_wait() {
        let mut poll = Poll::new(POLICY, Duration::from_secs(100));
        assert_eq!(poll.next(Some(Duration::from_secs(61)), Duration::from_secs(100)), None);
        assert_eq!(poll.next(None, Duration::from_secs(160)), None);
    }
}
