//! People, devices and guests at an internal authority in memory.

use std::path::PathBuf;

use time::Duration;

use super::*;
use crate::{
    internal::internal_url,
    pretend::Setting,
    renew::{Attempt, Why, renew_identity},
};

fn settings(credential: Credential) -> IdentitySettings {
    IdentitySettings {
        subject: crate::state::Subject::Internal(credential),
        directory: internal_url("https://ca.test").unwrap(),
        profile: None,
        ..Setting::new().settings()
    }
}

/// A person's identity, with a token file beside the state directory.
fn person(setting: &Setting) -> (PathBuf, IdentitySettings) {
    let file = setting.state.path().with_file_name("token");
    let settings = settings(Credential::TokenFile(file.clone()));
    setting.identity().store_settings(&settings).unwrap();
    (file, settings)
}

async fn device(setting: &Setting) -> IdentitySettings {
    setting.authority.with(|ledger| ledger.internal.codes.push("ABCD-EFGH-JKMN"));
    let settings = settings(Credential::MachineAccount);
    let (agent, identity) = (setting.agent(), setting.identity());
    identity.store_settings(&settings).unwrap();
    let authority = internal_authority(agent, &settings).unwrap();
    activate(agent, &authority, &identity, " ABCD-EFGH-JKMN\n").await.unwrap();
    settings
}

async fn pass(setting: &Setting, force: bool) -> Attempt {
    renew_identity(setting.agent(), &setting.identity(), force).await.attempt
}

#[tokio::test]
async fn a_persons_token_is_read_anew_at_each_renewal_and_each_certificate_has_its_own_key() {
    let setting = Setting::new();
    let (file, _) = person(&setting);
    setting.authority.with(|ledger| ledger.internal.access_tokens = vec!["eyJ.one.x", "eyJ.two.x"]);
    std::fs::write(&file, "eyJ.one.x\n").unwrap();
    assert!(matches!(pass(&setting, false).await, Attempt::Renewed { why: Why::Missing, .. }));
    assert!(matches!(pass(&setting, false).await, Attempt::NotDue { .. }));
    setting.authority.with(|ledger| ledger.internal.access_tokens = vec!["eyJ.two.x"]);
    setting.authority.wait(Duration::days(6));
    let Attempt::Failed { error, next: Some(_) } = pass(&setting, false).await else {
        panic!("an old token is refused")
    };
    assert!(error.to_string().contains("refuses (401 Unauthorized): the token is not known"), "{error}");
    std::fs::write(&file, "eyJ.two.x").unwrap();
    assert!(matches!(pass(&setting, true).await, Attempt::Renewed { .. }));
    let current = setting.identity().current().unwrap().unwrap();
    assert_eq!(current.generation.number(), 2);
    assert!(current.chain.contains("BEGIN CERTIFICATE"), "the chain is kept as well");
    setting.authority.with(|ledger| {
        let certified = &ledger.internal.certified;
        assert_eq!(certified.len(), 2);
        assert_ne!(certified[0], certified[1]);
    });
}

#[tokio::test]
async fn a_device_keeps_its_key_and_refreshes_its_token_after_half_of_its_life() {
    let setting = Setting::new();
    device(&setting).await;
    assert!(matches!(pass(&setting, false).await, Attempt::Renewed { .. }));
    let tokens = || setting.authority.with(|ledger| ledger.internal.tokens.len());
    setting.authority.wait(Duration::days(6));
    assert!(matches!(pass(&setting, false).await, Attempt::Renewed { why: Why::Lifetime, .. }));
    assert_eq!(tokens(), 1, "the token is young");
    setting.authority.wait(Duration::days(10));
    assert!(matches!(pass(&setting, false).await, Attempt::Renewed { why: Why::Expired, .. }));
    assert_eq!(tokens(), 2, "half of thirty days is over");
    let (record, key) = setting.identity().machine().unwrap().unwrap();
    assert_eq!(record.token.expose(), "opaque-1");
    assert_eq!(setting.identity().current().unwrap().unwrap().key, key);
    setting.authority.with(|ledger| {
        assert!(ledger.internal.certified.iter().all(|one| *one == ledger.internal.device_key));
    });
}

#[tokio::test]
async fn a_code_that_is_refused_costs_nothing_and_a_good_one_replaces_the_key() {
    let setting = Setting::new();
    let settings = device(&setting).await;
    let (agent, identity) = (setting.agent(), setting.identity());
    let authority = internal_authority(agent, &settings).unwrap();
    let before = identity.machine().unwrap().unwrap();
    let refused = activate(agent, &authority, &identity, "ABCD-EFGH-JKMN").await.unwrap_err();
    assert!(refused.to_string().contains("the activation code is not known"), "{refused}");
    let after = identity.machine().unwrap().unwrap();
    assert_eq!((&before.1, &before.0.token), (&after.1, &after.0.token));
    setting.authority.with(|ledger| ledger.internal.codes.push("NEXT-NEXT-NEXT"));
    activate(agent, &authority, &identity, "NEXT-NEXT-NEXT").await.unwrap();
    let replaced = identity.machine().unwrap().unwrap();
    assert!(replaced.1 != before.1 && replaced.0.token != before.0.token);
}

#[tokio::test]
async fn a_guest_gets_a_new_id_each_time() {
    let setting = Setting::new();
    setting.identity().store_settings(&settings(Credential::Guest)).unwrap();
    assert!(matches!(pass(&setting, false).await, Attempt::Renewed { .. }));
    assert!(matches!(pass(&setting, true).await, Attempt::Renewed { .. }));
    setting.authority.with(|ledger| assert_eq!(ledger.internal.tokens.len(), 2));
}

#[tokio::test]
async fn refusals_are_waited_out_as_long_as_the_server_says_and_leave_the_present_certificate() {
    let setting = Setting::new();
    device(&setting).await;
    assert!(matches!(pass(&setting, false).await, Attempt::Renewed { .. }));
    setting.authority.wait(Duration::days(6));
    setting.authority.with(|ledger| ledger.internal.refuse = Some((429, 7200)));
    let now = setting.agent().clock.now();
    let Attempt::Failed { next: Some(next), .. } = pass(&setting, false).await else {
        panic!("it is refused")
    };
    assert!(next - now >= Duration::hours(2), "{next}");
    assert!(matches!(pass(&setting, false).await, Attempt::HeldBack { .. }));
    assert_eq!(setting.identity().current_generation().unwrap().unwrap().number(), 1);
}

#[tokio::test]
async fn without_an_activation_nothing_is_asked() {
    let setting = Setting::new();
    setting.identity().store_settings(&settings(Credential::MachineAccount)).unwrap();
    let Attempt::Failed { error, .. } = pass(&setting, false).await else { panic!("there is no account") };
    assert_eq!(error.to_string(), "no device is activated here");
    setting.authority.with(|ledger| assert!(ledger.asked.is_empty()));
}
