//! Renewal passes against an authority in memory, with the clock in the test's hand.

use time::Duration;

use super::*;
use crate::{
    deploy::Deployment,
    enroll::{AccountOptions, Agent, EnrollError, obtain, open_account},
    pretend::Setting,
    state::{DeploySettings, IdentitySettings},
};

async fn enrolled() -> Setting {
    enrolled_with(|settings| settings).await
}

async fn enrolled_with(change: impl FnOnce(IdentitySettings) -> IdentitySettings) -> Setting {
    let setting = Setting::new();
    let agent = setting.agent();
    let settings = change(setting.settings());
    let client = agent.connector.connect(agent.state, &settings.directory).await.unwrap();
    let account = open_account(agent, &client, &AccountOptions::default()).await.unwrap();
    setting.identity().store_settings(&settings).unwrap();
    obtain(agent, &account, &setting.identity(), &settings, None).await.unwrap();
    setting
}

async fn pass(agent: Agent<'_>) -> PassReport {
    let mut reports = renew_all(agent, &Options::default()).await.unwrap();
    assert_eq!(reports.len(), 1);
    reports.remove(0)
}

fn now(setting: &Setting) -> time::OffsetDateTime {
    setting.agent().clock.now()
}

#[tokio::test]
async fn a_young_certificate_is_left_alone_and_an_old_one_renewed_in_place_of_itself() {
    let setting = enrolled().await;
    assert!(matches!(pass(setting.agent()).await.attempt, Attempt::NotDue { why: Why::Lifetime, .. }));
    setting.authority.wait(Duration::days(22));
    let report = pass(setting.agent()).await;
    let Attempt::Renewed { generation, why: Why::Lifetime, .. } = report.attempt else {
        panic!("{report:?}")
    };
    assert_eq!(generation.number(), 2);
    setting.authority.with(|ledger| {
        let replaces = ledger.orders[1].replaces.as_str().unwrap();
        assert!(replaces.contains('.'), "the order names the certificate it replaces: {replaces}");
    });
    assert!(matches!(pass(setting.agent()).await.attempt, Attempt::NotDue { .. }));
}

#[tokio::test]
async fn the_servers_window_brings_a_renewal_forward_and_is_asked_for_as_seldom_as_it_says() {
    let setting = enrolled().await;
    let at = now(&setting);
    setting.authority.with(|ledger| ledger.window = Some((at + Duration::days(2), at + Duration::days(3))));
    let first = pass(setting.agent()).await;
    let Attempt::NotDue { at: chosen, why: Why::Suggested } = first.attempt else { panic!("{first:?}") };
    assert!(chosen >= at + Duration::days(2) && chosen <= at + Duration::days(3));
    let questions = |setting: &Setting| {
        setting.authority.with(|ledger| {
            ledger
                .asked
                .iter()
                .filter(|(path, _)| path.contains("renewal-info"))
                .map(|(_, times)| times)
                .sum::<u32>()
        })
    };
    assert_eq!(questions(&setting), 1);
    setting.authority.wait(Duration::hours(5));
    let second = pass(setting.agent()).await;
    assert!(matches!(second.attempt, Attempt::NotDue { at, .. } if at == chosen), "{second:?}");
    assert_eq!(questions(&setting), 1, "asked again before the six hours were over");
    setting.authority.wait(Duration::days(3));
    let due = pass(setting.agent()).await;
    assert!(matches!(due.attempt, Attempt::Renewed { why: Why::Suggested, .. }), "{due:?}");
}

#[tokio::test]
async fn a_window_in_the_past_means_now() {
    let setting = enrolled().await;
    let at = now(&setting);
    setting.authority.with(|ledger| ledger.window = Some((at - Duration::days(3), at - Duration::days(2))));
    assert!(matches!(pass(setting.agent()).await.attempt, Attempt::Renewed { why: Why::Suggested, .. }));
}

#[tokio::test]
async fn a_certificate_already_replaced_is_renewed_without_saying_what_it_replaces() {
    let setting = enrolled().await;
    let id = {
        let current = setting.identity().current().unwrap().unwrap();
        crate::enroll::Leaf::from_pem(&current.certificate).unwrap().id.unwrap()
    };
    setting.authority.with(|ledger| ledger.replaced.insert(id.to_string()));
    setting.authority.wait(Duration::days(25));
    assert!(matches!(pass(setting.agent()).await.attempt, Attempt::Renewed { .. }));
    assert!(setting.authority.with(|ledger| ledger.orders[1].replaces.is_null()));
}

#[tokio::test]
async fn failures_are_kept_hold_the_next_attempt_back_and_are_forgotten_after_success() {
    let setting = enrolled().await;
    setting.authority.wait(Duration::days(25));
    setting.authority.with(|ledger| ledger.refuse_orders = Some((403, "rejectedIdentifier")));
    let failed = pass(setting.agent()).await;
    let Attempt::Failed { error: EnrollError::Acme(_), next: Some(next) } = failed.attempt else {
        panic!("{failed:?}")
    };
    let record = setting.identity().renewal().unwrap();
    assert_eq!((record.failures, record.next_attempt), (1, Some(next)));
    assert!(record.last_error.unwrap().message.contains("pretended rejectedIdentifier"));
    assert!(matches!(pass(setting.agent()).await.attempt, Attempt::HeldBack { until } if until == next));
    setting.authority.with(|ledger| ledger.refuse_orders = None);
    setting.authority.wait(Duration::minutes(2));
    assert!(matches!(pass(setting.agent()).await.attempt, Attempt::Renewed { .. }));
    let record = setting.identity().renewal().unwrap();
    assert_eq!((record.failures, record.last_error), (0, None));
}

#[tokio::test]
async fn a_pause_stored_under_a_wrong_clock_does_not_stop_renewal() {
    let setting = enrolled().await;
    let next_attempt = Some(now(&setting) + Duration::days(3650));
    let ask_again = next_attempt;
    let record = setting.identity().renewal().unwrap();
    let wrong = crate::state::RenewalRecord { failures: 1, next_attempt, ask_again, ..record };
    setting.identity().store_renewal(&wrong).unwrap();
    setting.authority.wait(Duration::days(25));
    assert!(matches!(pass(setting.agent()).await.attempt, Attempt::Renewed { .. }));
}

#[tokio::test]
async fn an_authority_that_forgot_the_account_is_given_the_same_key_again_and_the_renewal_goes_on() {
    let setting = enrolled().await;
    let folder = setting.state.account(&crate::state::ServerLabel::of(&setting.settings().directory));
    let (key, record) = (folder.key().unwrap().unwrap(), folder.record().unwrap().unwrap());
    setting.authority.forget();
    setting.authority.wait(Duration::days(25));
    assert!(matches!(pass(setting.agent()).await.attempt, Attempt::Renewed { .. }));
    assert_eq!(*folder.key().unwrap().unwrap(), *key);
    assert_ne!(folder.record().unwrap().unwrap().url, record.url);
    setting.authority.with(|ledger| assert_eq!((ledger.accounts.len(), ledger.orders.len()), (1, 1)));
    setting.authority.wait(Duration::days(25));
    assert!(matches!(pass(setting.agent()).await.attempt, Attempt::Renewed { .. }));
    assert_eq!(setting.authority.with(|ledger| ledger.registrations.len()), 2, "registered without need");
}

#[tokio::test]
async fn terms_are_agreed_to_again_only_if_they_are_those_that_were_agreed_to() {
    let setting = Setting::new();
    setting.authority.with(|ledger| ledger.terms = Some("https://ca.test/terms/1"));
    let agent = setting.agent();
    let client = agent.connector.connect(agent.state, &setting.settings().directory).await.unwrap();
    let options = AccountOptions { agree_to_terms: true, ..AccountOptions::default() };
    let account = open_account(agent, &client, &options).await.unwrap();
    setting.identity().store_settings(&setting.settings()).unwrap();
    obtain(agent, &account, &setting.identity(), &setting.settings(), None).await.unwrap();
    setting.authority.forget();
    setting.authority.wait(Duration::days(25));
    assert!(matches!(pass(setting.agent()).await.attempt, Attempt::Renewed { .. }));
    setting.authority.with(|ledger| ledger.terms = Some("https://ca.test/terms/2"));
    setting.authority.forget();
    setting.authority.wait(Duration::days(25));
    let refused = pass(setting.agent()).await;
    assert!(matches!(refused.attempt, Attempt::Failed { error: EnrollError::Terms(_), .. }), "{refused:?}");
}

#[tokio::test]
async fn an_expired_certificate_is_simply_issued_anew() {
    let setting = enrolled().await;
    setting.authority.wait(Duration::days(400));
    assert!(matches!(pass(setting.agent()).await.attempt, Attempt::Renewed { why: Why::Expired, .. }));
}

#[tokio::test]
async fn force_renews_at_once_and_despite_failures() {
    let setting = enrolled().await;
    let options = Options { only: vec!["room-1.test".to_owned()], force: true };
    let reports = renew_all(setting.agent(), &options).await.unwrap();
    assert!(matches!(reports[0].attempt, Attempt::Renewed { why: Why::Forced, .. }));
    let unknown = Options { only: vec!["room-9.test".to_owned()], force: true };
    assert!(renew_all(setting.agent(), &unknown).await.is_err());
}

#[tokio::test]
async fn a_failed_deploy_hook_is_run_again_without_another_certificate() {
    let marker = tempfile::tempdir().unwrap();
    let ready = marker.path().join("ready");
    let hook = format!("test -e {}", ready.display());
    let setting =
        enrolled_with(|settings| IdentitySettings { deploy: Some(DeploySettings::new(hook)), ..settings })
            .await;
    let first = pass(setting.agent()).await;
    assert!(matches!(first.deployment, Ok(Deployment::Failed(_))), "{first:?}");
    std::fs::write(&ready, "").unwrap();
    let second = pass(setting.agent()).await;
    assert!(matches!(second.attempt, Attempt::NotDue { .. }));
    assert!(matches!(second.deployment, Ok(Deployment::Succeeded)), "{second:?}");
    assert_eq!(setting.authority.with(|ledger| ledger.orders.len()), 1);
}

#[tokio::test]
async fn one_broken_identity_does_not_hold_up_another() {
    let setting = enrolled().await;
    let broken = setting.state.identity(&crate::state::IdentityName::parse("a-broken").unwrap());
    broken.store_settings(&setting.settings()).unwrap();
    std::fs::write(broken.path().join("identity.toml"), "names = 7").unwrap();
    setting.authority.wait(Duration::days(25));
    let reports = renew_all(setting.agent(), &Options::default()).await.unwrap();
    assert!(matches!(reports[0].attempt, Attempt::Failed { error: EnrollError::State(_), .. }));
    assert!(matches!(reports[1].attempt, Attempt::Renewed { .. }));
}

mod people {
    //! Renewals of people's certificates.

    use super::*;
    use crate::{
        enroll::Person,
        pretend::{Deed, PretendPerson},
        state::{IdentityName, KeyType, PersonSettings, Subject},
    };

    /// A person who has signed in once.
    async fn enrolled_person() -> Setting {
        let setting = Setting::new();
        let person = PretendPerson::new(&setting.authority, false, Deed::SignIn);
        let agent = Agent { person: Some(&person), ..setting.agent() };
        let subject = PersonSettings { email: "bob@example.com".parse().unwrap(), provider: None };
        let settings = IdentitySettings {
            subject: Subject::Person(subject),
            directory: setting.settings().directory,
            profile: None,
            key_type: KeyType::P256,
            key_store: tokens::KeyStore::File,
            keep: 3,
            deploy: None,
        };
        let identity = setting.state.identity(&IdentityName::parse("bob@example.com").unwrap());
        let client = agent.connector.connect(agent.state, &settings.directory).await.unwrap();
        let account = open_account(agent, &client, &AccountOptions::default()).await.unwrap();
        identity.store_settings(&settings).unwrap();
        obtain(agent, &account, &identity, &settings, None).await.unwrap();
        setting
    }

    fn orders(setting: &Setting) -> usize {
        setting.authority.with(|ledger| ledger.orders.len())
    }

    fn requests(setting: &Setting) -> u32 {
        setting.authority.with(|ledger| ledger.asked.values().sum())
    }

    #[tokio::test]
    async fn a_sign_in_that_still_serves_renews_without_anybody() {
        let setting = enrolled_person().await;
        setting.authority.with(|ledger| ledger.reuses_sign_ins = true);
        setting.authority.wait(Duration::days(25));
        let report = pass(setting.agent()).await;
        assert!(matches!(report.attempt, Attempt::Renewed { .. }), "{report:?}");
        assert_eq!(orders(&setting), 2);
    }

    #[tokio::test]
    async fn a_needed_sign_in_is_announced_then_reported_and_asked_for_once_an_hour_with_one_order() {
        let setting = enrolled_person().await;
        let young = pass(setting.agent()).await;
        let (Attempt::NotDue { at, .. }, Outlook::SignInFrom(from)) = (young.attempt, young.outlook) else {
            panic!("no warning ahead of time")
        };
        assert_eq!(at, from);
        setting.authority.wait(Duration::days(25));
        let since = now(&setting);
        let first = pass(setting.agent()).await;
        assert!(matches!(first.attempt, Attempt::SignInNeeded { since: at } if at == since), "{first:?}");
        assert!(matches!(first.outlook, Outlook::SignInNow { before: Some(_) }), "{first:?}");
        let asked = requests(&setting);
        setting.authority.wait(Duration::minutes(59));
        let second = pass(setting.agent()).await;
        assert!(matches!(second.attempt, Attempt::SignInNeeded { since: at } if at == since), "{second:?}");
        assert!(requests(&setting) <= asked + 2, "the server was asked for more than a renewal window");
        for _ in 0..20 {
            setting.authority.wait(Duration::hours(2));
            pass(setting.agent()).await;
        }
        assert_eq!(orders(&setting), 2, "each pass ordered anew");
        let record = setting.state.find_identity("bob@example.com").unwrap().renewal().unwrap();
        assert_eq!((record.failures, record.last_error), (0, None), "waiting is no failure");
    }

    #[tokio::test]
    async fn somebody_at_the_terminal_signs_in_and_finishes_the_order_that_waited() {
        let setting = enrolled_person().await;
        setting.authority.wait(Duration::days(25));
        pass(setting.agent()).await;
        let person = PretendPerson::new(&setting.authority, true, Deed::SignIn);
        let agent = Agent { person: Some(&person as &dyn Person), ..setting.agent() };
        let report = pass(agent).await;
        assert!(matches!(report.attempt, Attempt::Renewed { .. }), "{report:?}");
        assert_eq!((orders(&setting), person.invitations().len()), (2, 1));
        let record = setting.state.find_identity("bob@example.com").unwrap().renewal().unwrap();
        assert!(record.sign_in.is_none() && record.signed_in_until.is_some(), "{record:?}");
        assert!(matches!(pass(setting.agent()).await.attempt, Attempt::NotDue { .. }));
    }
}
