//! `renew`: nothing due, forced, due by the clock; deploy hooks; and `status` beside it.

use acme_client::clock::FixedClock;
use acme_client::renew::{Attempt, Options, Why, renew_all};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::setting::{Setting, keys};

fn moment(value: &serde_json::Value) -> OffsetDateTime {
    OffsetDateTime::parse(value.as_str().unwrap(), &Rfc3339).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_due_is_exit_code_3_and_says_when() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    let enrolled = device.enroll("room-1.corp.test", &[]).with(0);
    let pass = device.run(&["renew"]).with(3);
    assert_eq!(pass["result"], "nothing_due");
    let identity = &pass["identities"][0];
    assert_eq!(keys(identity), ["deployment", "identity", "next", "reason", "status"]);
    assert_eq!(
        (&identity["status"], &identity["reason"]),
        (&json!("not_due"), &json!("suggested by the server"))
    );
    let (now, next, end) =
        (OffsetDateTime::now_utc(), moment(&identity["next"]), moment(&enrolled["not_after"]));
    assert!(now < next && next < end, "{identity}");
    let status = device.run(&["status"]).with(0);
    assert_eq!(status["identities"][0]["renewal"]["at"], identity["next"], "status tells another moment");
    assert_eq!(setting.certificates("room-1.corp.test").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_renewal_has_a_new_key_and_tells_the_server_what_it_replaces() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    device.enroll("room-1.corp.test", &[]).with(0);
    let (old_serial, old_key) = device.current("room-1.corp.test");
    let pass = device.run(&["renew", "--force"]).with(0);
    assert_eq!(pass["result"], "renewed");
    let identity = &pass["identities"][0];
    assert_eq!(keys(identity), ["deployment", "generation", "identity", "not_after", "reason", "status"]);
    assert_eq!((&identity["generation"], &identity["reason"]), (&json!(2), &json!("forced")));
    let (serial, key) = device.current("room-1.corp.test");
    assert!(serial != old_serial && key != old_key);
    let known = setting.certificates("room-1.corp.test");
    let leaf = device.identity("room-1.corp.test").path().join("generations/1/cert.pem");
    let old = acme_client::enroll::Leaf::from_pem(&std::fs::read_to_string(leaf).unwrap()).unwrap();
    let replaces = old.id.unwrap();
    let newer = known.iter().find(|row| row["serial"] == serial.as_str()).unwrap();
    assert_eq!(newer["replaces"], replaces.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unattended_pass_renews_on_the_day_the_server_suggests_and_not_before() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    device.enroll("room-1.corp.test", &[]).with(0);
    let next = moment(&device.run(&["renew"]).with(3)["identities"][0]["next"]);
    for (at, due) in [(next - time::Duration::SECOND, false), (next, true)] {
        let library = device.at(FixedClock(at));
        let (_lock, _) = device.state.lock().unwrap();
        let reports = renew_all(library.agent(), &Options::default()).await.unwrap();
        match &reports[0].attempt {
            Attempt::NotDue { at, why: Why::Suggested } => assert!(!due && *at == next),
            Attempt::Renewed { why: Why::Suggested, .. } => assert!(due),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(setting.certificates("room-1.corp.test").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_identities_are_renewed_apart_and_one_that_fails_makes_it_partly_failed() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    device.enroll("room-1.corp.test", &[]).with(0);
    device.enroll("room-2.corp.test", &[]).with(0);
    let file = device.identity("room-2.corp.test").path().join("identity.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("room-2.corp.test", "room-2.elsewhere.test")).unwrap();
    let pass = device.run(&["renew", "--force"]).with(4);
    assert_eq!(pass["result"], "partly_failed");
    assert_eq!(
        (&pass["identities"][0]["status"], &pass["identities"][1]["status"]),
        (&json!("renewed"), &json!("failed"))
    );
    assert!(pass["identities"][1]["error"].as_str().unwrap().contains("room-2.elsewhere.test"), "{pass}");
    let held_back = device.run(&["renew"]);
    assert_eq!(device.run(&["status"]).with(0)["identities"][1]["renewal"]["failures"], 1, "{held_back:?}");
    let pass = device.run(&["renew", "--force", "--name", "room-2.corp.test"]).with(1);
    assert_eq!(pass["result"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_hook_that_fails_is_told_apart_and_run_again_without_another_order() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    let mark = setting.folder.path().join("mark").display().to_string();
    let hook = format!("test -e {mark} && cp $ROLLCALL_FULLCHAIN {mark}.pem");
    let enrolled = device.enroll("room-1.corp.test", &["--deploy-hook", &hook]).with(4);
    assert_eq!((&enrolled["issued"], &enrolled["deployment"]["status"]), (&json!(true), &json!("failed")));
    let pass = device.run(&["renew"]).with(4);
    assert_eq!(pass["identities"][0]["deployment"]["status"], "failed");
    std::fs::write(&mark, "").unwrap();
    let pass = device.run(&["renew"]).with(0);
    assert_eq!(pass["identities"][0]["status"], "not_due");
    assert_eq!(pass["identities"][0]["deployment"], json!({"status": "succeeded"}));
    let fullchain = std::fs::read_to_string(enrolled["fullchain"].as_str().unwrap()).unwrap();
    assert_eq!(std::fs::read_to_string(format!("{mark}.pem")).unwrap(), fullchain);
    assert_eq!(device.run(&["renew"]).with(3)["identities"][0]["deployment"]["status"], "already_done");
    assert_eq!(setting.certificates("room-1.corp.test").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_has_the_same_shape_for_programs_each_time() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    device.enroll("room-1.corp.test", &["--deploy-hook", "true"]).with(0);
    device.run(&["renew"]).with(3);
    let status = device.run(&["status"]).with(0);
    assert_eq!(keys(&status), ["accounts", "identities", "state"]);
    assert_eq!(keys(&status["accounts"][0]), ["contacts", "created", "deactivated", "directory", "url"]);
    let identity = &status["identities"][0];
    assert_eq!(
        keys(identity),
        ["certificate", "deployment", "directory", "identity", "names", "pending", "renewal"]
    );
    assert_eq!(
        keys(&identity["certificate"]),
        ["expired", "generation", "key", "not_after", "not_before", "path", "serial"]
    );
    assert_eq!(keys(&identity["renewal"]), ["at", "due", "failures", "next_attempt", "reason"]);
    assert_eq!(keys(&identity["deployment"]), ["at", "attempts", "generation", "outcome"]);
}
