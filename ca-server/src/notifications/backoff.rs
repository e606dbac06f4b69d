//! How long to wait after a delivery that failed: twice as long each time, never longer than allowed, and never all webhooks at one moment.
//!
//! What a receiver asks for with `Retry-After` (RFC 9110 §10.2.3) is kept to, as long as it is not longer than allowed: receivers lie.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;

use crate::ids::random_bytes;

const HTTP_DATE: &[FormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// The shortest and the longest wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    /// After the first failure.
    pub(crate) first: Duration,
    /// After any.
    pub(crate) longest: Duration,
}

impl Backoff {
    /// How long to wait after so many failures in a row; `chance` (0 to 255) takes up to a quarter off it.
    fn plain(self, failures: u32, chance: u8) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
        let wait = doubled.min(self.longest);
        wait.saturating_sub((wait / 4 / 255).saturating_mul(chance.into()))
    }

    /// How long to wait after so many failures in a row, the last of which asked for `retry_after`.
    pub(crate) fn wait(self, failures: u32, retry_after: Option<&str>, now: OffsetDateTime) -> Duration {
        // Without entropy nothing is issued either; a wait without chance is no harm.
        let [chance] = random_bytes::<1>().unwrap_or_default();
        let wait = self.plain(failures, chance);
        let asked = retry_after.and_then(|text| asked(text, now)).unwrap_or_default();
        wait.max(asked.min(self.longest))
    }
}

/// The time that `Retry-After` asks for: seconds, or a date.
fn asked(text: &str, now: OffsetDateTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = time::PrimitiveDateTime::parse(text, HTTP_DATE).ok()?.assume_utc();
    Duration::try_from(date - now).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(900) };

    #[test]
    fn waits_double_up_to_the_longest_and_chance_takes_a_quarter_at_most() {
        let waits: Vec<u64> = (1..=12).map(|failures| BACKOFF.plain(failures, 0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(BACKOFF.plain(u32::MAX, 0).as_secs(), 900);
        let least = BACKOFF.plain(11, 255);
        assert!(least >= Duration::from_secs(675) && least < Duration::from_secs(676), "{least:?}");
    }

    #[test]
    fn a_receiver_is_given_the_time_it_asks_for_but_not_a_year() {
        let now = OffsetDateTime::from_unix_timestamp(784_111_777).unwrap();
        let wait = |text| BACKOFF.wait(1, Some(text), now).as_secs();
        assert_eq!(wait("120"), 120);
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:37 GMT"), 60);
        assert_eq!(wait("99999999999"), 900);
        for nonsense in ["-5", "soon", "", "Sun, 06 Nov 1994 08:48:37 GMT", "1e9", "184467440737095516160"] {
            assert!(wait(nonsense) <= 1, "{nonsense}");
        }
    }
}
