//! External account binding (RFC 8555 §7.3.4): demanded, given, spent, and tied to a domain.

use serde_json::Value;

use crate::setting::{Setting, keys};

fn binding_demanded(config: String) -> String {
    config.replace("#external_account_binding = \"optional\"", "external_account_binding = \"required\"")
}

fn key_file(setting: &Setting, made: &Value) -> String {
    let path = setting.folder.path().join("eab.key");
    std::fs::write(&path, made["secret"].as_str().unwrap()).unwrap();
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_holds_a_key_of_the_operator_may_register_where_that_is_demanded() {
    let setting = Setting::start_with(binding_demanded).await;
    let refused = setting.device("stranger").enroll("room-1.corp.test", &[]).with(1);
    assert_eq!(keys(&refused["error"]), ["hint", "message"]);
    let made = setting.ask(&["eab", "create"]);
    let (kid, file) = (made["kid"].as_str().unwrap(), key_file(&setting, &made));
    let device = setting.device("device");
    device.enroll("room-1.corp.test", &["--eab-kid", kid, "--eab-key-file", &file]).with(0);
    assert_eq!(device.run(&["account", "show"]).with(0)["eab_kid"], kid);
    device.run(&["renew", "--force"]).with(0);
    // A key binds one account.
    let again =
        setting.device("copy").enroll("room-2.corp.test", &["--eab-kid", kid, "--eab-key-file", &file]);
    assert_eq!(again.code, Some(1), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_refused() {
    let setting = Setting::start_with(binding_demanded).await;
    let made = setting.ask(&["eab", "create"]);
    let other = setting.ask(&["eab", "create"]);
    let file = key_file(&setting, &other);
    let kid = made["kid"].as_str().unwrap();
    setting.device("device").enroll("room-1.corp.test", &["--eab-kid", kid, "--eab-key-file", &file]).with(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_tied_to_a_domain_certifies_nothing_outside_it() {
    let setting = Setting::start_with(binding_demanded).await;
    let made = setting.ask(&["eab", "create", "--domain", "halls.corp.test"]);
    let (kid, file) = (made["kid"].as_str().unwrap(), key_file(&setting, &made));
    let device = setting.device("device");
    let binding = ["--eab-kid", kid, "--eab-key-file", file.as_str()];
    device.enroll("a.halls.corp.test", &binding).with(0);
    device.enroll("room-1.corp.test", &binding).with(1);
    assert!(setting.certificates("room-1.corp.test").is_empty());
}
