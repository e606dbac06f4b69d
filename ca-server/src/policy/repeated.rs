//! Who fails again and again: failures of each name, account or holder are counted in a window, and one that has too many is told of once in it.
//!
//! The counts are in memory, bounded, and begin anew at a start. Decides nothing about the requests themselves, and must never cost them a write:
//! what it finds waits for whoever journals it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use time::OffsetDateTime;
use tokio::sync::Notify;

use crate::ids::AccountId;
use crate::log::act::Act;

/// Names, accounts and holders that are counted; those whose window is over are forgotten when more come.
const MOST_COUNTED: usize = 65_536;
/// How many are told of in one window by one asker, so that whoever is refused under many names hides nobody.
const MOST_OF_ONE: usize = 5;
/// How many are told of in one window by all together; nobody fills the journal.
const MOST_TOLD: usize = 300;

/// A failure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure<'a> {
    /// What was asked.
    pub(crate) action: &'a str,
    /// Which rule or check refused it.
    pub(crate) rule: &'a str,
    /// The account that asked.
    pub(crate) account: Option<AccountId>,
}

/// The counts. Clones count together; the default counts nothing.
#[derive(Clone, Debug, Default)]
pub struct Repeated(Option<Arc<Counting>>);

#[derive(Debug)]
struct Counting {
    most: u32,
    seconds: i64,
    counts: Mutex<Counts>,
    found: Notify,
}

#[derive(Debug, Default)]
struct Counts {
    subjects: HashMap<String, Count>,
    found: Vec<(OffsetDateTime, Act)>,
    /// When those that were told of lately were, and who asked.
    told: Vec<(i64, String)>,
    /// When it was last said that some are left out.
    warned: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    since: i64,
    times: u32,
}

impl Repeated {
    /// Tells of who fails `most` times within `window`; 0 for nobody.
    #[must_use]
    pub fn new(most: u32, window: Duration) -> Self {
        let seconds = i64::try_from(window.as_secs()).unwrap_or(i64::MAX);
        let counting = Counting { most, seconds, counts: Mutex::default(), found: Notify::new() };
        Self((most > 0).then(|| Arc::new(counting)))
    }

    /// Counts a failure of each of these subjects; of those that reach the number at once, the first is told of.
    pub(crate) fn count(
        &self,
        subjects: impl IntoIterator<Item = String>,
        failure: Failure<'_>,
        at: OffsetDateTime,
    ) {
        let Some(counting) = &self.0 else { return };
        let now = at.unix_timestamp();
        let Failure { action, rule, account } = failure;
        let subjects: Vec<String> = subjects.into_iter().collect();
        // Who asked stands last; without anybody, the name stands for itself.
        let asker = account.map(|id| format!("account {id}")).or_else(|| subjects.last().cloned());
        let mut counts = counting.counts.lock();
        let reached =
            subjects.into_iter().filter(|subject| counts.reaches(subject, now, counting)).collect::<Vec<_>>();
        let (Some(subject), Some(asker)) = (reached.into_iter().next(), asker) else { return };
        if !counts.may_tell(&asker, now, counting) {
            return;
        }
        counts.told.push((now, asker));
        tracing::warn!(subject, action, rule, times = counting.most, "fails again and again");
        let act = Act::FailingRepeatedly {
            subject,
            account,
            times: counting.most,
            seconds: counting.seconds.unsigned_abs(),
            action: action.to_owned(),
            rule: rule.to_owned(),
        };
        counts.found.push((at, act));
        drop(counts);
        counting.found.notify_one();
    }

    /// Ends when somebody was found; never where nothing is counted.
    pub(crate) async fn found(&self) {
        match &self.0 {
            Some(counting) => counting.found.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Who was found since it was last asked.
    pub(crate) fn take(&self) -> Vec<(OffsetDateTime, Act)> {
        self.0.as_ref().map(|counting| std::mem::take(&mut counting.counts.lock().found)).unwrap_or_default()
    }
}

impl Counts {
    /// Whether one more is told of; what is left out is counted, and said once in a window.
    fn may_tell(&mut self, asker: &str, now: i64, counting: &Counting) -> bool {
        let is_recent = |at: i64| now.saturating_sub(at) < counting.seconds;
        self.told.retain(|(at, _)| is_recent(*at));
        let of_one = self.told.iter().filter(|(_, one)| one == asker).count();
        if of_one < MOST_OF_ONE && self.told.len() < MOST_TOLD {
            return true;
        }
        metrics::counter!("rollcall_repeated_failures_left_out_total").increment(1);
        if !self.warned.is_some_and(is_recent) {
            self.warned = Some(now);
            tracing::warn!(
                asker,
                "fails under more names than are told of; for a while others may be left out of the journal too"
            );
        }
        false
    }

    /// Counts one; whether it is the one at which the subject is told of.
    fn reaches(&mut self, subject: &str, now: i64, counting: &Counting) -> bool {
        let over = |count: &Count| now.saturating_sub(count.since) >= counting.seconds || now < count.since;
        if self.subjects.len() >= MOST_COUNTED && !self.subjects.contains_key(subject) {
            self.subjects.retain(|_, count| !over(count));
            // Many names that failed once each do not keep out who fails again and again.
            if self.subjects.len() >= MOST_COUNTED {
                self.subjects.retain(|_, count| count.times > 1 || counting.most <= 1);
            }
            if self.subjects.len() >= MOST_COUNTED {
                return false;
            }
        }
        let fresh = Count { since: now, times: 0 };
        let count = self.subjects.entry(subject.to_owned()).or_insert(fresh);
        if over(count) {
            *count = fresh;
        }
        count.times = count.times.saturating_add(1);
        count.times == counting.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_700_000_000 + second).unwrap()
    }

    fn fail(repeated: &Repeated, subjects: &[&str], second: i64) {
        let failure = Failure { action: "order", rule: "names", account: None };
        repeated.count(subjects.iter().map(|subject| (*subject).to_owned()), failure, at(second));
    }

    fn told(repeated: &Repeated) -> Vec<String> {
        let subject = |(_, act)| match act {
            Act::FailingRepeatedly { subject, .. } => subject,
            other => panic!("{other:?}"),
        };
        repeated.take().into_iter().map(subject).collect()
    }

    #[test]
    fn who_fails_often_enough_in_a_window_is_told_of_once_in_it() {
        let repeated = Repeated::new(3, Duration::from_secs(60));
        (0..10).for_each(|second| fail(&repeated, &["dns:a.test"], second));
        assert_eq!(told(&repeated), ["dns:a.test"]);
        (60..62).for_each(|second| fail(&repeated, &["dns:a.test"], second));
        assert_eq!(told(&repeated), Vec::<String>::new());
        fail(&repeated, &["dns:a.test"], 62);
        assert_eq!(told(&repeated), ["dns:a.test"]);
    }

    #[test]
    fn slow_failures_are_not_told_of_and_zero_tells_nobody() {
        let repeated = Repeated::new(2, Duration::from_secs(60));
        (0..20).for_each(|step| fail(&repeated, &["dns:a.test"], step * 60));
        assert!(told(&repeated).is_empty());
        let never = Repeated::new(0, Duration::from_secs(60));
        (0..20).for_each(|_| fail(&never, &["dns:a.test"], 0));
        assert!(told(&never).is_empty());
    }

    #[test]
    fn a_name_and_its_account_that_reach_the_number_at_once_are_one() {
        let repeated = Repeated::new(3, Duration::from_secs(60));
        (0..5).for_each(|second| fail(&repeated, &["dns:a.test", "account a"], second));
        assert_eq!(told(&repeated), ["dns:a.test"]);
        // Who fails under many names is told of by itself.
        (0..5).for_each(|number| fail(&repeated, &[&format!("dns:{number}.test"), "account b"], 0));
        assert_eq!(told(&repeated), ["account b"]);
    }

    #[test]
    fn an_account_that_fails_under_many_names_does_not_hide_others() {
        let repeated = Repeated::new(2, Duration::from_secs(60));
        let of = |account, names: &[String], second| {
            let failure = Failure { action: "order", rule: "names", account: Some(account) };
            for name in names {
                for _ in 0..2 {
                    repeated.count([name.clone(), format!("account {account}")], failure, at(second));
                }
            }
        };
        let (many, other) = (AccountId::fresh(at(0)).unwrap(), AccountId::fresh(at(0)).unwrap());
        let names: Vec<String> = (0..1000).map(|number| format!("dns:{number}.test")).collect();
        of(many, &names, 0);
        assert_eq!(told(&repeated), names[..MOST_OF_ONE]);
        of(other, &["dns:other.test".to_owned()], 1);
        assert_eq!(told(&repeated), ["dns:other.test"]);
        of(many, &["dns:later.test".to_owned()], 60);
        assert_eq!(told(&repeated), ["dns:later.test"]);
    }

    #[test]
    fn names_that_failed_once_do_not_keep_others_from_being_counted() {
        let repeated = Repeated::new(2, Duration::from_secs(60));
        fail(&repeated, &["stranger"], 0);
        (0..MOST_COUNTED).for_each(|number| fail(&repeated, &[&format!("dns:{number}.test")], 0));
        (0..2).for_each(|_| fail(&repeated, &["dns:late.test"], 1));
        assert_eq!(told(&repeated), ["dns:late.test"]);
    }

    #[test]
    fn whoever_fails_under_many_names_fills_neither_journal_nor_memory() {
        let repeated = Repeated::new(1, Duration::from_secs(60));
        (0..70_000).for_each(|number| fail(&repeated, &[&format!("dns:{number}.test")], 0));
        assert_eq!(told(&repeated).len(), MOST_TOLD);
        assert_eq!(repeated.0.as_ref().unwrap().counts.lock().subjects.len(), MOST_COUNTED);
        fail(&repeated, &["dns:later.test"], 60);
        assert_eq!(told(&repeated), ["dns:later.test"]);
        assert_eq!(repeated.0.as_ref().unwrap().counts.lock().subjects.len(), 1);
    }
}
