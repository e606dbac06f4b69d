//! When a certificate is to be renewed. Pure: the clock and the dice are arguments.

use std::time::Duration as StdDuration;

use time::{Duration, OffsetDateTime};

use crate::{enroll::Leaf, state::RenewalRecord};

/// The longest that failures, or a server, put an attempt off.
const LONGEST_PAUSE: Duration = Duration::days(1);
/// The longest that failures, or early renewals, put an attempt off without being asked to.
const LONGEST_BACKOFF: Duration = Duration::hours(6);

/// Whether it is time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Now.
    Now(Why),
    /// At that moment.
    At(OffsetDateTime, Why),
    /// It is time, but earlier failures hold it back until then.
    HeldBack(OffsetDateTime),
}

/// What the moment was taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// There is no certificate yet.
    Missing,
    /// It has expired.
    Expired,
    /// The server suggested a window (RFC 9773).
    Suggested,
    /// Two thirds of its lifetime are over.
    Lifetime,
    /// The person said so.
    Forced,
    /// A request was sent that waits for approval.
    Approval,
}

impl Why {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "no certificate yet",
            Self::Expired => "expired",
            Self::Suggested => "suggested by the server",
            Self::Lifetime => "two thirds of its lifetime",
            Self::Forced => "forced",
            Self::Approval => "waited for approval",
        }
    }
}

/// Decides. `spread` (0 to `u32::MAX`, the same for the same certificate) keeps a fleet from renewing in one minute.
pub fn decide(now: OffsetDateTime, leaf: Option<&Leaf>, record: &RenewalRecord, spread: u32) -> Due {
    let due = match leaf {
        None => Due::Now(Why::Missing),
        Some(leaf) if leaf.not_after <= now => Due::Now(Why::Expired),
        Some(leaf) => {
            let (moment, why) = moment(leaf, record, spread);
            if moment <= now { Due::Now(why) } else { Due::At(moment, why) }
        }
    };
    match (due, held_back(now, leaf, record)) {
        (Due::Now(_), Some(next)) => Due::HeldBack(next),
        (due, _) => due,
    }
}

/// Until when earlier failures hold an attempt back, if they do. A moment further off than any failure can put it was stored under
/// a wrong clock, and is not believed.
pub(super) fn held_back(
    now: OffsetDateTime,
    leaf: Option<&Leaf>,
    record: &RenewalRecord,
) -> Option<OffsetDateTime> {
    let longest = longest_pause(leaf.map(|leaf| leaf.not_after - now));
    record.next_attempt.filter(|next| *next > now && *next - now <= longest)
}

/// The longest that an attempt may be put off: a day, and while the certificate lives no more than half of the time it has left.
pub(super) fn longest_pause(time_left: Option<Duration>) -> Duration {
    match time_left {
        Some(left) if left > Duration::ZERO => (left / 2_i32).clamp(Duration::minutes(1), LONGEST_PAUSE),
        Some(_) | None => LONGEST_PAUSE,
    }
}

fn moment(leaf: &Leaf, record: &RenewalRecord, spread: u32) -> (OffsetDateTime, Why) {
    let life = leaf.not_after - leaf.not_before;
    let latest = leaf.not_after - life / 10;
    let suggested = record.chosen.filter(|_| {
        record.certificate.is_some()
            && record.certificate.as_deref() == leaf.id.as_ref().map(|id| id.as_str())
    });
    match suggested {
        // A window that would let the certificate lapse is not believed to its end.
        Some(chosen) => {
            let chosen = not_sooner(record).map_or(chosen, |floor| chosen.max(floor));
            (chosen.min(latest), Why::Suggested)
        }
        None => (leaf.not_before + life * 2 / 3 + portion(life / 20, spread), Why::Lifetime),
    }
}

/// Whether a renewal now, on the server's suggestion, is an early one.
pub(super) fn comes_early(now: OffsetDateTime, leaf: &Leaf) -> bool {
    now < leaf.not_before + (leaf.not_after - leaf.not_before) / 2
}

/// The earliest moment at which a suggestion is followed after early renewals: later with each of them, so that a server which calls every
/// certificate overdue is asked for a few of them a day and not for one a second.
fn not_sooner(record: &RenewalRecord) -> Option<OffsetDateTime> {
    let last = record.last_success.filter(|_| record.early > 0)?;
    last.checked_add(doubled(record.early, LONGEST_BACKOFF))
}

/// One minute, doubled with each repetition after the first, up to `longest`.
pub(crate) fn doubled(times: u32, longest: Duration) -> Duration {
    (Duration::MINUTE * 2_i32.saturating_pow(times.saturating_sub(1).min(16))).min(longest)
}

fn portion(length: Duration, position: u32) -> Duration {
    let seconds = i128::from(length.whole_seconds()) * i128::from(position) / i128::from(u32::MAX);
    Duration::seconds(i64::try_from(seconds).unwrap_or(0))
}

/// How long to leave a server in peace after `failures` in a row: doubling from one minute to six hours, never more than a
/// tenth of the time left; longer if the server asked for longer, but never more than a day or half of the time left. `dice` takes
/// up to half of it away.
pub fn backoff(
    failures: u32,
    time_left: Option<Duration>,
    asked: Option<StdDuration>,
    dice: u32,
) -> Duration {
    let capped = doubled(failures, LONGEST_BACKOFF);
    let capped = match time_left {
        Some(left) if left > Duration::ZERO => capped.min((left / 10_i32).max(Duration::minutes(1))),
        Some(_) | None => capped,
    };
    let spread = capped - portion(capped / 2, dice);
    let longest = longest_pause(time_left);
    let asked = asked.map_or(Duration::ZERO, |asked| Duration::try_from(asked).unwrap_or(longest));
    spread.max(asked).min(longest)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::{acme::CertificateId, enroll::test_leaf, state::Window};

    const START: OffsetDateTime = datetime!(2026-11-01 0:00 UTC);
    const END: OffsetDateTime = datetime!(2026-12-01 0:00 UTC);

    fn leaf() -> Leaf {
        test_leaf(START, END, Some(CertificateId::new(b"issuer", b"serial").unwrap()))
    }

    fn chosen(at: OffsetDateTime) -> RenewalRecord {
        RenewalRecord {
            certificate: leaf().id.map(|id| id.to_string()),
            window: Some(Window { start: START, end: END }),
            chosen: Some(at),
            ..RenewalRecord::default()
        }
    }

    #[test]
    fn without_a_suggestion_two_thirds_of_the_lifetime_decide() {
        let record = RenewalRecord::default();
        let at = datetime!(2026-11-21 0:00 UTC);
        assert_eq!(decide(at - Duration::SECOND, Some(&leaf()), &record, 0), Due::At(at, Why::Lifetime));
        assert_eq!(decide(at, Some(&leaf()), &record, 0), Due::Now(Why::Lifetime));
        let spread = at + Duration::hours(36);
        assert_eq!(decide(at, Some(&leaf()), &record, u32::MAX), Due::At(spread, Why::Lifetime));
    }

    #[test]
    fn the_servers_window_goes_before_the_lifetime() {
        let early = datetime!(2026-11-03 0:00 UTC);
        assert_eq!(decide(early, Some(&leaf()), &chosen(early), 0), Due::Now(Why::Suggested));
        let later = datetime!(2026-11-25 0:00 UTC);
        assert_eq!(
            decide(datetime!(2026-11-22 0:00 UTC), Some(&leaf()), &chosen(later), 0),
            Due::At(later, Why::Suggested)
        );
    }

    #[test]
    fn a_window_after_expiry_does_not_let_the_certificate_lapse() {
        let absurd = chosen(datetime!(2036-01-01 0:00 UTC));
        assert_eq!(
            decide(START, Some(&leaf()), &absurd, 0),
            Due::At(datetime!(2026-11-28 0:00 UTC), Why::Suggested)
        );
    }

    #[test]
    fn a_server_that_calls_every_certificate_overdue_is_followed_ever_more_slowly() {
        let now = START + Duration::hours(1);
        let once = RenewalRecord { last_success: Some(now), ..chosen(START) };
        assert_eq!(decide(now, Some(&leaf()), &once, 0), Due::Now(Why::Suggested), "a revocation is heeded");
        for (early, pause) in
            [(1, Duration::MINUTE), (2, Duration::minutes(2)), (u32::MAX, Duration::hours(6))]
        {
            let again = RenewalRecord { early, ..once.clone() };
            assert_eq!(decide(now, Some(&leaf()), &again, 0), Due::At(now + pause, Why::Suggested));
        }
        let late = END - Duration::days(2);
        let again = RenewalRecord { early: 40, last_success: Some(late), ..once };
        assert_eq!(decide(late, Some(&leaf()), &again, 0), Due::Now(Why::Suggested), "it would lapse");
        assert!(comes_early(now, &leaf()) && !comes_early(late, &leaf()));
    }

    #[test]
    fn a_window_for_another_certificate_is_ignored() {
        let mut stale = chosen(START);
        stale.certificate = Some("other.id".to_owned());
        assert!(matches!(decide(START, Some(&leaf()), &stale, 0), Due::At(_, Why::Lifetime)));
        let mut nameless = chosen(START);
        nameless.certificate = None;
        let anonymous = test_leaf(START, END, None);
        assert!(matches!(decide(START, Some(&anonymous), &nameless, 0), Due::At(_, Why::Lifetime)));
    }

    #[test]
    fn a_missing_or_expired_certificate_is_due_at_once_but_respects_backoff() {
        let record = RenewalRecord::default();
        assert_eq!(decide(START, None, &record, 0), Due::Now(Why::Missing));
        assert_eq!(decide(END, Some(&leaf()), &record, 0), Due::Now(Why::Expired));
        let held = RenewalRecord { next_attempt: Some(END + Duration::HOUR), ..record };
        assert_eq!(decide(END, Some(&leaf()), &held, 0), Due::HeldBack(END + Duration::HOUR));
        assert_eq!(decide(END + Duration::HOUR, Some(&leaf()), &held, 0), Due::Now(Why::Expired));
    }

    #[test]
    fn backoff_doubles_is_capped_by_the_time_left_and_honours_the_server() {
        assert_eq!(backoff(1, None, None, 0), Duration::minutes(1));
        assert_eq!(backoff(4, None, None, 0), Duration::minutes(8));
        assert_eq!(backoff(u32::MAX, None, None, 0), Duration::hours(6));
        assert_eq!(backoff(40, Some(Duration::minutes(100)), None, 0), Duration::minutes(10));
        assert_eq!(backoff(40, Some(Duration::SECOND), None, 0), Duration::minutes(1));
        assert_eq!(backoff(4, None, None, u32::MAX), Duration::minutes(4));
        assert_eq!(backoff(1, None, Some(StdDuration::from_secs(7200)), u32::MAX), Duration::hours(2));
        assert_eq!(backoff(1, None, Some(StdDuration::MAX), 0), Duration::days(1));
        assert_eq!(backoff(1, None, Some(StdDuration::from_secs(864_000)), 0), Duration::days(1));
    }

    #[test]
    fn a_server_that_asks_for_longer_than_the_certificate_lasts_does_not_let_it_lapse() {
        let a_day = Some(StdDuration::from_secs(86_400));
        assert_eq!(backoff(1, Some(Duration::hours(6)), a_day, 0), Duration::hours(3));
        assert_eq!(backoff(1, Some(Duration::days(20)), a_day, 0), Duration::days(1));
        assert_eq!(backoff(1, Some(Duration::ZERO), a_day, 0), Duration::days(1), "it has lapsed already");
        assert_eq!(backoff(1, Some(Duration::SECOND), a_day, 0), Duration::minutes(1));
    }

    #[test]
    fn a_pause_that_no_failure_can_have_asked_for_is_not_kept() {
        let at = |next| RenewalRecord { next_attempt: Some(next), ..RenewalRecord::default() };
        let decade = at(END + Duration::days(3650));
        assert_eq!(decide(END, Some(&leaf()), &decade, 0), Due::Now(Why::Expired));
        assert_eq!(decide(START, None, &decade, 0), Due::Now(Why::Missing));
        let a_day = START + Duration::days(1);
        assert_eq!(decide(START, None, &at(a_day), 0), Due::HeldBack(a_day), "a day is believed");
        let (late, end) = (END - Duration::hours(6), at(END - Duration::hours(1)));
        assert_eq!(decide(late, Some(&leaf()), &end, 0), Due::Now(Why::Lifetime), "it would lapse");
        let half = END - Duration::hours(3);
        assert_eq!(decide(late, Some(&leaf()), &at(half), 0), Due::HeldBack(half));
        let later = late + Duration::hours(2);
        assert_eq!(
            decide(later, Some(&leaf()), &at(half), 0),
            Due::HeldBack(half),
            "a pause is kept to its end"
        );
    }
}
