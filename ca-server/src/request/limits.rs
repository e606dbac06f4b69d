//! Rate limits by the generic cell rate algorithm: one timestamp for each client address or account, in memory.
//!
//! A limit of `n` per hour allows a burst of `n` and then one every `1/n` hour. Forgotten at restart; they protect the
//! server's resources and decide nothing about identity.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use parking_lot::Mutex;
use time::OffsetDateTime;

use crate::config::{ConsoleConfig, InternalConfig, LimitsConfig};
use crate::ids::AccountId;
use crate::internal::HolderKey;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;

/// Callers remembered by one limit; the idle ones are forgotten when more come.
const CALLERS: usize = 65_536;

/// Callers remembered at most, idle or not.
const MOST_CALLERS: usize = 8 * CALLERS;

/// How often an order may be finalized: a request that is refused may be mended and sent again.
const FINALIZATIONS_PER_ORDER: u32 = 4;

/// Activation codes that all clients together may try in an hour, and at once. A code has 60 bits and lives a week, or 30 days at most: below 2²⁷ guesses,
/// so the chance to hit a given one is below 2⁻³³; a test measures it. A start lets another hour's worth through: eight thousand of them within the
/// life of one code would bring the chance to 2⁻³⁰.
const ALL_ACTIVATIONS: u32 = 100_000;

/// Guests that all clients together may let in in an hour: a token of each is kept for hours.
const ALL_GUESTS: u32 = 100_000;

/// Certificates that all guests together may have in an hour: each is kept, and nobody in particular asked for it.
const ALL_GUEST_CERTIFICATES: u32 = 100_000;

/// Sign-ins at the console that one client may begin or try in an hour, and at once.
const CONSOLE_SIGN_INS: u32 = 120;

const HOUR: i128 = 3_600_000_000_000;

/// The limits of `[limits]`.
#[derive(Debug)]
pub struct RateLimits {
    accounts: Limit<IpAddr>,
    orders: Limit<AccountId>,
    finalizations: Limit<AccountId>,
    changes: Limit<AccountId>,
    holders: Limit<HolderKey>,
    activations: Limit<IpAddr>,
    all_activations: Limit<()>,
    guests: Limit<IpAddr>,
    all_guests: Limit<()>,
    all_guest_certificates: Limit<()>,
    failed_proofs: Limit<HolderKey>,
    console: Limit<IpAddr>,
    console_sign_ins: Limit<IpAddr>,
}

impl RateLimits {
    /// The limits that the configuration sets.
    #[must_use]
    pub fn new(config: &LimitsConfig, internal: &InternalConfig, console: &ConsoleConfig) -> Self {
        Self {
            accounts: Limit::per_hour(config.accounts_per_hour),
            orders: Limit::per_hour(config.orders_per_hour),
            finalizations: Limit::per_hour(config.orders_per_hour.saturating_mul(FINALIZATIONS_PER_ORDER)),
            changes: Limit::per_hour(config.account_changes_per_hour),
            holders: Limit::per_hour(internal.certificates_per_hour),
            activations: Limit::per_hour(internal.activations_per_hour),
            all_activations: Limit::per_hour(ALL_ACTIVATIONS),
            guests: Limit::per_hour(internal.guests_per_hour),
            all_guests: Limit::per_hour(ALL_GUESTS),
            all_guest_certificates: Limit::per_hour(ALL_GUEST_CERTIFICATES),
            failed_proofs: Limit::per_hour(internal.certificates_per_hour),
            console: Limit::per_hour(console.requests_per_hour),
            console_sign_ins: Limit::per_hour(CONSOLE_SIGN_INS),
        }
    }

    /// Counts one new account made from `client`.
    ///
    /// # Errors
    /// `rateLimited` with the time to wait.
    pub fn new_account(&self, client: IpAddr, now: OffsetDateTime) -> Result<(), Problem> {
        self.accounts
            .take(network(client), now)
            .map_err(|wait| refused("new accounts from your address", wait))
    }

    /// Counts one new order of `account`.
    ///
    /// # Errors
    /// `rateLimited` with the time to wait.
    pub fn new_order(&self, account: AccountId, now: OffsetDateTime) -> Result<(), Problem> {
        self.orders.take(account, now).map_err(|wait| refused("new orders of this account", wait))
    }

    /// Counts one finalize of `account`, whatever comes of it.
    ///
    /// # Errors
    /// `rateLimited` with the time to wait.
    pub fn finalize(&self, account: AccountId, now: OffsetDateTime) -> Result<(), Problem> {
        self.finalizations
            .take(account, now)
            .map_err(|wait| refused("finalize requests of this account", wait))
    }

    /// Counts one change of `account`: of its contacts or its key.
    ///
    /// # Errors
    /// `rateLimited` with the time to wait.
    pub fn account_change(&self, account: AccountId, now: OffsetDateTime) -> Result<(), Problem> {
        self.changes.take(account, now).map_err(|wait| refused("changes of this account", wait))
    }
}

impl RateLimits {
    /// Counts one certificate for a holder of the internal authority, or one new token for its device, whatever comes of it.
    ///
    /// # Errors
    /// `rateLimited` with the time to wait.
    pub fn internal(&self, holder: HolderKey, now: OffsetDateTime) -> Result<(), Problem> {
        self.holders
            .take(holder, now)
            .map_err(|wait| refused("requests of this account for certificates and tokens", wait))?;
        if holder.is_guest() {
            self.all_guest_certificates
                .take((), now)
                .map_err(|wait| refused("certificates for guests", wait))?;
        }
        Ok(())
    }

    /// Counts one proof of a device's key that does not hold, apart from those that do: whoever has the token alone stops nothing.
    ///
    /// # Errors
    /// `rateLimited` with the time to wait.
    pub fn failed_proof(&self, holder: HolderKey, now: OffsetDateTime) -> Result<(), Problem> {
        self.failed_proofs
            .take(holder, now)
            .map_err(|wait| refused("failed proofs of this account's key", wait))
    }

    /// Counts one activation code that `client` tries, wrong or right. The limit over all clients bounds what can be guessed from many addresses.
    ///
    /// # Errors
    /// `rateLimited` with the time to wait.
    pub fn activation(&self, client: IpAddr, now: OffsetDateTime) -> Result<(), Problem> {
        let of_one = self.activations.take(network(client), now);
        let taken = of_one.and_then(|()| self.all_activations.take((), now));
        taken.map_err(|wait| refused("activation codes", wait))
    }

    /// Counts one guest let in from `client`. The limit over all clients bounds what many addresses can make the store hold.
    ///
    /// # Errors
    /// `rateLimited` with the time to wait.
    pub fn guest(&self, client: IpAddr, now: OffsetDateTime) -> Result<(), Problem> {
        self.guests.take(network(client), now).map_err(|wait| refused("guests from your address", wait))?;
        self.all_guests.take((), now).map_err(|wait| refused("guests", wait))
    }
}

impl RateLimits {
    /// Counts one request of `client` to the operators' console.
    ///
    /// # Errors
    /// The seconds to wait.
    pub fn console(&self, client: IpAddr, now: OffsetDateTime) -> Result<(), u64> {
        self.console.take(network(client), now)
    }

    /// Counts one step by which `client` tries to sign in there, whatever comes of it.
    ///
    /// # Errors
    /// The seconds to wait.
    pub fn console_sign_in(&self, client: IpAddr, now: OffsetDateTime) -> Result<(), u64> {
        self.console_sign_ins.take(network(client), now)
    }
}

fn refused(what: &str, wait: u64) -> Problem {
    let detail = format!("too many {what}; wait {wait} s");
    Problem { retry_after: Some(wait), ..Problem::new(Kind::RateLimited, detail) }
}

/// One client is one IPv4 address or one IPv6 /64, which a single host may use as it likes.
pub(crate) fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
    }
}

/// `None` within means: no limit.
#[derive(Debug)]
struct Limit<C> {
    rate: Option<Rate>,
    callers: Mutex<Callers<C>>,
}

/// Who called lately.
#[derive(Debug)]
struct Callers<C> {
    /// When each caller's bucket will be empty again, in nanoseconds since 1970.
    empty: HashMap<C, i128>,
    /// How many there may be before the idle ones are forgotten. Grows with those that are not, so that looking through them all is rare.
    sweep_at: usize,
}

impl<C> Default for Callers<C> {
    fn default() -> Self {
        Self { empty: HashMap::new(), sweep_at: CALLERS }
    }
}

impl<C: Eq + Hash> Callers<C> {
    /// Forgets the idle ones if there are many, and of too many the half that owes least.
    fn make_room(&mut self, now: i128) {
        if self.empty.len() < self.sweep_at {
            return;
        }
        self.empty.retain(|_, empty| *empty > now);
        if self.empty.len() >= MOST_CALLERS {
            let mut ends: Vec<i128> = self.empty.values().copied().collect();
            let half = ends.len() / 2;
            let median = *ends.select_nth_unstable(half).1;
            let more = ends.iter().filter(|empty| **empty > median).count();
            let mut equal = half.saturating_sub(more);
            self.empty.retain(|_, empty| {
                let fills = *empty == median && equal > 0;
                equal -= usize::from(fills);
                *empty > median || fills
            });
        }
        self.sweep_at = (self.empty.len() * 2).clamp(CALLERS, MOST_CALLERS);
    }
}

#[derive(Clone, Copy, Debug)]
struct Rate {
    /// Time that one request costs.
    cost: i128,
    /// Time that may be owed.
    burst: i128,
}

impl<C: Eq + Hash> Limit<C> {
    fn per_hour(count: u32) -> Self {
        let rate = (count > 0).then(|| Rate { cost: HOUR / i128::from(count), burst: HOUR });
        Self { rate, callers: Mutex::default() }
    }

    /// Counts one request; `Err` with the seconds to wait.
    fn take(&self, caller: C, now: OffsetDateTime) -> Result<(), u64> {
        let Some(rate) = self.rate else { return Ok(()) };
        let now = now.unix_timestamp_nanos();
        let mut callers = self.callers.lock();
        if !callers.empty.contains_key(&caller) {
            callers.make_room(now);
        }
        let empty = callers.empty.get(&caller).map_or(now, |empty| now.max(*empty)) + rate.cost;
        let over = empty - now - rate.burst;
        if over > 0 {
            return Err(u64::try_from(over / 1_000_000_000 + 1).unwrap_or(u64::MAX));
        }
        callers.empty.insert(caller, empty);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn a_burst_is_allowed_then_one_each_interval() {
        let limit = Limit::per_hour(4);
        for _ in 0..4 {
            assert_eq!(limit.take("a", at(0)), Ok(()));
        }
        let wait = limit.take("a", at(0)).unwrap_err();
        assert_eq!(wait, 901);
        assert_eq!(limit.take("b", at(0)), Ok(()), "another caller is not concerned");
        assert!(limit.take("a", at(899)).is_err());
        assert_eq!(limit.take("a", at(901)), Ok(()));
        assert!(limit.take("a", at(902)).is_err());
    }

    #[test]
    fn a_refused_request_does_not_cost() {
        let limit = Limit::per_hour(1);
        assert!(limit.take(1, at(0)).is_ok());
        for second in 0..100 {
            assert!(limit.take(1, at(second)).is_err());
        }
        assert!(limit.take(1, at(3601)).is_ok());
    }

    #[test]
    fn zero_means_no_limit() {
        let limit = Limit::per_hour(0);
        assert!((0..10_000).all(|_| limit.take(1, at(0)).is_ok()));
    }

    #[test]
    fn idle_callers_are_forgotten_when_the_table_is_full() {
        let limit = Limit::per_hour(3600);
        for caller in 0..CALLERS {
            limit.take(caller, at(0)).unwrap();
        }
        limit.take(CALLERS, at(10)).unwrap();
        assert_eq!(limit.callers.lock().empty.len(), 1);
    }

    #[test]
    fn of_too_many_callers_those_that_owe_most_are_remembered() {
        let limit = Limit::per_hour(2);
        for _ in 0..2 {
            limit.take(usize::MAX, at(0)).unwrap();
        }
        for caller in 0..2 * MOST_CALLERS {
            limit.take(caller, at(1)).unwrap();
        }
        assert!(limit.callers.lock().empty.len() <= MOST_CALLERS);
        assert!(limit.take(usize::MAX, at(1)).is_err(), "who used up what he may is not forgotten");
    }

    #[test]
    fn certificates_of_guests_have_a_ceiling_however_many_guests_there_are() {
        let config = InternalConfig { certificates_per_hour: 0, ..InternalConfig::default() };
        let limits = RateLimits::new(&LimitsConfig::default(), &config, &ConsoleConfig::default());
        let guest = |number: u32| HolderKey::of_guest(number.into());
        assert!((0..ALL_GUEST_CERTIFICATES).all(|number| limits.internal(guest(number), at(0)).is_ok()));
        assert!(limits.internal(guest(0), at(0)).is_err());
    }

    #[test]
    fn guests_have_a_ceiling_however_many_addresses_they_come_from() {
        let config = InternalConfig { guests_per_hour: 0, ..InternalConfig::default() };
        let limits = RateLimits::new(&LimitsConfig::default(), &config, &ConsoleConfig::default());
        let client = |number: u32| IpAddr::V4(number.into());
        assert!((0..ALL_GUESTS).all(|number| limits.guest(client(number), at(0)).is_ok()));
        assert!(limits.guest(client(ALL_GUESTS), at(0)).is_err());
        assert!(limits.guest(client(ALL_GUESTS), at(3600)).is_ok());
    }

    #[test]
    fn whoever_guesses_as_fast_as_he_may_from_any_number_of_addresses_hits_a_code_with_less_than_two_to_the_minus_thirty()
     {
        use crate::internal::activation_code::CODES;
        use crate::internal::machine::LONGEST_CODE;

        let config = InternalConfig { activations_per_hour: 0, ..InternalConfig::default() };
        let limits = RateLimits::new(&LimitsConfig::default(), &config, &ConsoleConfig::default());
        let client = IpAddr::V4(1.into());
        let tried = |second| (0_u64..).find(|_| limits.activation(client, at(second)).is_err()).unwrap();
        let tried_in_an_hour = |first: i64| -> u64 { (first..first + 3600).map(tried).sum() };
        let (begin, later) = (tried_in_an_hour(0), tried_in_an_hour(3600));
        assert!(begin <= 200_001 && later <= 100_001, "{begin}, then {later} in an hour");
        for lifetime in [InternalConfig::default().activation_code_lifetime, LONGEST_CODE] {
            let hours = lifetime.as_secs() / 3600;
            let guesses = begin + later * (hours - 1);
            let chance = CODES / guesses;
            println!(
                "a code of {hours} h: {guesses} guesses among {CODES}, one in {chance}: below 2^-{}",
                chance.ilog2()
            );
            assert!(chance > 1 << 30);
        }
    }

    #[test]
    fn hosts_of_one_ipv6_network_are_one_client_and_mapped_ipv4_is_ipv4() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(network(ip("2001:db8::1")), network(ip("2001:db8::ffff:1")));
        assert_ne!(network(ip("2001:db8::1")), network(ip("2001:db8:0:1::1")));
        assert_eq!(network(ip("::ffff:192.0.2.1")), ip("192.0.2.1"));
    }
}
