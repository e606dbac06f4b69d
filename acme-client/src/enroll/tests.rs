//! Enrolment against an authority in memory that is cut off after every request, and a disk that stops after every step.

use super::*;
use crate::{
    pretend::{Cut, Setting},
    state::{CurrentPair, fault},
};

/// What `enroll` and `renew` do, without the command line around it.
async fn enrol(setting: &Setting) -> Result<Obtained, EnrollError> {
    let agent = setting.agent();
    let settings = setting.settings();
    let (_lock, _) = setting.state.lock()?;
    let client = agent.connector.connect(agent.state, &settings.directory).await?;
    let account = open_account(agent, &client, &AccountOptions::default()).await?;
    let identity = setting.identity();
    identity.store_settings(&settings)?;
    obtain(agent, &account, &identity, &settings, None).await
}

fn assert_in_order(setting: &Setting) -> CurrentPair {
    let current = setting.identity().current().unwrap().unwrap();
    let leaf = Leaf::from_pem(&current.certificate).unwrap();
    leaf.check(&setting.settings().identifiers(), &current.key, setting.agent().clock.now()).unwrap();
    assert!(setting.identity().pending().unwrap().is_none(), "an order is left pending");
    current
}

#[tokio::test]
async fn a_device_is_enrolled_and_the_order_says_what_was_asked() {
    let setting = Setting::new();
    let obtained = enrol(&setting).await.unwrap();
    assert_eq!((obtained.generation.number(), obtained.resumed), (1, false));
    let current = assert_in_order(&setting);
    assert!(current.chain.contains("BEGIN CERTIFICATE"), "the issuer belongs to the chain");
    setting.authority.with(|ledger| {
        assert_eq!(
            ledger.orders[0].identifiers,
            serde_json::json!([{"type": "dns", "value": "room-1.test"}])
        );
        assert_eq!(ledger.orders[0].profile, "device");
    });
}

#[tokio::test]
async fn a_connection_lost_at_any_request_costs_no_second_certificate() {
    let mut cuts = 0;
    'all: for last in 0.. {
        for cut in [Cut::Before(last), Cut::After(last)] {
            let setting = Setting::new();
            setting.authority.cut(Some(cut));
            let first = enrol(&setting).await;
            setting.authority.cut(None);
            if first.is_ok() {
                break 'all;
            }
            cuts += 1;
            enrol(&setting).await.unwrap_or_else(|error| panic!("{cut:?}: {error}"));
            assert_in_order(&setting);
            setting.authority.with(|ledger| {
                assert_eq!(ledger.accounts.len(), 1, "{cut:?}: a second account");
                let certified = ledger.orders.iter().filter(|order| order.certificate.is_some()).count();
                assert_eq!(certified, 1, "{cut:?}: {certified} certificates");
                // Only an order that was never heard of (the third request opens it) may be left behind unused.
                let expected = if cut == Cut::After(2) { 2 } else { 1 };
                assert_eq!(ledger.orders.len(), expected, "{cut:?}");
            });
        }
    }
    assert!(cuts > 15, "only {cuts} places were cut");
}

#[tokio::test]
async fn a_kill_at_any_step_on_disk_costs_no_second_certificate() {
    let mut kills = 0;
    for steps in 0.. {
        let setting = Setting::new();
        fault::arm(Some(steps));
        let first = enrol(&setting).await;
        fault::arm(None);
        if first.is_ok() {
            break;
        }
        kills += 1;
        match enrol(&setting).await {
            Ok(_) => {}
            Err(error) => panic!("step {steps}: {error}"),
        }
        assert_in_order(&setting);
        setting.authority.with(|ledger| {
            let certified = ledger.orders.iter().filter(|order| order.certificate.is_some()).count();
            // Killed after the swap: the repeated command is a new wish and may get a new certificate.
            let installed = setting.identity().generations().unwrap().len();
            assert!(certified == 1 || certified == installed, "step {steps}: {certified} certificates");
            assert!(ledger.orders.len() <= 2, "step {steps}: {} orders", ledger.orders.len());
        });
    }
    assert!(kills > 60, "only {kills} steps were cut");
}

#[tokio::test]
async fn an_order_that_the_server_refused_is_forgotten_and_the_next_run_orders_anew() {
    let setting = Setting::new();
    setting.authority.with(|ledger| ledger.refuse_proofs = true);
    let error = enrol(&setting).await.unwrap_err();
    assert!(error.to_string().contains("pretended incorrectResponse"), "{error}");
    assert!(setting.identity().pending().unwrap().is_none());
    setting.authority.with(|ledger| ledger.refuse_proofs = false);
    enrol(&setting).await.unwrap();
    assert_in_order(&setting);
    assert_eq!(setting.authority.with(|ledger| ledger.orders.len()), 2);
}

#[tokio::test]
async fn an_order_that_the_server_forgot_is_forgotten_here_too() {
    let setting = Setting::new();
    setting.authority.cut(Some(Cut::Before(6)));
    enrol(&setting).await.unwrap_err();
    assert!(setting.identity().pending().unwrap().is_some());
    setting.authority.cut(None);
    setting.authority.with(|ledger| ledger.orders.clear());
    let obtained = enrol(&setting).await.unwrap();
    assert!(!obtained.resumed);
    assert_in_order(&setting);
}

#[tokio::test]
async fn a_record_that_cannot_be_published_leaves_the_order_to_go_on_with() {
    let setting = Setting::new();
    let agent = setting.agent();
    let mut settings = setting.settings();
    let crate::state::Subject::Device(device) = &mut settings.subject else { panic!("no device") };
    device.dns.hook = Some("/bin/false".into());
    let client = agent.connector.connect(agent.state, &settings.directory).await.unwrap();
    let account = open_account(agent, &client, &AccountOptions::default()).await.unwrap();
    let identity = setting.identity();
    let error = obtain(agent, &account, &identity, &settings, None).await.unwrap_err();
    assert!(matches!(error, EnrollError::Dns(_)), "{error}");
    let obtained = obtain(agent, &account, &identity, &setting.settings(), None).await.unwrap();
    assert!(obtained.resumed);
    assert_eq!(setting.authority.with(|ledger| ledger.orders.len()), 1);
}

#[tokio::test]
async fn other_names_do_not_go_on_with_an_order_for_these() {
    let setting = Setting::new();
    setting.authority.cut(Some(Cut::Before(6)));
    enrol(&setting).await.unwrap_err();
    setting.authority.cut(None);
    let agent = setting.agent();
    let mut settings = setting.settings();
    let crate::state::Subject::Device(device) = &mut settings.subject else { panic!("no device") };
    device.names = vec!["room-2.test".to_owned()];
    let client = agent.connector.connect(agent.state, &settings.directory).await.unwrap();
    let account = known_account(agent, &client).await.unwrap();
    let obtained = obtain(agent, &account, &setting.identity(), &settings, None).await.unwrap();
    assert_eq!(obtained.leaf.names(), ["room-2.test"]);
}

#[tokio::test]
async fn a_rollover_cut_off_anywhere_keeps_the_account() {
    'all: for last in 0.. {
        for cut in [Cut::Before(last), Cut::After(last)] {
            let setting = Setting::new();
            enrol(&setting).await.unwrap();
            let agent = setting.agent();
            let client = agent.connector.connect(agent.state, &setting.settings().directory).await.unwrap();
            let account = known_account(agent, &client).await.unwrap();
            let before = account.key().thumbprint();
            setting.authority.cut(Some(cut));
            let changed = rollover(agent, &account).await;
            setting.authority.cut(None);
            let settled = known_account(agent, &client).await.unwrap();
            let key = settled.key().jwk();
            let key = serde_json::to_value(key).unwrap().to_string();
            assert_eq!(
                setting.authority.with(|ledger| ledger.accounts.clone()),
                [key],
                "{cut:?}: the key is not the server's"
            );
            if changed.is_ok() {
                assert_ne!(settled.key().thumbprint(), before);
                break 'all;
            }
        }
    }
}

#[tokio::test]
async fn a_deactivated_account_is_an_error_until_one_enrols_again() {
    let setting = Setting::new();
    enrol(&setting).await.unwrap();
    let agent = setting.agent();
    let client = agent.connector.connect(agent.state, &setting.settings().directory).await.unwrap();
    let folder = setting.state.account(&crate::state::ServerLabel::of(&setting.settings().directory));
    let record = folder.record().unwrap().unwrap();
    folder.store_record(&crate::state::AccountRecord { deactivated: true, ..record }).unwrap();
    assert!(matches!(known_account(agent, &client).await, Err(EnrollError::Deactivated(_))));
    enrol(&setting).await.unwrap();
    assert_eq!(setting.authority.with(|ledger| ledger.accounts.len()), 2);
}

fn account_of(setting: &Setting) -> crate::state::AccountDir {
    setting.state.account(&crate::state::ServerLabel::of(&setting.settings().directory))
}

async fn opened(setting: &Setting, options: &AccountOptions) -> Result<acme::Account, EnrollError> {
    let agent = setting.agent();
    let client = agent.connector.connect(agent.state, &setting.settings().directory).await?;
    open_account(agent, &client, options).await
}

fn options(contact: &str, kid: &str) -> AccountOptions {
    let key = acme::ExternalAccountKey::from_base64url(
        kid.to_owned(),
        "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA",
    );
    AccountOptions {
        contacts: vec![format!("mailto:{contact}@ca.test")],
        external_account: Some(key.unwrap()),
        agree_to_terms: true,
    }
}

#[tokio::test]
async fn a_registration_that_is_taken_up_with_other_words_is_recorded_as_it_was_sent() {
    for (cut, sent) in [(Cut::Before(1), 1), (Cut::After(1), 2)] {
        let setting = Setting::new();
        setting.authority.cut(Some(cut));
        opened(&setting, &options("old", "kid-1")).await.unwrap_err();
        setting.authority.cut(None);
        opened(&setting, &options("new", "kid-2")).await.unwrap();
        let record = account_of(&setting).record().unwrap().unwrap();
        assert_eq!(record.contacts, ["mailto:new@ca.test"], "{cut:?}");
        assert_eq!(record.eab_kid.as_deref(), Some("kid-2"), "{cut:?}");
        setting.authority.with(|ledger| {
            assert_eq!(ledger.registrations.len(), sent, "{cut:?}");
            assert_eq!(ledger.contacts, serde_json::json!(["mailto:new@ca.test"]), "{cut:?}");
        });
    }
}

#[tokio::test]
async fn new_contacts_for_a_forgotten_account_register_it_again() {
    let setting = Setting::new();
    opened(&setting, &options("old", "kid-1")).await.unwrap();
    setting.authority.forget();
    let account = opened(&setting, &options("new", "kid-2")).await.unwrap();
    account.document().await.unwrap();
    let record = account_of(&setting).record().unwrap().unwrap();
    assert_eq!(
        (record.contacts, record.eab_kid.unwrap()),
        (vec!["mailto:new@ca.test".to_owned()], "kid-2".to_owned())
    );
}

#[tokio::test]
async fn an_account_forgotten_in_the_middle_of_a_rollover_is_registered_again() {
    let setting = Setting::new();
    enrol(&setting).await.unwrap();
    let next = acme::JwsKey::generate().unwrap();
    account_of(&setting).store_next_key(&account::key_pem(&next).unwrap()).unwrap();
    setting.authority.forget();
    let mut account = opened(&setting, &AccountOptions::default()).await.unwrap();
    let (agent, settings) = (setting.agent(), setting.settings());
    let options = AccountOptions::default();
    obtain_and_register(agent, &mut account, &options, &setting.identity(), &settings, None).await.unwrap();
    opened(&setting, &AccountOptions::default()).await.unwrap().document().await.unwrap();
    assert!(account_of(&setting).next_key().unwrap().is_none(), "the rollover is not settled");
}
