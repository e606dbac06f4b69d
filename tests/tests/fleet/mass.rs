//! Every certificate of a fleet is revoked at one moment: agents learn it from renewal information (RFC 9773) when they ask next, and replace theirs.
//!
//! The window that this holds is how often agents ask (`renewal_info_interval`, six hours as shipped), and half as long again for those whose requests
//! go wrong: five in a hundred do here. `ROLLCALL_MASS_DEVICES` makes the fleet larger than the default (10,000 each night).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use ca_server::admin::views::{RevokeMany, RevokedPage};
use rollcall_tests::dice::{Dice, number};
use rollcall_tests::faults::{Hurt, Rates};
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::setting::{Device, Home, Setting};

/// How often agents ask.
const INTERVAL: Duration = Duration::hours(6);
/// Within this all of them hold another certificate.
const WINDOW: Duration = Duration::hours(9);
/// Within this, of real time, the list shows all of them.
const LISTED: std::time::Duration = std::time::Duration::from_secs(60);

/// Devices that are switched on, and when each is to be called next.
struct Fleet<'a> {
    setting: &'a Setting,
    devices: Vec<Device<'a>>,
    next: BinaryHeap<Reverse<(OffsetDateTime, usize)>>,
}

impl<'a> Fleet<'a> {
    /// Puts them up one after the other over the time between two questions, so that they ask at all times.
    async fn put_up(setting: &'a Setting, homes: &'a [Home], dice: &mut Dice) -> Self {
        let mut fleet = Self { setting, devices: Vec::new(), next: BinaryHeap::new() };
        let begin = setting.now();
        let mut times: Vec<_> =
            homes.iter().map(|_| dice.below(INTERVAL.whole_seconds().unsigned_abs())).collect();
        times.sort_unstable();
        for (home, at) in homes.iter().zip(times) {
            fleet.run_until(begin + Duration::seconds(at.cast_signed())).await;
            setting.prepare(home).await;
            fleet.devices.push(Device::switch_on(setting, home));
            fleet.turn(fleet.devices.len() - 1).await;
        }
        fleet
    }

    async fn turn(&mut self, index: usize) {
        let next = self.devices[index].turn().await;
        self.next.push(Reverse((next, index)));
    }

    async fn run_until(&mut self, until: OffsetDateTime) {
        while self.step(until).await.is_some() {}
        self.setting.until(until);
    }

    /// Does what is due first, if that is before `until`; says whose turn it was.
    async fn step(&mut self, until: OffsetDateTime) -> Option<usize> {
        let Reverse((at, index)) = self.next.pop()?;
        if at >= until {
            self.next.push(Reverse((at, index)));
            return None;
        }
        self.setting.until(at);
        self.turn(index).await;
        Some(index)
    }
}

/// Takes all of them back as `ca-server certificates revoke --profile device --reason keyCompromise --yes` does.
async fn revoke_all(setting: &Setting) -> usize {
    let mut question = RevokeMany { profile: Some("device".to_owned()), reason: 1, ..RevokeMany::default() };
    let mut revoked = 0;
    loop {
        let page: RevokedPage = setting.operator.post("/revocations", &question).await.unwrap();
        revoked += page.revoked;
        question.after = page.next;
        if question.after.is_none() {
            return revoked;
        }
    }
}

/// The serials on the list, as relying parties fetch it once the server signed it by itself.
async fn listed(setting: &Setting, count: usize) -> HashSet<Vec<u8>> {
    let app = setting.ca.app();
    let issuer = app.authorities.named("external").unwrap().issuer_id().to_owned();
    let mut signings = app.revocation_lists.signings();
    let signed = async {
        while app.revocation_lists.last(&issuer).is_none_or(|edition| edition.entries < count) {
            signings.changed().await.unwrap();
        }
    };
    tokio::time::timeout(LISTED, signed).await.expect("the list is signed within a minute");
    let list = setting.ca.http().get(&setting.ca.url(&format!("/crl/{issuer}.crl"))).await;
    let (_, list) = CertificateRevocationList::from_der(&list.body).unwrap();
    list.iter_revoked_certificates().map(|one| one.raw_serial().to_vec()).collect()
}

fn serial(der: &[u8]) -> Vec<u8> {
    certs::ari::CertId::from_certificate(der).unwrap().serial().unwrap().as_bytes().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_whose_certificates_are_all_revoked_holds_others_within_the_stated_window() {
    let count = usize::try_from(number("ROLLCALL_MASS_DEVICES", 40)).unwrap();
    let setting = Setting::asked_every(INTERVAL.unsigned_abs()).await;
    let app = setting.ca.app().clone();
    let mut dice = Dice(number("ROLLCALL_FLEET_SEED", 11));
    let hurt = Hurt::new(setting.https(), move || app.nonces.issue(), Rates::five_percent(), dice.0);
    let hurt = Arc::new(hurt);
    let homes: Vec<Home> = (0..count as u64).map(|number| setting.home(number, hurt.clone())).collect();
    let began = Instant::now();
    let mut fleet = Fleet::put_up(&setting, &homes, &mut dice).await;
    // Whose first requests went wrong has a certificate by then too.
    fleet.run_until(setting.now() + INTERVAL).await;
    let put_up = began.elapsed();
    let old: Vec<Vec<u8>> = homes.iter().map(|home| home.in_use().unwrap().der).collect();

    let (at, requests, began) = (setting.now(), hurt.tally().total(), Instant::now());
    let revoked = revoke_all(&setting).await;
    let revoking = began.elapsed();
    assert!(revoked >= count, "{revoked} of {count}");
    let list = listed(&setting, revoked).await;
    let listing = began.elapsed();
    assert!(old.iter().all(|der| list.contains(&serial(der))), "all of them are on the list");

    let mut replaced: Vec<Option<Duration>> = vec![None; count];
    while replaced.iter().any(Option::is_none) {
        let whose = fleet.step(at + WINDOW).await;
        let Some(index) = whose else {
            let left: Vec<_> = (0..count).filter(|index| replaced[*index].is_none()).collect();
            unreachable!("{left:?} have no other certificate within {WINDOW}");
        };
        if replaced[index].is_none() && homes[index].in_use().unwrap().der != old[index] {
            replaced[index] = Some(setting.now() - at);
        }
    }
    let mut times: Vec<Duration> = replaced.into_iter().flatten().collect();
    times.sort_unstable();
    for home in &homes {
        assert!(
            !list.contains(&serial(&home.in_use().unwrap().der)),
            "{} holds one that is revoked",
            home.name
        );
    }
    let requests = hurt.tally().total() - requests;
    let share = |part: usize| times[(count * part / 100).min(count - 1)];
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let each = requests as f64 / count as f64;
    eprintln!(
        "{count} devices, put up in {:.0} s of real time; {revoked} certificates revoked in {:.1} s, on the list after {:.1} s; every device holds another \
         after {} at most (half of them after {}, 99 % after {}; agents ask every {INTERVAL}, {WINDOW} were allowed), with {requests} requests, {each:.1} a \
         device, in {:.0} s of real time",
        put_up.as_secs_f64(),
        revoking.as_secs_f64(),
        listing.as_secs_f64(),
        share(100),
        share(50),
        share(99),
        began.elapsed().as_secs_f64(),
    );
}
