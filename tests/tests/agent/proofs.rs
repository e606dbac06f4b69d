//! Other ways to prove a name: a hook, `dns-account-01`, a standing `dns-persist-01` record, and a record behind an alias.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use acme_client::acme::key_authorization::{dns_persist_01_name, dns_persist_01_value};

use crate::setting::Setting;

/// A hook that asks for its record in a folder and waits until somebody has seen to it.
const MAILBOX: &str = r#"
file="$MAILBOX/$ROLLCALL_ACTION-$$"
printf '%s\n%s\n%s\n' "$ROLLCALL_ACTION" "$ROLLCALL_RECORD_NAME" "$ROLLCALL_RECORD_VALUE" > "$file.draft"
mv "$file.draft" "$file.wanted"
while [ ! -e "$file.done" ]; do sleep 0.02; done"#;

/// Does what hooks ask for until told to stop; gives what was asked.
fn serve(setting: &Setting, mailbox: &Path, stop: &AtomicBool) -> Vec<String> {
    let mut asked = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        for entry in fs::read_dir(mailbox).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|end| end != "wanted") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let [action, name, value] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
            let at = name.trim_end_matches('.');
            match action {
                "present" => setting.dns.add_txt(at, value),
                "cleanup" => setting.dns.remove_txt(at, value),
                other => panic!("{other}"),
            }
            asked.push(format!("{action} {at}"));
            fs::rename(&path, path.with_extension("done")).unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_of_the_persons_own_publishes_and_removes() {
    let setting = Setting::start().await;
    let mailbox = setting.folder.path().join("mailbox");
    fs::create_dir(&mailbox).unwrap();
    let hook = setting.script("hook", &format!("MAILBOX={}{MAILBOX}", mailbox.display()));
    let stop = AtomicBool::new(false);
    let device = setting.device("device");
    let resolver = setting.dns.address().to_string();
    let asked = std::thread::scope(|scope| {
        let served = scope.spawn(|| serve(&setting, &mailbox, &stop));
        let hook = hook.to_str().unwrap();
        let enrolled = device.enroll_by(
            "room-1.corp.test",
            &["--dns", "hook", "--dns-hook", hook, "--dns-resolver", &resolver],
        );
        stop.store(true, Ordering::Relaxed);
        let asked = served.join().unwrap();
        enrolled.with(0);
        asked
    });
    let record = "_acme-challenge.room-1.corp.test";
    assert_eq!(asked, [format!("present {record}"), format!("cleanup {record}")]);
    assert!(setting.dns.txt(record).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_fails_is_quoted_and_the_order_waits_for_the_next_run() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    let hook = setting.script("hook", "echo the zone is frozen >&2; exit 3");
    let hook = hook.to_str().unwrap();
    let resolver = setting.dns.address().to_string();
    let failed = device
        .enroll_by("room-1.corp.test", &["--dns", "hook", "--dns-hook", hook, "--dns-resolver", &resolver])
        .with(1);
    assert!(failed["error"]["message"].as_str().unwrap().contains("the zone is frozen"), "{failed}");
    let (pending, _) = device.identity("room-1.corp.test").pending().unwrap().unwrap();
    let enrolled = device.enroll("room-1.corp.test", &[]).with(0);
    assert_eq!(enrolled["resumed"], true);
    let order = setting.certificates("room-1.corp.test")[0]["order"].as_str().unwrap().to_owned();
    assert!(pending.order.as_str().ends_with(&order), "{} is not {order}", pending.order);
}

#[tokio::test(flavor = "multi_thread")]
async fn dns_account_01_proves_under_a_label_of_the_account() {
    let setting = Setting::start().await;
    setting.device("device").enroll("room-1.corp.test", &["--challenge", "dns-account-01"]).with(0);
    assert_eq!(setting.certificates("room-1.corp.test")[0]["proofs"], serde_json::json!(["dns-account-01"]));
    assert!(setting.dns.queries().iter().any(|asked| {
        asked.name.starts_with('_') && asked.name.ends_with("._acme-challenge.room-1.corp.test")
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standing_record_proves_a_name_with_nothing_published() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    // The record names the account, so there must be one before.
    device.enroll("room-1.corp.test", &[]).with(0);
    let account = device.run(&["account", "show"]).with(0)["url"].as_str().unwrap().parse().unwrap();
    let value = dns_persist_01_value("localhost", &account, false);
    setting.dns.set_txt(&dns_persist_01_name("room-2.corp.test"), &[&value]);
    let resolver = setting.dns.address().to_string();
    device.enroll_by("room-2.corp.test", &["--dns", "persist", "--dns-resolver", &resolver]).with(0);
    assert_eq!(setting.certificates("room-2.corp.test")[0]["proofs"], serde_json::json!(["dns-persist-01"]));
    assert_eq!(
        setting.dns.txt(&dns_persist_01_name("room-2.corp.test")),
        [value],
        "the standing record was touched"
    );
    device.run(&["renew", "--force", "--name", "room-2.corp.test"]).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_behind_an_alias_is_published_where_the_alias_leads() {
    let setting = Setting::start().await;
    setting.dns.set_cname("_acme-challenge.room-1.corp.test", "room-1.proofs.corp.test");
    setting.device("device").enroll("room-1.corp.test", &[]).with(0);
    assert!(setting.dns.txt("room-1.proofs.corp.test").is_empty(), "the proof was not removed");
}
