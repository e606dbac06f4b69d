//! How long requests took in the last hour, minute by minute: counts by duration, in memory. For the chart on the first page; what is kept
//! for longer is in the metrics.

use std::time::Duration;

use parking_lot::Mutex;
use time::OffsetDateTime;

/// Minutes that are remembered.
pub const MINUTES: usize = 60;

/// Upper ends of the classes, in milliseconds; what took longer than the last is counted there.
const CLASSES: [f64; 14] =
    [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 125.0, 250.0, 500.0, 1000.0, 4000.0, 30_000.0];

/// The requests of one minute.
#[derive(Clone, Copy, Debug, Default)]
struct Minute {
    number: i64,
    counts: [u32; CLASSES.len()],
}

/// The last hour.
#[derive(Debug)]
pub struct Latencies(Mutex<[Minute; MINUTES]>);

impl Default for Latencies {
    fn default() -> Self {
        Self(Mutex::new([Minute::default(); MINUTES]))
    }
}

/// One minute as it is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown {
    /// When it began.
    pub at: OffsetDateTime,
    /// Requests answered.
    pub requests: u64,
    /// Half of them were answered within this, in milliseconds; `None` where there were none.
    pub median: Option<f64>,
    /// All but one in twenty.
    pub p95: Option<f64>,
}

impl Latencies {
    /// A request was answered.
    pub fn record(&self, took: Duration, now: OffsetDateTime) {
        let number = minute_of(now);
        let millis = took.as_secs_f64() * 1000.0;
        let class = CLASSES.iter().position(|end| millis <= *end).unwrap_or(CLASSES.len() - 1);
        let mut minutes = self.0.lock();
        let Some(minute) = minutes.get_mut(slot(number)) else { return };
        if minute.number != number {
            *minute = Minute { number, ..Minute::default() };
        }
        if let Some(count) = minute.counts.get_mut(class) {
            *count = count.saturating_add(1);
        }
    }

    /// The last hour, oldest first, the present minute last.
    #[must_use]
    pub fn shown(&self, now: OffsetDateTime) -> Vec<Shown> {
        let last = minute_of(now);
        let minutes = *self.0.lock();
        let first = last - i64::try_from(MINUTES).unwrap_or_default() + 1;
        (first..=last)
            .filter_map(|number| {
                let minute = minutes.get(slot(number)).filter(|minute| minute.number == number);
                let counts = minute.map(|minute| minute.counts).unwrap_or_default();
                Some(Shown {
                    at: OffsetDateTime::from_unix_timestamp(number * 60).ok()?,
                    requests: counts.iter().map(|count| u64::from(*count)).sum(),
                    median: quantile(&counts, 0.5),
                    p95: quantile(&counts, 0.95),
                })
            })
            .collect()
    }
}

fn minute_of(now: OffsetDateTime) -> i64 {
    now.unix_timestamp().div_euclid(60)
}

fn slot(number: i64) -> usize {
    let minutes = i64::try_from(MINUTES).unwrap_or(1);
    usize::try_from(number.rem_euclid(minutes)).unwrap_or_default()
}

/// The value below which this share lies, taken as evenly spread within its class.
fn quantile(counts: &[u32; CLASSES.len()], share: f64) -> Option<f64> {
    let all: f64 = counts.iter().map(|count| f64::from(*count)).sum();
    let (mut below, mut begin) = (0.0, 0.0);
    for (count, end) in counts.iter().zip(CLASSES) {
        let count = f64::from(*count);
        if count > 0.0 && below + count >= all * share {
            return Some(begin + (end - begin) * ((all * share - below) / count));
        }
        below += count;
        begin = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_kept_and_what_is_older_is_forgotten() {
        let start = OffsetDateTime::from_unix_timestamp(1_790_000_040).unwrap();
        let latencies = Latencies::default();
        for millis in [1, 1, 1, 1, 1, 1, 1, 1, 1, 100] {
            latencies.record(Duration::from_millis(millis), start);
        }
        let shown = latencies.shown(start);
        assert_eq!((shown.len(), shown.last().unwrap().requests), (MINUTES, 10));
        let last = shown.last().unwrap();
        assert!(last.median.unwrap() <= 1.0 && last.p95.unwrap() > 64.0, "{last:?}");
        assert!(shown.iter().take(59).all(|minute| minute.requests == 0 && minute.median.is_none()));

        let later = start + time::Duration::minutes(59);
        assert_eq!(latencies.shown(later).first().unwrap().requests, 10);
        latencies.record(Duration::from_secs(3600), later + time::Duration::minutes(1));
        let shown = latencies.shown(later + time::Duration::minutes(1));
        let requests: Vec<_> =
            shown.iter().map(|minute| minute.requests).filter(|count| *count > 0).collect();
        assert_eq!(requests, [1], "the first minute has made room");
    }
}
