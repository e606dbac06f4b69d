//! `acme-client --dns rfc2136` against BIND 9 with TSIG: a name, a wildcard with its base name, renewal, and what BIND's refusals are turned into.

use std::process::Command;

use rollcall_tests::foreign::bind::KEY_NAME;
use serde_json::Value;

use crate::setting::Setting;

/// Runs `acme-client … --json`; gives exit code and JSON.
fn client(setting: &Setting, arguments: &[&str]) -> (Option<i32>, Value) {
    run(setting, &mut Command::new(env!("CARGO_BIN_EXE_harness-acme-client")), arguments)
}

fn run(setting: &Setting, program: &mut Command, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = program
        .args(arguments)
        .args(["--json", "--quiet", "--state"])
        .arg(setting.folder.path().join("state"))
        .output()
        .unwrap();
    let json = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}{}", String::from_utf8_lossy(&output.stderr), setting.bind.log()));
    (output.status.code(), json)
}

fn enroll(setting: &Setting, key_file: &str, names: &[&str]) -> (Option<i32>, Value) {
    let root = setting.server.root("external").display().to_string();
    // The port is 53, so the server's address alone will do; and BIND itself is asked whether a record is served.
    let bind = setting.bind.address.ip().to_string();
    let mut arguments = vec!["enroll", "device", "--ca", &setting.server.url, "--root", &root];
    arguments.extend([
        "--dns",
        "rfc2136",
        "--dns-server",
        &bind,
        "--dns-resolver",
        &bind,
        "--dns-key-file",
        key_file,
    ]);
    arguments.extend(names.iter().flat_map(|name| ["--name", name]));
    client(setting, &arguments)
}

#[test]
fn a_name_and_a_wildcard_are_proven_through_bind_with_a_signed_update() {
    let Some(setting) = Setting::start() else { return };
    let key = setting.bind.key_file().unwrap().display().to_string();
    let (code, enrolled) = enroll(&setting, &key, &["room-4.corp.test"]);
    assert_eq!(code, Some(0), "{enrolled}\n{}", setting.bind.log());
    let (code, enrolled) = enroll(&setting, &key, &["*.rooms.corp.test", "rooms.corp.test"]);
    assert_eq!(code, Some(0), "{enrolled}\n{}", setting.bind.log());
    assert_eq!(enrolled["names"], serde_json::json!(["*.rooms.corp.test", "rooms.corp.test"]));
    let (code, pass) = client(&setting, &["renew", "--force"]);
    assert_eq!(code, Some(0), "{pass}");
    assert_eq!(setting.statuses("room-4.corp.test"), ["issued", "issued"]);
    let log = setting.bind.log();
    assert!(log.contains("adding an RR") && log.contains("deleting an RR"), "{log}");
    assert!(!log.contains("deleting rrset"), "a whole record set was deleted: {log}");
}

#[test]
fn without_a_resolver_of_its_own_the_client_finds_the_zone_and_asks_its_servers() {
    let Some(setting) = Setting::start() else { return };
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_harness-acme-client"));
    let (root, key) = (setting.server.root("external"), setting.bind.key_file().unwrap());
    let bind = setting.bind.address.ip().to_string();
    let enroll = ["enroll", "device", "--ca", &setting.server.url, "--root", root.to_str().unwrap()];
    let update = ["--dns", "rfc2136", "--dns-server", &bind, "--dns-key-file", key.to_str().unwrap()];
    // The last one's challenge is an alias.
    for name in ["room-5.corp.test", "*.floor.corp.test", "alias.corp.test"] {
        let Some(mut program) = setting.bind.resolving(program).unwrap() else { return };
        let arguments = [enroll.as_slice(), &update, &["--name", name]].concat();
        let (code, enrolled) = run(&setting, &mut program, &arguments);
        assert_eq!(code, Some(0), "{enrolled}\n{}", setting.bind.log());
        assert_eq!(setting.statuses(name), ["issued"]);
    }
    assert!(setting.bind.texts("proofs.corp.test.").unwrap().is_empty(), "the proof was not removed");
    let log = setting.bind.log();
    assert!(log.contains("adding an RR at 'proofs.corp.test' TXT"), "{log}");
}

#[test]
fn a_wrong_secret_is_said_to_be_one_and_nothing_is_left_behind() {
    let Some(setting) = Setting::start() else { return };
    let wrong = setting.folder.path().join("wrong.key");
    std::fs::write(
        &wrong,
        format!("{KEY_NAME}:hmac-sha256:{}\n", "d3Jvbmcgc2VjcmV0IHdyb25nIHNlY3JldCB3cm9uZw=="),
    )
    .unwrap();
    let (code, refused) = enroll(&setting, wrong.to_str().unwrap(), &["room-4.corp.test"]);
    assert_eq!(code, Some(1));
    assert!(refused["error"]["hint"].as_str().unwrap().contains("the secret differs"), "{refused}");
    assert_eq!(setting.statuses("room-4.corp.test"), Vec::<String>::new());
}

#[test]
fn a_key_that_bind_does_not_know_is_said_to_be_one() {
    let Some(setting) = Setting::start() else { return };
    let other = setting.folder.path().join("other.key");
    std::fs::write(&other, format!("nobody:hmac-sha256:{}\n", setting.bind.secret)).unwrap();
    let (code, refused) = enroll(&setting, other.to_str().unwrap(), &["room-4.corp.test"]);
    assert_eq!(code, Some(1));
    assert!(refused["error"]["hint"].as_str().unwrap().contains("no key of that name"), "{refused}");
}
