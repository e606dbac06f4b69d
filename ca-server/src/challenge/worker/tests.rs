//! The queue and its worker over the store in memory, with canned DNS and a clock that tokio moves.

mod rows;

use std::time::Duration;

use certs::identifier::Identifier;
use certs::leaf::Proof;
use certs::name::DnsName;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::*;
use crate::challenge::canned::CannedDns;
use crate::clock::FixedClock;
use crate::config::CaaMode;
use crate::ids::{AccountId, AuthorizationId, ChallengeId};
use crate::order::model::{
    Account, AccountStatus, Authorization, AuthorizationStatus, Challenge, ChallengeStatus,
};
use crate::store::memory::Memory;
use crate::store::record::Record as _;
use crate::store::tables::validations;
use crate::store::{Batch, Table};
use crate::verify::jwk::{EcCurve, Jwk};

const NAME: &str = "_acme-challenge.room-1.example.com";
const TOKEN: &str = "token";

struct Bench {
    dns: Arc<CannedDns>,
    store: Store,
    clock: FixedClock,
    config: ChallengeConfig,
    account: Account,
}

impl Bench {
    async fn new() -> Self {
        let account = Account {
            id: AccountId::from_bytes([1; 16]),
            authority: "external".parse().unwrap(),
            key: Jwk::Ec { crv: EcCurve::P256, x: "x".to_owned(), y: "y".to_owned() },
            status: AccountStatus::Valid,
            contact: Vec::new(),
            terms_agreed: true,
            external_key: None,
            created: OffsetDateTime::UNIX_EPOCH,
        };
        let store = Store::new(Arc::new(Memory::new()));
        let mut batch = Batch::new();
        batch.insert(&account).unwrap();
        store.commit(batch).await.unwrap();
        let clock = FixedClock::at(OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap());
        let config = ChallengeConfig { attempts: 3, ..ChallengeConfig::default() };
        Self { dns: Arc::new(CannedDns::default()), store, clock, config, account }
    }

    fn links(&self) -> Links {
        Links::new(&"https://ca.example".parse().unwrap())
    }

    fn start(&self, inbox: Inbox) -> Worker {
        let (resolver, clock): (Arc<dyn crate::challenge::resolver::Resolve>, Arc<dyn Clock>) =
            (self.dns.clone(), Arc::new(self.clock.clone()));
        let issuer = ["ca.example".to_owned()];
        start(
            inbox,
            Parts {
                store: self.store.clone(),
                clock: clock.clone(),
                validators: Validators::new(&self.config, &issuer, &resolver, &clock),
                caa: CaaGate::new(resolver, CaaMode::Enforce, &issuer),
                providers: Providers::default(),
                refusals: crate::policy::RefusalLog::default(),
                links: self.links(),
                lifetime: Duration::from_secs(3600),
                config: self.config.clone(),
            },
        )
    }

    /// An answered challenge with its row in the table.
    async fn answered(&self, number: u8) -> (Due, Attempt) {
        let challenge = Challenge {
            id: ChallengeId::from_bytes([number; 16]),
            kind: Proof::Dns01,
            status: ChallengeStatus::Processing,
            token: Some(TOKEN.to_owned()),
            validated: None,
            error: None,
            provider: None,
            evidence: None,
        };
        let authorization = Authorization {
            id: AuthorizationId::from_bytes([number; 16]),
            account: self.account.id,
            authority: self.account.authority.clone(),
            identifier: Identifier::Dns(DnsName::parse("room-1.example.com").unwrap()),
            wildcard: false,
            status: AuthorizationStatus::Pending,
            expires: self.clock.now() + Duration::from_secs(86_400),
            challenges: vec![challenge.clone()],
            reusable_until: None,
        };
        let due = Due {
            at: self.clock.now(),
            authorization: authorization.id,
            challenge: challenge.id,
            attempts: 0,
        };
        let mut batch = Batch::new();
        batch.insert(&authorization).unwrap();
        validations::enqueue(&mut batch, &due);
        self.store.commit(batch).await.unwrap();
        (due, Attempt::new(&self.account, &authorization, &challenge, &self.links()))
    }

    fn publish(&self, attempt: &Attempt) {
        self.dns.set_txt(NAME, &[&attempt.digest().unwrap()]);
    }

    async fn authorization(&self, due: &Due) -> Authorization {
        self.store.load::<Authorization>(&due.authorization).await.unwrap().unwrap().value
    }

    /// Waits until the challenge is settled.
    async fn settled(&self, due: &Due) -> Authorization {
        loop {
            let now = self.authorization(due).await;
            if now.status != AuthorizationStatus::Pending {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn rows(&self) -> Vec<Due> {
        self.store.validations(100).await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_challenge_handed_over_is_proven_and_its_row_is_gone() {
    let bench = Bench::new().await;
    let (queue, inbox) = Queue::new();
    let worker = bench.start(inbox);
    let (due, attempt) = bench.answered(7).await;
    bench.publish(&attempt);
    queue.push(due, attempt);
    let settled = bench.settled(&due).await;
    assert_eq!(settled.status, AuthorizationStatus::Valid);
    assert_eq!(settled.challenges[0].validated, Some(bench.clock.now()));
    assert!(bench.rows().await.is_empty());
    worker.stop(Duration::from_secs(1)).await;
    assert!(queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn rows_left_by_an_earlier_run_are_taken_up_at_start() {
    let bench = Bench::new().await;
    let (due, attempt) = bench.answered(7).await;
    bench.publish(&attempt);
    let (_queue, inbox) = Queue::new();
    let _worker = bench.start(inbox);
    assert_eq!(bench.settled(&due).await.status, AuthorizationStatus::Valid);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_appears_later_is_found_by_a_later_attempt() {
    let bench = Bench::new().await;
    let (queue, inbox) = Queue::new();
    let _worker = bench.start(inbox);
    let (due, attempt) = bench.answered(7).await;
    let begun = Instant::now();
    queue.push(due, attempt.clone());
    tokio::time::sleep(Duration::from_millis(100)).await;
    let [row] = bench.rows().await.try_into().unwrap();
    assert_eq!(row.attempts, 1, "the next attempt is durable");
    assert_eq!(row.at, due.at + Duration::from_secs(2));
    bench.publish(&attempt);
    assert_eq!(bench.settled(&due).await.status, AuthorizationStatus::Valid);
    assert!(begun.elapsed() >= Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn after_the_last_attempt_the_challenge_is_invalid_and_says_why() {
    let bench = Bench::new().await;
    let (queue, inbox) = Queue::new();
    let _worker = bench.start(inbox);
    let (due, attempt) = bench.answered(7).await;
    let begun = Instant::now();
    queue.push(due, attempt);
    let settled = bench.settled(&due).await;
    assert_eq!(settled.status, AuthorizationStatus::Invalid);
    let problem = settled.challenges[0].error.as_ref().unwrap();
    assert!(
        problem.urn.ends_with(":incorrectResponse") && problem.detail.contains("no record"),
        "{problem:?}"
    );
    assert!(bench.rows().await.is_empty());
    let asked = bench.dns.asked().iter().filter(|asked| asked.starts_with("TXT")).count();
    assert_eq!(asked, 3);
    assert!(begun.elapsed() >= Duration::from_secs(2 + 6));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_record_is_not_tried_again() {
    let bench = Bench::new().await;
    bench.dns.set_txt(NAME, &["wrong"]);
    let (queue, inbox) = Queue::new();
    let _worker = bench.start(inbox);
    let (due, attempt) = bench.answered(7).await;
    queue.push(due, attempt);
    assert_eq!(bench.settled(&due).await.status, AuthorizationStatus::Invalid);
    assert_eq!(bench.dns.asked().iter().filter(|asked| asked.starts_with("TXT")).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn caa_refuses_a_proven_challenge_but_does_not_hide_a_failed_one() {
    for (publish, urn) in [(true, ":caa"), (false, ":incorrectResponse")] {
        let bench = Bench {
            dns: Arc::new(CannedDns::default().caa("example.com", &["0 issue ;"])),
            ..Bench::new().await
        };
        let (queue, inbox) = Queue::new();
        let _worker = bench.start(inbox);
        let (due, attempt) = bench.answered(7).await;
        if publish {
            bench.publish(&attempt);
        }
        queue.push(due, attempt);
        let settled = bench.settled(&due).await;
        let problem = settled.challenges[0].error.clone().unwrap();
        assert!(problem.urn.ends_with(urn), "{problem:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_whose_challenge_was_given_up_is_removed_without_an_attempt() {
    let bench = Bench::new().await;
    let (due, _) = bench.answered(7).await;
    let seen = bench.store.load::<Authorization>(&due.authorization).await.unwrap().unwrap();
    let mut given_up = seen.value.clone();
    given_up.status = AuthorizationStatus::Deactivated;
    given_up.challenges[0].status = ChallengeStatus::Invalid;
    let mut batch = Batch::new();
    batch.replace(seen.version, &given_up).unwrap();
    bench.store.commit(batch).await.unwrap();
    let (_queue, inbox) = Queue::new();
    let _worker = bench.start(inbox);
    while !bench.rows().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(bench.dns.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_first_attempt_that_comes_after_another_settled_its_challenge_asks_nobody() {
    let bench = Bench::new().await;
    let (queue, inbox) = Queue::new();
    let _worker = bench.start(inbox);
    let (due, attempt) = bench.answered(7).await;
    bench.publish(&attempt);
    queue.push(due, attempt.clone());
    bench.settled(&due).await;
    let asked = bench.dns.asked().len();
    assert!(asked > 0);
    queue.attempt(due, attempt.clone(), Duration::from_secs(1)).await;
    assert_eq!(bench.dns.asked().len(), asked);
    // Nor does one whose row was written before that, and handed over after it.
    queue.push(due, attempt);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.dns.asked().len(), asked);
    assert!(bench.rows().await.is_empty() && queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_first_attempt_that_begins_only_after_the_answer_was_recorded_settles_its_challenge() {
    let bench = Bench::new().await;
    let (queue, inbox) = Queue::new();
    let (due, attempt) = bench.answered(7).await;
    bench.publish(&attempt);
    // Nobody was free to begin it. Who waited for it has written the row by now, and hands that over as well.
    queue.attempt(due, attempt.clone(), Duration::from_millis(1)).await;
    queue.push(due, attempt);
    let _worker = bench.start(inbox);
    let settled = tokio::time::timeout(Duration::from_secs(60), bench.settled(&due)).await;
    assert_eq!(settled.expect("the challenge is not left").status, AuthorizationStatus::Valid);
    assert!(bench.rows().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_row_of_an_account_that_ended_is_removed_without_an_attempt() {
    for status in [AccountStatus::Deactivated, AccountStatus::Revoked] {
        let bench = Bench::new().await;
        let (due, attempt) = bench.answered(7).await;
        bench.publish(&attempt);
        let seen = bench.store.load::<Account>(&bench.account.id).await.unwrap().unwrap();
        let mut batch = Batch::new();
        batch.replace(seen.version, &Account { status, ..seen.value.clone() }).unwrap();
        bench.store.commit(batch).await.unwrap();
        let (_queue, inbox) = Queue::new();
        let _worker = bench.start(inbox);
        while !bench.rows().await.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(bench.dns.asked().is_empty());
        assert_eq!(bench.authorization(&due).await.status, AuthorizationStatus::Pending);
    }
}

#[tokio::test(start_paused = true)]
async fn more_challenges_than_workers_handed_over_twice_or_never_are_all_settled() {
    let bench =
        Bench { config: ChallengeConfig { workers: 2, ..ChallengeConfig::default() }, ..Bench::new().await };
    let (queue, inbox) = Queue::new();
    let mut all = Vec::new();
    for number in 1..=40 {
        let (due, attempt) = bench.answered(number).await;
        bench.publish(&attempt);
        // Every row is in the table; only half of them are handed over, some of them twice.
        if number % 2 == 0 {
            queue.push(due, attempt.clone());
        }
        if number % 4 == 0 {
            queue.push(due, attempt);
        }
        all.push(due);
    }
    let _worker = bench.start(inbox);
    for due in &all {
        assert_eq!(bench.settled(due).await.status, AuthorizationStatus::Valid);
    }
    assert!(bench.rows().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn wake_makes_the_worker_look_into_the_table() {
    let bench = Bench::new().await;
    let (queue, inbox) = Queue::new();
    let _worker = bench.start(inbox);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (due, attempt) = bench.answered(7).await;
    bench.publish(&attempt);
    queue.wake();
    assert_eq!(bench.settled(&due).await.status, AuthorizationStatus::Valid);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_worker_leaves_what_it_had_not_begun_to_the_next() {
    let bench = Bench::new().await;
    let (queue, inbox) = Queue::new();
    let worker = bench.start(inbox);
    worker.stop(Duration::from_secs(1)).await;
    let (due, attempt) = bench.answered(7).await;
    bench.publish(&attempt);
    queue.push(due, attempt);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(bench.authorization(&due).await.status, AuthorizationStatus::Pending);
    let (_queue, inbox) = Queue::new();
    let _worker = bench.start(inbox);
    assert_eq!(bench.settled(&due).await.status, AuthorizationStatus::Valid);
}
