//! `account show|rollover|deactivate`: what the server knows of the account afterwards, and a rollover that was cut off.

use std::sync::Arc;

use acme_client::enroll::{known_account, rollover};

use crate::setting::{Device, Setting, keys};
use crate::unkind::{Fault, Hurried, Unkind};

/// The thumbprint that the server knows the device's account by.
fn thumbprint_at_server(device: &Device<'_>) -> String {
    let url = device.run(&["account", "show"]).with(0)["url"].as_str().unwrap().to_owned();
    let id = url.rsplit('/').next().unwrap();
    device.setting.ask(&["accounts", "show", id])["thumbprint"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_is_shown_as_the_server_knows_it() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    device.enroll("room-1.corp.test", &["--contact", "ops@corp.test"]).with(0);
    let shown = device.run(&["account", "show"]).with(0);
    assert_eq!(
        keys(&shown),
        ["contacts", "created", "directory", "eab_kid", "key_changed", "key_thumbprint", "status", "url"]
    );
    assert_eq!(shown["status"], "valid");
    assert_eq!(shown["contacts"], serde_json::json!(["mailto:ops@corp.test"]));
    assert_eq!(shown["key_thumbprint"], thumbprint_at_server(&device));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_rollover_the_new_key_renews_and_the_old_one_is_unknown() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    device.enroll("room-1.corp.test", &[]).with(0);
    let before = thumbprint_at_server(&device);
    let changed = device.run(&["account", "rollover"]).with(0);
    assert_eq!(changed["key_changed"], true);
    assert_ne!(changed["key_thumbprint"], before);
    assert_eq!(changed["key_thumbprint"], thumbprint_at_server(&device));
    device.run(&["renew", "--force"]).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollover_cut_off_at_any_request_is_settled_by_the_next_command() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    device.enroll("room-1.corp.test", &[]).with(0);
    let (mut kept, mut changed) = (0, 0);
    for number in 0.. {
        let mut cut = 0;
        for fault in [Fault::Lost, Fault::AnswerLost] {
            let before = thumbprint_at_server(&device);
            let unkind = Arc::new(Unkind::new(setting.transport(), [(number, fault)]).and_then_nothing());
            let library = device.over(unkind.clone(), Arc::new(Hurried::default()));
            let ended = {
                let (_lock, _) = device.state.lock().unwrap();
                let directory = device.identity("room-1.corp.test").settings().unwrap().directory;
                match library.connector.connect(&library.state, &directory).await {
                    Ok(client) => match known_account(library.agent(), &client).await {
                        Ok(account) => rollover(library.agent(), &account).await.map(drop),
                        Err(error) => Err(error),
                    },
                    Err(error) => Err(error),
                }
            };
            cut += u32::from(ended.is_err());
            // The program settles it, with whichever key the server knows, and the account goes on working.
            let after = device.run(&["account", "show"]).with(0);
            assert_eq!(
                after["key_thumbprint"],
                thumbprint_at_server(&device),
                "cut at request {number} ({fault:?})"
            );
            if after["key_thumbprint"] == before {
                kept += 1
            } else {
                changed += 1
            }
            let folder = device.state.accounts().unwrap().remove(0);
            assert!(folder.next_key().unwrap().is_none(), "a key was left over");
        }
        if cut == 0 {
            break;
        }
    }
    assert!(
        kept >= 2 && changed >= 2,
        "the cuts must fall before and after the change: {kept} and {changed}"
    );
    device.run(&["renew", "--force"]).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_account_renews_no_more_and_enrolling_makes_a_new_one() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    let first = device.enroll("room-1.corp.test", &[]).with(0);
    assert_eq!(device.run(&["account", "deactivate"]).with(0)["status"], "deactivated");
    let id = first["account"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    assert_eq!(setting.ask(&["accounts", "show", &id])["status"], "deactivated");
    let pass = device.run(&["renew", "--force"]).with(1);
    assert!(pass["identities"][0]["hint"].as_str().unwrap().contains("enrol again"), "{pass}");
    let again = device.enroll("room-1.corp.test", &["--force"]).with(0);
    assert_ne!(again["account"], first["account"]);
    device.run(&["renew", "--force"]).with(0);
}
