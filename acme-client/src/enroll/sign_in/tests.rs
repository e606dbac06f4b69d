use tokio::net::TcpListener;

use super::*;
use crate::{
    enroll::{AccountOptions, Leaf, Obtained, obtain, open_account},
    pretend::{Cut, Deed, PretendPerson, Setting, nobody_listens},
    state::{IdentityName, IdentitySettings, KeyType, SignInWay, Subject, fault},
};

const EMAIL: &str = "bob@example.com";

fn settings(setting: &Setting, provider: Option<&str>) -> IdentitySettings {
    let person = PersonSettings { email: EMAIL.parse().unwrap(), provider: provider.map(str::to_owned) };
    IdentitySettings {
        subject: Subject::Person(person),
        directory: setting.settings().directory,
        profile: Some("user".to_owned()),
        key_type: KeyType::P256,
        key_store: tokens::KeyStore::File,
        keep: 3,
        deploy: None,
    }
}

fn identity(setting: &Setting) -> IdentityDir {
    setting.state.identity(&IdentityName::parse(EMAIL).unwrap())
}

async fn enrol(setting: &Setting, person: Option<&dyn Person>) -> Result<Obtained, EnrollError> {
    enrol_at(setting, person, None).await
}

async fn enrol_at(
    setting: &Setting,
    person: Option<&dyn Person>,
    provider: Option<&str>,
) -> Result<Obtained, EnrollError> {
    let agent = Agent { person, ..setting.agent() };
    let settings = settings(setting, provider);
    let (_lock, _) = setting.state.lock()?;
    let client = agent.connector.connect(agent.state, &settings.directory).await?;
    let account = open_account(agent, &client, &AccountOptions::default()).await?;
    let identity = identity(setting);
    identity.store_settings(&settings)?;
    obtain(agent, &account, &identity, &settings, None).await
}

/// Where the sign-in that is stored would come back to.
fn port_of(setting: &Setting) -> u16 {
    match identity(setting).sign_in().unwrap() {
        Some(BegunSignIn { way: SignInWay::Redirect { port, .. }, .. }) => port,
        _ => panic!("no sign-in is stored that comes back"),
    }
}

fn assert_in_order(setting: &Setting) {
    let current = identity(setting).current().unwrap().unwrap();
    let leaf = Leaf::from_pem(&current.certificate).unwrap();
    leaf.check(&settings(setting, None).identifiers(), &current.key, setting.agent().clock.now()).unwrap();
    assert_eq!(leaf.names(), [EMAIL]);
    assert!(identity(setting).pending().unwrap().is_none(), "an order is left pending");
}

#[tokio::test]
async fn a_person_signs_in_with_the_browser_of_this_machine() {
    let setting = Setting::new();
    let person = PretendPerson::new(&setting.authority, true, Deed::SignIn);
    let obtained = enrol(&setting, Some(&person)).await.unwrap();
    assert!(!obtained.resumed);
    assert_in_order(&setting);
    assert!(matches!(person.invitations().as_slice(), [(_, None)]), "a code is for browsers elsewhere");
    let until = setting.agent().clock.now() + time::Duration::hours(12);
    assert_eq!(identity(&setting).renewal().unwrap().signed_in_until, Some(until));
    setting.authority.with(|ledger| {
        let order = &ledger.orders[0];
        assert_eq!(order.identifiers, serde_json::json!([{"type": "email", "value": EMAIL}]));
        let redirect = order.sign_in.as_ref().unwrap().redirect.clone().unwrap();
        assert!(redirect.starts_with("http://127.0.0.1:"), "{redirect}");
    });
}

#[tokio::test]
async fn a_person_without_a_browser_here_gets_a_link_and_a_code() {
    let setting = Setting::new();
    let person = PretendPerson::new(&setting.authority, false, Deed::SignIn);
    enrol(&setting, Some(&person)).await.unwrap();
    assert_in_order(&setting);
    let invitations = person.invitations();
    assert!(matches!(invitations.as_slice(), [(_, Some(code))] if code == "7KQ2-M4XN"), "{invitations:?}");
}

#[tokio::test]
async fn a_server_that_sends_no_browser_back_gives_a_code_even_with_a_browser_here() {
    let setting = Setting::new();
    setting.authority.with(|ledger| ledger.takes_redirects = false);
    let person = PretendPerson::new(&setting.authority, true, Deed::SignIn);
    enrol(&setting, Some(&person)).await.unwrap();
    assert!(matches!(person.invitations().as_slice(), [(_, Some(_))]));
}

#[tokio::test]
async fn among_several_providers_the_person_or_the_setting_says_which() {
    let setting = Setting::new();
    setting.authority.with(|ledger| ledger.providers = vec!["corp", "campus"]);
    let mut person = PretendPerson::new(&setting.authority, true, Deed::SignIn);
    let error = enrol(&setting, Some(&person)).await.unwrap_err().to_string();
    assert_eq!(error, "several identity providers may sign in bob@example.com: corp, campus");
    let error = enrol_at(&setting, Some(&person), Some("club")).await.unwrap_err().to_string();
    assert!(error.contains("\"club\"") && error.contains("corp, campus"), "{error}");
    person.choice = Some(1);
    let obtained = enrol(&setting, Some(&person)).await.unwrap();
    assert!(obtained.resumed, "the order was kept while nobody chose");
    assert_in_order(&setting);
}

#[tokio::test]
async fn a_failed_sign_in_is_told_in_the_servers_words_and_the_next_run_begins_anew() {
    for browser in [true, false] {
        let setting = Setting::new();
        let person = PretendPerson::new(&setting.authority, browser, Deed::Fail(true));
        let error = enrol(&setting, Some(&person)).await.unwrap_err();
        assert!(error.to_string().contains("pretended unauthorized"), "{error}");
        assert!(identity(&setting).pending().unwrap().is_none());
        let person = PretendPerson::new(&setting.authority, browser, Deed::SignIn);
        assert!(!enrol(&setting, Some(&person)).await.unwrap().resumed);
    }
}

#[tokio::test]
async fn a_failure_that_only_the_browser_tells_ends_the_wait_too() {
    let setting = Setting::new();
    let person = PretendPerson::new(&setting.authority, true, Deed::Fail(false));
    let wait = enrol(&setting, Some(&person));
    // Once the browser is back the clock may run on; before, it stands still.
    let ticking = async {
        while person.invitations().is_empty() {
            tokio::task::yield_now().await;
        }
        let redirect = || setting.authority.with(|ledger| ledger.orders[0].sign_in.clone().unwrap().redirect);
        let address = redirect().unwrap().replace("http://", "");
        let address = address.split('/').next().unwrap().to_owned();
        while tokio::net::TcpStream::connect(&address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        setting.authority.with(|ledger| ledger.time_passes = true);
    };
    let (ended, ()) = tokio::join!(wait, ticking);
    let error = ended.unwrap_err();
    assert_eq!(error.to_string(), "the sign-in of bob@example.com did not succeed: access_denied");
    assert!(identity(&setting).pending().unwrap().is_some(), "the server may still take another try");
}

#[tokio::test]
async fn a_browser_that_never_comes_back_ends_the_wait_in_time_and_keeps_the_order() {
    for browser in [true, false] {
        let setting = Setting::new();
        setting.authority.with(|ledger| ledger.time_passes = true);
        let person = PretendPerson::new(&setting.authority, browser, Deed::Leave);
        let error = enrol(&setting, Some(&person)).await.unwrap_err();
        assert!(error.to_string().starts_with("nobody signed in as bob@example.com within "), "{error}");
        if browser {
            nobody_listens(port_of(&setting)).await;
        }
        let person = PretendPerson::new(&setting.authority, browser, Deed::SignIn);
        setting.authority.with(|ledger| ledger.time_passes = false);
        assert!(enrol(&setting, Some(&person)).await.unwrap().resumed);
        assert_eq!(setting.authority.with(|ledger| ledger.orders.len()), 1);
    }
}

#[tokio::test]
async fn a_wrong_code_is_refused_by_the_server_and_certifies_nothing() {
    let setting = Setting::new();
    let person = PretendPerson::new(&setting.authority, true, Deed::BringWrongCode);
    let error = enrol(&setting, Some(&person)).await.unwrap_err();
    assert!(error.to_string().contains("pretended unauthorized"), "{error}");
    assert!(identity(&setting).current().unwrap().is_none());
}

#[tokio::test]
async fn nobody_at_the_terminal_means_that_a_sign_in_is_needed_and_the_order_waits() {
    let setting = Setting::new();
    for _ in 0..3 {
        let error = enrol(&setting, None).await.unwrap_err();
        assert_eq!(error.to_string(), "a sign-in is needed for bob@example.com");
    }
    let person = PretendPerson::new(&setting.authority, true, Deed::SignIn);
    assert!(enrol(&setting, Some(&person)).await.unwrap().resumed);
    assert_eq!(setting.authority.with(|ledger| ledger.orders.len()), 1, "one order waited for all of them");
}

#[tokio::test]
async fn a_sign_in_of_a_run_that_was_cut_off_comes_back_to_the_next_one() {
    for renews_links in [true, false] {
        let setting = Setting::new();
        setting.authority.with(|ledger| (ledger.renews_links, ledger.time_passes) = (renews_links, true));
        let leaving = PretendPerson::new(&setting.authority, true, Deed::Leave);
        enrol(&setting, Some(&leaving)).await.unwrap_err();
        let redirect = |setting: &Setting| {
            setting.authority.with(|ledger| ledger.orders[0].sign_in.clone().unwrap().redirect)
        };
        let before = redirect(&setting);
        nobody_listens(port_of(&setting)).await;
        setting.authority.with(|ledger| ledger.time_passes = false);
        let person = PretendPerson::new(&setting.authority, true, Deed::SignIn);
        assert!(enrol(&setting, Some(&person)).await.unwrap().resumed);
        assert_eq!(redirect(&setting), before, "the browser of the first run would find nobody");
        assert_eq!(setting.authority.with(|ledger| ledger.orders.len()), 1);
    }
}

#[tokio::test]
async fn if_nobody_can_listen_there_any_more_the_order_is_given_up_for_a_new_one() {
    let setting = Setting::new();
    setting.authority.with(|ledger| (ledger.renews_links, ledger.time_passes) = (false, true));
    let leaving = PretendPerson::new(&setting.authority, true, Deed::Leave);
    enrol(&setting, Some(&leaving)).await.unwrap_err();
    let port = port_of(&setting);
    nobody_listens(port).await;
    let _taken = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    setting.authority.with(|ledger| ledger.time_passes = false);
    let person = PretendPerson::new(&setting.authority, true, Deed::SignIn);
    enrol(&setting, Some(&person)).await.unwrap();
    assert_in_order(&setting);
    setting.authority.with(|ledger| {
        assert_eq!(ledger.orders.len(), 2);
        assert!(ledger.orders[0].refused, "the first authorization was not deactivated");
    });
}

#[tokio::test]
async fn a_connection_lost_at_any_request_costs_a_person_no_second_certificate() {
    let mut cuts = 0;
    'all: for last in 0.. {
        for cut in [Cut::Before(last), Cut::After(last)] {
            let setting = Setting::new();
            let person = PretendPerson::new(&setting.authority, true, Deed::SignIn);
            setting.authority.cut(Some(cut));
            let first = enrol(&setting, Some(&person)).await;
            setting.authority.cut(None);
            if first.is_ok() {
                break 'all;
            }
            cuts += 1;
            let again = enrol(&setting, Some(&person)).await;
            again.unwrap_or_else(|error| panic!("{cut:?}: {error}"));
            assert_in_order(&setting);
            setting.authority.with(|ledger| {
                let certified = ledger.orders.iter().filter(|order| order.certificate.is_some()).count();
                assert_eq!((ledger.accounts.len(), certified), (1, 1), "{cut:?}");
            });
        }
    }
    assert!(cuts > 15, "only {cuts} places were cut");
}

#[tokio::test]
async fn a_kill_at_any_step_on_disk_leaves_a_person_who_can_go_on() {
    let mut kills = 0;
    for steps in 0.. {
        let setting = Setting::new();
        let person = PretendPerson::new(&setting.authority, true, Deed::SignIn);
        fault::arm(Some(steps));
        let first = enrol(&setting, Some(&person)).await;
        fault::arm(None);
        if first.is_ok() {
            break;
        }
        kills += 1;
        enrol(&setting, Some(&person)).await.unwrap_or_else(|error| panic!("step {steps}: {error}"));
        assert_in_order(&setting);
        assert!(setting.authority.with(|ledger| ledger.orders.len()) <= 2, "step {steps}");
    }
    assert!(kills > 60, "only {kills} steps were cut");
}
