//! Refusals on their way into the journal: of each account the first few of a minute one by one, the rest as a count.
//!
//! Steps of sign-ins have a count of their own, and of each sign-in every reason is journalled once: whoever has a link can be refused with
//! it as often as he likes. So have those of whom nothing is known: whoever guesses at tokens does not hide what holders of good ones are refused.
//!
//! The journal is kept for good, so nobody may fill it by being refused. Every refusal is told to its client and counted in the metrics;
//! the next one that is journalled says how many were left out before it. The counts are in memory and begin anew at a start.

use std::collections::HashMap;
use std::sync::Arc;

use certs::identifier::Identifier;
use parking_lot::Mutex;
use time::OffsetDateTime;

use super::repeated::{Failure, Repeated};
use crate::ids::{AccountId, OrderId, SignInId};
use crate::log::act::Act;
use crate::store::{Batch, Store, StoreError};

/// Refusals of one account that are journalled in a minute.
const MOST_OF_ONE: u32 = 10;
/// Refusals of all accounts together that are journalled in a minute; steps of sign-ins are counted apart from everything else.
const MOST_OF_ALL: u32 = 120;
/// Accounts remembered; those that were refused nothing in the present minute are forgotten when more come.
const ACCOUNTS: usize = 65_536;

/// Sign-ins remembered with a reason; those of past minutes are forgotten when more come.
const TOLD: usize = 65_536;
/// Minutes after which a sign-in is over, and forgotten.
const SIGN_IN_IS_OVER: i64 = 11;

const MINUTE: i64 = 60;

/// Identifiers that a journal entry lists; of the others it keeps the number.
const MOST_LISTED: usize = 10;
/// Characters of the rule that a journal entry keeps.
const LONGEST_RULE: usize = 500;

/// A refusal as the journal is to know it.
#[derive(Clone, Debug)]
pub struct Refused {
    /// What was asked: `order`, `issue`, `revoke`, `sign-in`, `operate`.
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

/// Who was refused by the internal authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A holder, or somebody whose token was really signed by one of the issuers.
    Known {
        /// What tells him from others.
        id: String,
        /// What he showed: `access-token corp alice`. Never a token.
        credential: String,
        /// His account id, where it is certain; the journal names it where the refusal names nothing else.
        identifier: Option<Identifier>,
    },
    /// Somebody of whom nothing is known.
    Stranger,
}

impl Refused {
    /// The entry of the journal, after `left_out` others that have none.
    pub(crate) fn act(self, credential: Option<String>, left_out: u64) -> Act {
        let Self { action, account, order, mut identifiers, rule } = self;
        let more_identifiers = identifiers.len().saturating_sub(MOST_LISTED);
        identifiers.truncate(MOST_LISTED);
        Act::Refused {
            action: action.to_owned(),
            account,
            order,
            identifiers,
            rule: rule.chars().take(LONGEST_RULE).collect(),
            credential,
            more_identifiers: u64::try_from(more_identifiers).unwrap_or(u64::MAX),
            left_out,
        }
    }
}

/// What was journalled lately. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct RefusalLog(Arc<Mutex<Tallies>>, Repeated);

/// A refusal that the journal is to have: who writes it says by [`RefusalLog::withdraw`] if he could not.
#[derive(Debug)]
#[must_use = "an entry that was not written has to be withdrawn"]
pub(crate) struct Admitted {
    act: Act,
    budget: Budget,
    caller: Caller,
    minute: i64,
    left_out: u64,
    told: Option<(SignInId, String)>,
}

impl Admitted {
    /// The entry of the journal.
    pub(crate) fn act(&self) -> Act {
        self.act.clone()
    }
}

#[derive(Debug, Default)]
struct Tallies {
    sign_ins: Tally,
    others: Tally,
    strangers: Tally,
    accounts: HashMap<(Budget, Caller), Tally>,
    /// In which minute a sign-in was journalled with a rule.
    told: HashMap<(SignInId, String), i64>,
}

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Budget {
    /// Steps of sign-ins.
    SignIns,
    /// Those of whom nothing is known.
    Strangers,
    /// Everything else.
    Others,
}

/// Who is counted by himself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Caller {
    Account(Option<AccountId>),
    Holder(String),
    Stranger,
}

impl From<Option<AccountId>> for Caller {
    fn from(account: Option<AccountId>) -> Self {
        Self::Account(account)
    }
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

    /// One that was counted in `minute` was not journalled after all.
    fn give_back(&mut self, minute: i64, left_out: u64) {
        if self.minute == minute {
            self.journalled = self.journalled.saturating_sub(1);
        }
        self.left_out = self.left_out.saturating_add(left_out);
    }
}

impl RefusalLog {
    /// One that also counts who fails again and again.
    #[must_use]
    pub fn counting(repeated: Repeated) -> Self {
        Self(Arc::default(), repeated)
    }

    /// Who fails again and again.
    #[must_use]
    pub const fn repeated(&self) -> &Repeated {
        &self.1
    }

    /// Counts a refusal for its first name and for who asked.
    fn count(&self, refused: &Refused, asker: Option<String>, now: OffsetDateTime) {
        let Refused { action, account, rule, .. } = refused;
        let name = refused.identifiers.first().map(ToString::to_string);
        let asker = asker.or_else(|| account.map(|id| format!("account {id}")));
        self.1.count(name.into_iter().chain(asker), Failure { action, rule, account: *account }, now);
    }

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
        self.write(store, self.admit(refused, None, now), now).await
    }

    /// Journals that the internal authority refused somebody, or leaves it out.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub async fn record_of(
        &self,
        store: &Store,
        subject: &Subject,
        refused: Refused,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.write(store, self.admit_of(subject, refused, now), now).await
    }

    fn admit_of(&self, subject: &Subject, refused: Refused, now: OffsetDateTime) -> Option<Admitted> {
        let mut refused = refused;
        let (budget, caller, credential) = match subject.clone() {
            Subject::Known { id, credential, identifier } => {
                if refused.identifiers.is_empty() {
                    refused.identifiers.extend(identifier);
                }
                (Budget::Others, Caller::Holder(id), Some(credential))
            }
            Subject::Stranger => (Budget::Strangers, Caller::Stranger, None),
        };
        metrics::counter!("rollcall_refusals_total", "action" => refused.action).increment(1);
        self.count(&refused, Some(credential.clone().unwrap_or_else(|| "stranger".to_owned())), now);
        let Some(left_out) = self.take(budget, caller.clone(), now) else {
            metrics::counter!("rollcall_refusals_left_out_total", "action" => refused.action).increment(1);
            return None;
        };
        let act = refused.act(credential, left_out);
        Some(Admitted { act, budget, caller, minute: minute_of(now), left_out, told: None })
    }

    /// Journals that a step of a sign-in was refused, or leaves it out.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub async fn record_step(
        &self,
        store: &Store,
        sign_in: SignInId,
        refused: Refused,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.write(store, self.admit(refused, Some(sign_in), now), now).await
    }

    /// Writes what was admitted by itself.
    pub(crate) async fn write(
        &self,
        store: &Store,
        admitted: Option<Admitted>,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let Some(admitted) = admitted else { return Ok(()) };
        let mut batch = Batch::new();
        batch.record(now, admitted.act());
        store.commit(batch).await.inspect_err(|_| self.withdraw(admitted))
    }

    /// The entry of the journal for a refusal, which the caller writes; `None` if it is left out.
    pub(crate) fn admit(
        &self,
        refused: Refused,
        sign_in: Option<SignInId>,
        now: OffsetDateTime,
    ) -> Option<Admitted> {
        let (action, account) = (refused.action, refused.account);
        metrics::counter!("rollcall_refusals_total", "action" => action).increment(1);
        self.count(&refused, None, now);
        let told = sign_in.map(|id| (id, refused.rule.clone()));
        let (budget, taken) = match &told {
            Some(step) => (Budget::SignIns, self.take_step(account, step.clone(), now)),
            None => (Budget::Others, self.take(Budget::Others, account, now)),
        };
        let Some(left_out) = taken else {
            metrics::counter!("rollcall_refusals_left_out_total", "action" => action).increment(1);
            return None;
        };
        let (act, caller) = (refused.act(None, left_out), account.into());
        Some(Admitted { act, budget, caller, minute: minute_of(now), left_out, told })
    }

    /// Takes back what was admitted and could not be written, so that the next try is not taken for a repetition.
    pub(crate) fn withdraw(&self, admitted: Admitted) {
        let Admitted { budget, caller, minute, left_out, told, .. } = admitted;
        let mut tallies = self.0.lock();
        if let Some(told) = told {
            tallies.told.remove(&told);
        }
        let all = match budget {
            Budget::SignIns => &mut tallies.sign_ins,
            Budget::Strangers => &mut tallies.strangers,
            Budget::Others => &mut tallies.others,
        };
        all.give_back(minute, 0);
        tallies.accounts.entry((budget, caller)).or_default().give_back(minute, left_out);
    }

    /// As [`Self::take`], and of a sign-in each rule once.
    fn take_step(
        &self,
        account: Option<AccountId>,
        step: (SignInId, String),
        now: OffsetDateTime,
    ) -> Option<u64> {
        let minute = minute_of(now);
        let mut tallies = self.0.lock();
        if tallies.told.len() >= TOLD {
            tallies.told.retain(|_, told| minute - *told < SIGN_IN_IS_OVER);
        }
        if tallies.told.len() >= TOLD {
            tallies.told.clear();
        }
        if tallies.told.contains_key(&step) {
            tallies.accounts.entry((Budget::SignIns, account.into())).or_default().left_out += 1;
            return None;
        }
        let taken = tallies.take(Budget::SignIns, account, minute);
        if taken.is_some() {
            tallies.told.insert(step, minute);
        }
        taken
    }

    /// How many refusals of the account were left out before this one; `None` if this one is left out too.
    fn take(&self, budget: Budget, caller: impl Into<Caller>, now: OffsetDateTime) -> Option<u64> {
        self.0.lock().take(budget, caller, minute_of(now))
    }
}

/// Which minute since 1970.
fn minute_of(now: OffsetDateTime) -> i64 {
    now.unix_timestamp().div_euclid(MINUTE)
}

impl Tallies {
    fn take(&mut self, budget: Budget, caller: impl Into<Caller>, minute: i64) -> Option<u64> {
        let Self { sign_ins, others, strangers, accounts, .. } = self;
        let account = (budget, caller.into());
        let all = match budget {
            Budget::SignIns => sign_ins,
            Budget::Strangers => strangers,
            Budget::Others => others,
        };
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
        let taken = (0..500).filter(|_| log.take(Budget::Others, alice, at(0)).is_some()).count();
        assert_eq!(taken, 10);
        assert_eq!(log.take(Budget::Others, bob, at(0)), Some(0), "another account is not concerned");
        assert_eq!(log.take(Budget::Others, alice, at(60)), Some(490));
        assert_eq!(log.take(Budget::Others, alice, at(61)), Some(0));
    }

    #[test]
    fn all_accounts_together_cannot_fill_the_journal_either() {
        let log = RefusalLog::default();
        let taken = (0..1000).filter(|_| log.take(Budget::Others, some_account(), at(0)).is_some()).count();
        assert_eq!(taken, 120);
        assert_eq!(log.take(Budget::Others, some_account(), at(60)), Some(0));
    }

    #[test]
    fn refused_orders_of_others_do_not_silence_sign_ins_and_the_other_way_round() {
        let (log, alice) = (RefusalLog::default(), some_account());
        (0..1000).for_each(|_| _ = log.take(Budget::Others, some_account(), at(0)));
        let step = |number, rule: &str| (SignInId::from_bytes([number; 16]), rule.to_owned());
        assert_eq!(log.take_step(alice, step(1, "sso:link-used"), at(0)), Some(0));
        (0..=250).for_each(|number| _ = log.take_step(some_account(), step(number, "sso:expired"), at(0)));
        assert_eq!(log.take(Budget::Others, alice, at(60)), Some(0));
    }

    #[test]
    fn strangers_do_not_silence_holders_and_one_holder_does_not_silence_another() {
        let log = RefusalLog::default();
        let by = |subject: &Subject| {
            let rule = "token:signature".to_owned();
            let refused =
                Refused { action: "token", account: None, order: None, identifiers: Vec::new(), rule };
            log.admit_of(subject, refused, at(0)).is_some()
        };
        let known = |name: &str| Subject::Known {
            id: name.to_owned(),
            credential: format!("access-token corp {name}"),
            identifier: None,
        };
        assert_eq!((0..1000).filter(|_| by(&Subject::Stranger)).count(), 10);
        assert_eq!((0..1000).filter(|_| by(&known("alice"))).count(), 10);
        assert!(by(&known("bob")));
    }

    #[test]
    fn of_a_sign_in_every_reason_is_journalled_once_and_the_next_one_counts_the_rest() {
        let (log, alice) = (RefusalLog::default(), some_account());
        let step = |rule: &str| (SignInId::from_bytes([1; 16]), rule.to_owned());
        let taken = (0..100).filter(|_| log.take_step(alice, step("sso:link-used"), at(0)).is_some()).count();
        assert_eq!(taken, 1);
        assert_eq!(log.take_step(alice, step("sso:other-browser"), at(0)), Some(99));
        assert_eq!(log.take_step(alice, step("sso:link-used"), at(300)), None);
    }

    #[test]
    fn what_could_not_be_written_is_admitted_again_and_costs_nothing() {
        let (log, alice) = (RefusalLog::default(), some_account());
        let admit = || {
            let rule = "sso:declined".to_owned();
            let refused =
                Refused { action: "sign-in", account: alice, order: None, identifiers: Vec::new(), rule };
            log.admit(refused, Some(SignInId::from_bytes([1; 16])), at(0))
        };
        for _ in 0..100 {
            log.withdraw(admit().unwrap());
        }
        assert!(admit().is_some());
        assert!(admit().is_none(), "it was journalled");
        let other = |number| (SignInId::from_bytes([number; 16]), "sso:declined".to_owned());
        let taken = (2..100).filter(|number| log.take_step(alice, other(*number), at(0)).is_some()).count();
        assert_eq!(taken, 9);
    }

    #[test]
    fn accounts_of_past_minutes_are_forgotten_when_the_table_is_full() {
        let log = RefusalLog::default();
        for _ in 0..=ACCOUNTS {
            log.take(Budget::Others, some_account(), at(0));
        }
        log.take(Budget::Others, some_account(), at(60));
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
        let act = refused.act(None, 7);
        assert!(serde_json::to_string(&act).unwrap().len() < 2000);
        let Act::Refused { identifiers, more_identifiers, left_out, .. } = act else { panic!("{act:?}") };
        assert_eq!((identifiers.len(), more_identifiers, left_out), (10, 90, 7));
    }
}
