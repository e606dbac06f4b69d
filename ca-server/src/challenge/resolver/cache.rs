//! CAA answers, remembered no longer than their time to live and never longer than five minutes.
//!
//! The look-up right before signing repeats the one made at validation; a record whose owner allows it to be remembered may serve both, as
//! it may in any resolver on the way. An answer without a time to live is not remembered. TXT answers never come here.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use certs::name::DnsName;
use parking_lot::Mutex;

use super::CaaRecord;

/// Longest time an answer is remembered, whatever its time to live.
pub(super) const LONGEST: Duration = Duration::from_secs(300);

/// Most names remembered.
const MOST_NAMES: usize = 16_384;

/// Most octets of values remembered for one name; larger answers are asked for again.
const MOST_OCTETS: usize = 4096;

/// Remembered answers.
#[derive(Debug, Default)]
pub(super) struct CaaCache {
    answers: Mutex<HashMap<DnsName, Remembered>>,
}

#[derive(Debug)]
struct Remembered {
    records: Vec<CaaRecord>,
    until: Instant,
}

impl CaaCache {
    /// What is remembered of `name`, if it still holds `now`.
    pub(super) fn recall(&self, name: &DnsName, now: Instant) -> Option<Vec<CaaRecord>> {
        let answers = self.answers.lock();
        answers.get(name).filter(|answer| now < answer.until).map(|answer| answer.records.clone())
    }

    /// Remembers an answer for `ttl` seconds.
    pub(super) fn remember(&self, name: &DnsName, records: &[CaaRecord], ttl: u32, now: Instant) {
        let octets: usize = records.iter().map(|record| record.value.len() + record.tag.len()).sum();
        if ttl == 0 || octets > MOST_OCTETS {
            return;
        }
        let until = now + Duration::from_secs(ttl.into()).min(LONGEST);
        let mut answers = self.answers.lock();
        if answers.len() >= MOST_NAMES {
            answers.retain(|_, answer| now < answer.until);
        }
        if answers.len() >= MOST_NAMES {
            answers.clear();
        }
        answers.insert(name.clone(), Remembered { records: records.to_vec(), until });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_forgotten_when_its_time_to_live_is_over_and_after_five_minutes_at_the_latest() {
        let (cache, begin) = (CaaCache::default(), Instant::now());
        let after = |seconds| begin + Duration::from_secs(seconds);
        let [short, long, zero] =
            ["a.example", "b.example", "c.example"].map(|name| DnsName::parse(name).unwrap());
        cache.remember(&short, &[], 10, begin);
        cache.remember(&long, &[], 86_400, begin);
        cache.remember(&zero, &[], 0, begin);
        assert!(cache.recall(&short, after(9)).is_some() && cache.recall(&long, after(9)).is_some());
        assert!(cache.recall(&zero, begin).is_none());
        assert!(cache.recall(&short, after(10)).is_none() && cache.recall(&long, after(10)).is_some());
        assert!(cache.recall(&long, after(300)).is_none());
    }

    #[test]
    fn the_number_of_remembered_names_is_bounded() {
        let (cache, now) = (CaaCache::default(), Instant::now());
        for number in 0..=MOST_NAMES {
            cache.remember(&DnsName::parse(&format!("n{number}.example")).unwrap(), &[], 60, now);
        }
        assert!(cache.answers.lock().len() <= MOST_NAMES);
    }
}
