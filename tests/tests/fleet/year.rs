//! A year of a fleet: devices that are put up on one day, five requests in a hundred going wrong, hooks that fail, and a server that is away
//! for eight hours each month.
//!
//! No certificate ends in use, and renewals spread themselves. `ROLLCALL_FLEET_DEVICES` and `ROLLCALL_FLEET_DAYS` make it longer than the
//! default (500 and 365 each night); `ROLLCALL_FLEET_ROLLOUT_DAYS` puts the devices up over more than the one day, which is the hardest.

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Instant;

use rollcall_tests::dice::{Dice, number};
use rollcall_tests::faults::{Hurt, Rates};
use time::{Duration, OffsetDateTime};

use crate::setting::{Device, Home, Setting};

/// Renewals are counted from here on, which is when the first may come: half of a lifetime.
const SETTLED: Duration = Duration::days(15);
/// The server is away for this long each month.
const OUTAGE: Duration = Duration::hours(8);
/// Hooks in a hundred that fail.
const BROKEN_HOOKS: u64 = 5;
/// A bucket of renewals should expect at least this many: of less, chance alone makes any peak.
const EXPECTED: f64 = 8.0;

/// Whether the server is away.
fn is_away(since: Duration) -> bool {
    let into_month = Duration::seconds(since.whole_seconds() % Duration::days(30).whole_seconds());
    (Duration::days(12)..Duration::days(12) + OUTAGE).contains(&into_month)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_certificate_of_a_fleet_ends_in_use_and_renewals_spread() {
    let (count, days) = (number("ROLLCALL_FLEET_DEVICES", 12), number("ROLLCALL_FLEET_DAYS", 90));
    let rollout = 86_400 * number("ROLLCALL_FLEET_ROLLOUT_DAYS", 1);
    let setting = Setting::start().await;
    let app = setting.ca.app().clone();
    let seed = number("ROLLCALL_FLEET_SEED", 11);
    let hurt = Arc::new(Hurt::new(setting.https(), move || app.nonces.issue(), Rates::five_percent(), seed));
    let homes: Vec<Home> = (0..count).map(|number| setting.home(number, hurt.clone())).collect();
    let (begin, began) = (setting.now(), Instant::now());
    let end = begin + Duration::days(i64::try_from(days).unwrap());
    let mut dice = Dice(seed);
    let mut next: BinaryHeap<Reverse<(OffsetDateTime, usize)>> = BinaryHeap::new();
    for index in 0..homes.len() {
        let at = begin + Duration::seconds(dice.below(rollout).cast_signed());
        next.push(Reverse((at, index)));
    }
    let mut devices: BTreeMap<usize, Device<'_>> = BTreeMap::new();
    let mut turns = 0_u64;
    while let Some(Reverse((at, index))) = next.pop().filter(|Reverse((at, _))| *at < end) {
        setting.until(at);
        if let Entry::Vacant(first) = devices.entry(index) {
            // Somebody stands before it and tries until it works.
            hurt.away(false);
            setting.prepare(&homes[index]).await;
            first.insert(Device::switch_on(&setting, &homes[index]));
        }
        hurt.away(is_away(setting.now() - begin));
        let device = devices.get_mut(&index).unwrap();
        device.home.break_hook(dice.below(100) < BROKEN_HOOKS);
        next.push(Reverse((device.turn().await, index)));
        turns += 1;
    }
    setting.until(end);
    assert_eq!(devices.len(), homes.len());
    for device in devices.values() {
        device.has_not_lapsed(end);
        assert!(device.home.in_use_until().is_some(), "{} never had a certificate", device.home.name);
    }
    report(&devices, &hurt, begin, end, turns, began);
    let issued = setting.ca.audit().await.count("issued");
    let known: u64 =
        devices.values().map(|device| device.life.first + device.life.renewals.len() as u64).sum();
    assert_eq!(issued as u64, known, "certificates that no device has, or signatures that were not recorded");
}

fn report(
    devices: &BTreeMap<usize, Device<'_>>,
    hurt: &Hurt,
    begin: OffsetDateTime,
    end: OffsetDateTime,
    turns: u64,
    began: Instant,
) {
    let from = begin + SETTLED;
    let renewals: Vec<OffsetDateTime> =
        devices.values().flat_map(|device| device.life.renewals.iter().copied()).collect();
    let settled: Vec<OffsetDateTime> = renewals.iter().copied().filter(|at| *at >= from).collect();
    let span = (end - from).whole_days();
    #[expect(clippy::cast_precision_loss, reason = "counts of renewals are small")]
    let a_day = settled.len() as f64 / span as f64;
    let width = (1..=span)
        .find(|width| a_day * f64::from(i32::try_from(*width).unwrap()) >= EXPECTED)
        .unwrap_or(span);
    let mut buckets = vec![0_u32; usize::try_from(span / width).unwrap()];
    for at in &settled {
        let bucket = usize::try_from((*at - from).whole_days() / width).unwrap();
        // What is left over at the end is no whole bucket.
        if let Some(bucket) = buckets.get_mut(bucket) {
            *bucket += 1;
        }
    }
    let peak = f64::from(*buckets.iter().max().unwrap());
    let mean = f64::from(buckets.iter().sum::<u32>()) / f64::from(u32::try_from(buckets.len()).unwrap());
    let tally = hurt.tally();
    let (total, spoiled) = (tally.total(), tally.spoiled);
    #[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
    let share = 100.0 * spoiled as f64 / (total - tally.away) as f64;
    let sum = |of: fn(&Device<'_>) -> u64| devices.values().map(of).sum::<u64>();
    eprintln!(
        "{} devices over {} days in {:.0} s of real time: {} certificates, {} renewals, none ended in use; {} attempts and {} hooks failed and were \
         made good; {turns} turns, {total} requests ({spoiled} spoiled, {share:.1} %; {} more while the server was away), {:.1} a device and day; \
         renewals in buckets of {width} day(s): mean {mean:.1}, peak {peak:.0}, peak/mean {:.2}",
        devices.len(),
        (end - begin).whole_days(),
        began.elapsed().as_secs_f64(),
        sum(|device| device.life.first) + renewals.len() as u64,
        renewals.len(),
        sum(|device| device.life.failures),
        sum(|device| device.life.hook_failures),
        tally.away,
        total as f64 / devices.len() as f64 / (end - begin).whole_days() as f64,
        peak / mean,
    );
    eprintln!("requests: {:?}", tally.requests);
    assert!(peak / mean <= 3.0, "peak {peak}, mean {mean}: {buckets:?}");
    assert!((3.0..=7.0).contains(&share), "{share} % were spoiled");
    // None comes later than five sixths of the thirty days, but for what goes wrong.
    let least = devices.len() as i64 * ((end - from).whole_days() / 27);
    assert!(renewals.len() as i64 >= least, "{} renewals, {least} were to be expected", renewals.len());
}
