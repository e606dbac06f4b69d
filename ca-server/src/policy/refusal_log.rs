//! Refusals on their way into the journal: of each account the first few of a minute one by one, the rest as a count.
//!
//! The journal is kept for good, so nobody may fill it by being refused. Every refusal is told to its client and counted in the metrics;
//! the next one that is journalled says how many were left out before it. The counts are in memory and begin anew at a start.

use std::collections::HashMap;

use certs::identifier::Identifier;
use parking_lot::Mutex;
use time::OffsetDateTime;

use crate::ids::{AccountId, OrderId};
use crate::log::act::Act;
use crate::store::{Batch, Store, StoreError};

/// Refusals of one account that are journalled in a minute.
const MOST_OF_ONE: u32 = 10;
/// Refusals of all accounts together that are journalled in a minute.
const MOST_OF_ALL: u32 = 120;
/// Accounts remembered; those that were refused nothing in the present minute are forgotten when more come.
const ACCOUNTS: usize = 65_536;

const MINUTE: i64 = 60;

/// Identifiers that a journal entry lists; of the others it keeps the number.
const MOST_LISTED: usize = 10;
/// Characters of the rule that a journal entry keeps.
const LONGEST_RULE: usize = 500;

/// A refusal as the journal is to know it.
#[derive(Clone, Debug)]
pub struct Refused {
    /// What was asked: `order`, `issue`, `revoke`, `sign-in`.
    pub action: &'static str,
    /// Who asked.
    pub account: Option<AccountId>,
    /// About which order, if there is one.
    pub order: Option<OrderId>,
    /// What it is about.
    pub identifiers: Vec<Identifier>,
    /// Which rule or check refused.
    pub rule: String,
}

impl Refused {
    /// The entry of the journal, after `left_out` others that have none.
    pub(crate) fn act(self, left_out: u64) -> Act {
        let Self { action, account, order, mut identifiers, rule } = self;
        let more_identifiers = identifiers.len().saturating_sub(MOST_LISTED);
        identifiers.truncate(MOST_LISTED);
        Act::Refused {
            action: action.to_owned(),
            account,
            order,
            identifiers,
            rule: rule.chars().take(LONGEST_RULE).collect(),
            more_identifiers: u64::try_from(more_identifiers).unwrap_or(u64::MAX),
            left_out,
        }
    }
}

/// What was journalled lately.
#[derive(Debug, Default)]
pub struct RefusalLog(Mutex<Tallies>);

#[derive(Debug, Default)]
struct Tallies {
    all: Tally,
    accounts: HashMap<Option<AccountId>, Tally>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// Which minute since 1970 the count is of.
    minute: i64,
    journalled: u32,
    /// Since the last one that was journalled.
    left_out: u64,
}

impl Tally {
    fn begin(&mut self, minute: i64) {
        if self.minute != minute {
            *self = Self { minute, journalled: 0, left_out: self.left_out };
        }
    }
}

impl RefusalLog {
    /// Journals a refusal, or leaves it out.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub async fn record(
        &self,
        store: &Store,
        refused: Refused,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        metrics::counter!("rollcall_refusals_total", "action" => refused.action).increment(1);
        let Some(left_out) = self.take(refused.account, now) else {
            metrics::counter!("rollcall_refusals_left_out_total", "action" => refused.action).increment(1);
            return Ok(());
        };
        let mut batch = Batch::new();
        batch.record(now, refused.act(left_out));
        store.commit(batch).await
    }

    /// How many refusals of the account were left out before this one; `None` if this one is left out too.
    fn take(&self, account: Option<AccountId>, now: OffsetDateTime) -> Option<u64> {
        let minute = now.unix_timestamp().div_euclid(MINUTE);
        let mut tallies = self.0.lock();
        let Tallies { all, accounts } = &mut *tallies;
        if accounts.len() >= ACCOUNTS && !accounts.contains_key(&account) {
            accounts.retain(|_, tally| tally.minute == minute);
        }
        let own = accounts.entry(account).or_default();
        all.begin(minute);
        own.begin(minute);
        if own.journalled >= MOST_OF_ONE || all.journalled >= MOST_OF_ALL {
            own.left_out = own.left_out.saturating_add(1);
            return None;
        }
        own.journalled += 1;
        all.journalled += 1;
        Some(std::mem::take(&mut own.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_700_000_000 + second).unwrap()
    }

    fn some_account() -> Option<AccountId> {
        Some(AccountId::fresh(at(0)).unwrap())
    }

    #[test]
    fn of_one_account_ten_a_minute_are_journalled_and_the_next_one_counts_the_rest() {
        let (log, alice, bob) = (RefusalLog::default(), some_account(), some_account());
        let taken = (0..500).filter(|_| log.take(alice, at(0)).is_some()).count();
        assert_eq!(taken, 10);
        assert_eq!(log.take(bob, at(0)), Some(0), "another account is not concerned");
        assert_eq!(log.take(alice, at(60)), Some(490));
        assert_eq!(log.take(alice, at(61)), Some(0));
    }

    #[test]
    fn all_accounts_together_cannot_fill_the_journal_either() {
        let log = RefusalLog::default();
        let taken = (0..1000).filter(|_| log.take(some_account(), at(0)).is_some()).count();
        assert_eq!(taken, 120);
        assert_eq!(log.take(some_account(), at(60)), Some(0));
    }

    #[test]
    fn accounts_of_past_minutes_are_forgotten_when_the_table_is_full() {
        let log = RefusalLog::default();
        for _ in 0..=ACCOUNTS {
            log.take(some_account(), at(0));
        }
        log.take(some_account(), at(60));
        assert_eq!(log.0.lock().accounts.len(), 1);
    }

    #[test]
    fn an_entry_lists_ten_identifiers_and_the_number_of_the_others() {
        let name = |number| format!("dns:room-{number}.example.com").parse().unwrap();
        let identifiers: Vec<Identifier> = (0..100).map(name).collect();
        let refused = Refused {
            action: "order",
            account: some_account(),
            order: None,
            identifiers,
            rule: "long ".repeat(1000),
        };
        let act = refused.act(7);
        assert!(serde_json::to_string(&act).unwrap().len() < 2000);
        let Act::Refused { identifiers, more_identifiers, left_out, .. } = act else { panic!("{act:?}") };
        assert_eq!((identifiers.len(), more_identifiers, left_out), (10, 90, 7));
    }
}
