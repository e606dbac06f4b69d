//! The agent's turns against an authority in memory, with the clock in the test's hand.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration as StdDuration,
};

use async_trait::async_trait;
use time::{Duration, OffsetDateTime};

use super::*;
use crate::{
    acme::{
        Patience, Transport, TransportError,
        transport::{HttpRequest, HttpResponse},
    },
    clock::Clock as _,
    deploy::Deployment,
    enroll::{AccountOptions, Agent, Connector, obtain, open_account},
    pretend::{Pretend, Setting},
    renew::{Attempt, Haste, PassReport, Why, look_at},
    state::{DeploySettings, IdentityName, IdentitySettings, StateError, fault},
};

/// Remembers what it was told.
#[derive(Default)]
struct Told {
    worked: Vec<PassReport>,
    unreadable: Vec<(IdentityName, bool)>,
    /// A file that is made once an identity was worked on.
    mark: Option<PathBuf>,
}

impl Told {
    fn renewed(&self) -> usize {
        self.worked.iter().filter(|report| matches!(report.attempt, Attempt::Renewed { .. })).count()
    }
}

impl Tell for Told {
    fn worked(&mut self, report: &PassReport, _: &Overview<'_>) {
        if let Some(mark) = &self.mark {
            fs::write(mark, "").unwrap();
        }
        self.worked.push(PassReport {
            identity: report.identity.clone(),
            attempt: match &report.attempt {
                Attempt::Renewed { generation, not_after, why } => {
                    Attempt::Renewed { generation: *generation, not_after: *not_after, why: *why }
                }
                Attempt::Failed { error, next } => Attempt::Failed {
                    error: crate::enroll::EnrollError::NoAccount(error.to_string()),
                    next: *next,
                },
                Attempt::NotDue { at, why } => Attempt::NotDue { at: *at, why: *why },
                Attempt::HeldBack { until } => Attempt::HeldBack { until: *until },
                Attempt::ApprovalNeeded { since, next } => {
                    Attempt::ApprovalNeeded { since: *since, next: *next }
                }
                Attempt::SignInNeeded { since } => Attempt::SignInNeeded { since: *since },
            },
            deployment: Ok(report.deployment.as_ref().map_or(Deployment::NotConfigured, Clone::clone)),
            outlook: report.outlook,
        });
    }

    fn unreadable(&mut self, identity: &IdentityName, problem: Option<&str>) {
        self.unreadable.push((identity.clone(), problem.is_some()));
    }
}

fn name(text: &str) -> IdentityName {
    IdentityName::parse(text).unwrap()
}

fn now(setting: &Setting) -> OffsetDateTime {
    setting.authority.now()
}

fn requests(setting: &Setting) -> u32 {
    setting.authority.with(|ledger| ledger.asked.values().sum())
}

/// An account, and settings for identities of these names that have no certificate yet.
async fn with_identities(
    names: &[String],
    change: impl Fn(&str, IdentitySettings) -> IdentitySettings,
) -> Setting {
    let setting = Setting::new();
    let agent = setting.agent();
    let client = agent.connector.connect(agent.state, &setting.settings().directory).await.unwrap();
    open_account(agent, &client, &AccountOptions::default()).await.unwrap();
    for label in names {
        let mut settings = setting.settings();
        if let crate::state::Subject::Device(device) = &mut settings.subject {
            device.names = vec![label.clone()];
        }
        setting.state.identity(&name(label)).store_settings(&change(label, settings)).unwrap();
    }
    setting
}

async fn enrolled() -> Setting {
    let setting = with_identities(&["room-1.test".to_owned()], |_, settings| settings).await;
    let agent = setting.agent();
    let client = agent.connector.connect(agent.state, &setting.settings().directory).await.unwrap();
    let account = open_account(agent, &client, &AccountOptions::default()).await.unwrap();
    obtain(agent, &account, &setting.identity(), &setting.settings(), None).await.unwrap();
    setting
}

fn daemon<'a>(agent: Agent<'a>) -> Daemon<'a> {
    Daemon::new(agent, Settings::default()).unwrap()
}

/// Turns until `end`, moving the clock to whatever is next each time; says how many turns there were.
async fn live(setting: &Setting, daemon: &mut Daemon<'_>, told: &mut Told, end: OffsetDateTime) -> u32 {
    let mut turns = 0;
    while let Some(next) = daemon.turn(told).await.unwrap().filter(|next| *next < end) {
        assert!(next > now(setting), "it would turn again at once");
        setting.authority.wait(next - now(setting));
        turns += 1;
        assert!(turns < 5_000, "a loop");
    }
    setting.authority.wait(end - now(setting));
    turns
}

#[tokio::test]
async fn a_month_of_turns_renews_on_time_and_asks_no_more_than_it_must() {
    let setting = enrolled().await;
    let begun = now(&setting);
    setting.authority.with(|ledger| {
        ledger.window = Some((begun + Duration::days(18), begun + Duration::days(20)));
    });
    let (mut told, mut daemon) = (Told::default(), daemon(setting.agent()));
    live(&setting, &mut daemon, &mut told, begun + Duration::days(17)).await;
    assert_eq!(told.renewed(), 0);
    let asked = setting.authority.with(|ledger| {
        let asked = |path: &str| -> u32 {
            ledger.asked.iter().filter(|(at, _)| at.contains(path)).map(|(_, times)| times).sum()
        };
        asked("renewal-info")
    });
    assert!((60..=70).contains(&asked), "asked {asked} times in 17 days, at six hours each");
    let before = requests(&setting);
    daemon.turn(&mut told).await.unwrap();
    daemon.turn(&mut told).await.unwrap();
    assert!(requests(&setting) <= before + 2, "a turn in between asks nobody");
    live(&setting, &mut daemon, &mut told, begun + Duration::days(21)).await;
    assert!(told.renewed() >= 1, "{:?}", told.worked);
}

#[tokio::test]
async fn the_moment_that_was_drawn_survives_the_agent() {
    let setting = enrolled().await;
    let begun = now(&setting);
    setting.authority.with(|ledger| {
        ledger.window = Some((begun + Duration::days(10), begun + Duration::days(20)));
    });
    daemon(setting.agent()).turn(&mut Told::default()).await.unwrap();
    let drawn = setting.identity().renewal().unwrap().chosen.unwrap();
    for _ in 0..5 {
        setting.authority.wait(Duration::days(1));
        daemon(setting.agent()).turn(&mut Told::default()).await.unwrap();
        assert_eq!(setting.identity().renewal().unwrap().chosen, Some(drawn));
    }
    let (mut told, mut daemon) = (Told::default(), daemon(setting.agent()));
    setting.authority.wait(drawn - Duration::SECOND - now(&setting));
    daemon.turn(&mut told).await.unwrap();
    assert_eq!(told.renewed(), 0);
    setting.authority.wait(Duration::SECOND);
    daemon.turn(&mut told).await.unwrap();
    assert_eq!(told.renewed(), 1);
}

#[tokio::test]
async fn a_second_agent_is_told_that_there_is_one_and_other_writers_are_let_in_between() {
    let setting = enrolled().await;
    let mut first = daemon(setting.agent());
    let Err(error) = Daemon::new(setting.agent(), Settings::default()) else { panic!("two agents") };
    assert!(matches!(error, StateError::AgentRuns { holder: Some(_), .. }), "{error}");
    first.turn(&mut Told::default()).await.unwrap();
    let (lock, _) = setting.state.lock().unwrap();
    setting.authority.wait(Duration::days(25));
    let busy = first.turn(&mut Told::default()).await.unwrap_err();
    assert!(matches!(busy, StateError::Busy { .. }), "{busy}");
    drop(lock);
    let mut told = Told::default();
    first.turn(&mut told).await.unwrap();
    assert_eq!(told.renewed(), 1);
    drop(first);
    daemon(setting.agent());
}

/// Counts requests that are under way at once.
#[derive(Clone, Debug)]
struct Counting {
    inner: Pretend,
    under_way: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

#[async_trait]
impl Transport for Counting {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let count = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(count, Ordering::SeqCst);
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        let answer = self.inner.send(request).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        answer
    }
}

#[tokio::test]
async fn sixty_four_identities_due_at_once_are_worked_on_a_few_at_a_time_over_one_directory() {
    let names: Vec<String> = (1..=64).map(|number| format!("room-{number}.test")).collect();
    let setting = with_identities(&names, |_, settings| settings).await;
    setting.authority.with(|ledger| ledger.asked.clear());
    let counting =
        Counting { inner: setting.authority.clone(), under_way: Arc::default(), most: Arc::default() };
    let clock = Arc::new(setting.authority.clone());
    let connector = Connector::over(Arc::new(counting.clone()), clock, Patience::default()).keeping();
    let agent = Agent { connector: &connector, ..setting.agent() };
    let mut told = Told::default();
    let settings = Settings { parallel: 6, ..Settings::default() };
    Daemon::new(agent, settings).unwrap().turn(&mut told).await.unwrap();
    assert_eq!(told.renewed(), 64);
    assert_eq!(told.worked.iter().map(|report| &report.identity).collect::<BTreeSet<_>>().len(), 64);
    let most = counting.most.load(Ordering::SeqCst);
    assert!((2..=6).contains(&most), "{most} at once");
    setting.authority.with(|ledger| {
        assert_eq!(ledger.asked["/directory"], 1, "the directory was read more than once");
        assert_eq!(ledger.orders.len(), 64);
        assert!(ledger.asked["/new-nonce"] <= 6, "nonces are shared: {}", ledger.asked["/new-nonce"]);
    });
}

#[tokio::test]
async fn a_server_that_calls_every_certificate_overdue_gets_a_few_orders_a_day() {
    let setting = enrolled().await;
    let begun = now(&setting);
    setting.authority.with(|ledger| {
        ledger.window = Some((begun - Duration::days(3650), begun - Duration::days(3649)));
    });
    let (mut told, mut daemon) = (Told::default(), daemon(setting.agent()));
    live(&setting, &mut daemon, &mut told, begun + Duration::days(2)).await;
    assert!((5..=20).contains(&told.renewed()), "{} renewals in two days", told.renewed());
    let orders = setting.authority.with(|ledger| ledger.orders.len());
    assert!(orders <= 21, "{orders} orders");
}

#[tokio::test]
async fn a_full_disk_costs_no_order_and_is_tried_ever_more_seldom_until_there_is_room() {
    let setting = enrolled().await;
    setting.authority.wait(Duration::days(25));
    let begun = now(&setting);
    let (mut told, mut daemon) = (Told::default(), daemon(setting.agent()));
    fault::arm(Some(0));
    let turns = live(&setting, &mut daemon, &mut told, begun + Duration::days(1)).await;
    assert!(turns <= 40, "{turns} turns in a day");
    assert_eq!(setting.authority.with(|ledger| ledger.orders.len()), 1, "something was ordered");
    assert!(told.worked.iter().all(|report| matches!(report.attempt, Attempt::Failed { .. })));
    fault::arm(None);
    live(&setting, &mut daemon, &mut told, begun + Duration::hours(26)).await;
    assert_eq!(told.renewed(), 1);
    assert_eq!(setting.authority.with(|ledger| ledger.orders.len()), 2);
}

#[tokio::test]
async fn a_disk_that_fills_up_in_the_middle_is_gone_on_with_the_same_order() {
    for steps in 4..60 {
        let setting = enrolled().await;
        setting.authority.wait(Duration::days(25));
        let begun = now(&setting);
        let (mut told, mut daemon) = (Told::default(), daemon(setting.agent()));
        fault::arm(Some(steps));
        daemon.turn(&mut told).await.unwrap();
        fault::arm(None);
        let pending = setting.identity().pending().unwrap();
        let ordered = setting.authority.with(|ledger| ledger.orders.len());
        live(&setting, &mut daemon, &mut told, begun + Duration::days(1)).await;
        let generation = setting.identity().current_generation().unwrap().unwrap();
        assert_eq!(generation.number(), 2, "step {steps}");
        let after = setting.authority.with(|ledger| ledger.orders.len());
        if pending.is_some() {
            assert_eq!(after, ordered, "step {steps}: a second order although one was under way");
        }
        if matches!(told.worked[0].attempt, Attempt::Renewed { .. }) {
            return;
        }
    }
    panic!("it never had room enough");
}

#[tokio::test]
async fn a_hook_that_hangs_holds_up_nobody_else_and_is_run_again_with_growing_pauses() {
    let names = ["room-1.test".to_owned(), "room-2.test".to_owned()];
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    // It hangs for as long as nobody else was worked on, however long that takes on this machine.
    let hook = format!("until test -e '{}'; do sleep 0.02; done; exit 1", mark.display());
    let setting = with_identities(&names, |name, mut settings| {
        if name == "room-1.test" {
            let timeout = StdDuration::from_secs(120);
            settings.deploy = Some(DeploySettings { hook: hook.clone(), timeout });
        }
        settings
    })
    .await;
    let begun = now(&setting);
    let (mut told, mut daemon) = (Told { mark: Some(mark), ..Told::default() }, daemon(setting.agent()));
    daemon.turn(&mut told).await.unwrap();
    assert_eq!(told.worked[0].identity, name("room-2.test"), "it waited for the other's hook");
    assert!(matches!(told.worked[1].deployment, Ok(Deployment::Failed(_))), "{:?}", told.worked);
    let identity = setting.state.identity(&name("room-1.test"));
    let mut settings = identity.settings().unwrap();
    settings.deploy = Some(DeploySettings::new("exit 1".to_owned()));
    identity.store_settings(&settings).unwrap();
    live(&setting, &mut daemon, &mut told, begun + Duration::hours(12)).await;
    let attempts = identity.deploy().unwrap().unwrap().attempts;
    assert!((10..=20).contains(&attempts), "{attempts} runs in half a day");
    settings.deploy = Some(DeploySettings::new("true".to_owned()));
    identity.store_settings(&settings).unwrap();
    live(&setting, &mut daemon, &mut told, begun + Duration::hours(14)).await;
    let record = identity.deploy().unwrap().unwrap();
    assert_eq!(record.outcome, crate::state::DeployOutcome::Succeeded);
    assert_eq!(setting.authority.with(|ledger| ledger.orders.len()), 2, "something was ordered for it");
}

#[tokio::test]
async fn a_server_that_is_away_is_waited_for_once_and_fails_all_of_its_identities() {
    let names: Vec<String> = (1..=20).map(|number| format!("room-{number}.test")).collect();
    let setting = with_identities(&names, |_, settings| settings).await;
    setting.authority.cut(Some(crate::pretend::Cut::Before(0)));
    let connector = setting.authority.connector().keeping();
    let agent = Agent { connector: &connector, ..setting.agent() };
    let mut told = Told::default();
    let mut daemon = daemon(agent);
    let next = daemon.turn(&mut told).await.unwrap().unwrap();
    assert_eq!(told.worked.len(), 20);
    assert_eq!(setting.authority.with(|ledger| ledger.tried()), 1, "each identity tried for itself");
    assert!(next > now(&setting));
    setting.authority.cut(None);
    let end = now(&setting) + Duration::hours(12);
    live(&setting, &mut daemon, &mut told, end).await;
    assert_eq!(told.renewed(), 20);
}

#[tokio::test]
async fn a_clock_that_jumps_makes_it_look_again_and_no_wait_is_longer_than_a_few_seconds() {
    let setting = enrolled().await;
    let (mut told, mut daemon) = (Told::default(), daemon(setting.agent()));
    daemon.turn(&mut told).await.unwrap();
    assert!(daemon.pause(None) <= StdDuration::from_secs(20), "a machine that slept would oversleep");
    assert!(!daemon.must_look(now(&setting) + Duration::minutes(59)));
    assert!(daemon.must_look(now(&setting) + Duration::minutes(60)), "an hour by the wall clock");
    assert!(!daemon.must_look(now(&setting) - Duration::seconds(1)), "clocks are adjusted a little");
    assert!(daemon.must_look(now(&setting) - Duration::days(1)));
    setting.authority.wait(Duration::days(25));
    assert!(daemon.pause(None) <= StdDuration::from_millis(10), "it has slept beyond its moment");
    setting.state.identity(&name("room-2.test")).store_settings(&setting.settings()).unwrap();
    daemon.turn(&mut told).await.unwrap();
    assert_eq!(told.renewed(), 2);
}

#[tokio::test]
async fn looking_now_ends_our_own_pauses_and_keeps_the_servers() {
    let setting = enrolled().await;
    setting.authority.wait(Duration::days(25));
    let (at, identity) = (now(&setting), setting.identity());
    let held = |retry_after| crate::state::RenewalRecord {
        failures: 3,
        next_attempt: Some(at + Duration::hours(2)),
        retry_after,
        ..identity.renewal().unwrap()
    };
    identity.store_renewal(&held(Some(at + Duration::HOUR))).unwrap();
    for (haste, until) in [(Haste::Scheduled, 2), (Haste::Pass, 2), (Haste::Now, 1)] {
        let report = look_at(setting.agent(), &identity, haste).await;
        let Attempt::HeldBack { until: held } = report.attempt else { panic!("{haste:?}: {report:?}") };
        assert_eq!(held, at + Duration::hours(until), "{haste:?}");
    }
    identity.store_renewal(&held(None)).unwrap();
    let report = look_at(setting.agent(), &identity, Haste::Now).await;
    assert!(matches!(report.attempt, Attempt::Renewed { why: Why::Lifetime, .. }), "{report:?}");
}

#[tokio::test]
async fn a_damaged_certificate_is_replaced_and_damaged_settings_are_told_once() {
    let setting = enrolled().await;
    let path = fs::canonicalize(setting.identity().path().join("current")).unwrap();
    fs::write(path.join("cert.pem"), "damaged").unwrap();
    let broken = setting.state.identity(&name("broken"));
    broken.store_settings(&setting.settings()).unwrap();
    let file = broken.path().join("identity.toml");
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, "names = 7").unwrap();
    let (mut told, mut daemon) = (Told::default(), daemon(setting.agent()));
    daemon.turn(&mut told).await.unwrap();
    daemon.turn(&mut told).await.unwrap();
    assert_eq!((told.renewed(), told.unreadable.len()), (1, 1), "{:?}", told.worked);
    fs::write(&file, good).unwrap();
    daemon.turn(&mut told).await.unwrap();
    assert_eq!(told.unreadable.last(), Some(&(name("broken"), false)));
    assert_eq!(told.renewed(), 2);
}
