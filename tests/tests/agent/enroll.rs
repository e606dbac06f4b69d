//! `enroll device`: what it leaves on disk, what it prints, and what it refuses.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use certs::chain::TrustSets;
use certs::identifier::Identifier;
use certs::verdict::{State, verdict};
use time::OffsetDateTime;

use crate::setting::{Setting, ZONE, keys};

#[tokio::test(flavor = "multi_thread")]
async fn a_device_enrols_and_a_relying_party_believes_what_it_holds() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    let enrolled = device.enroll("room-1.corp.test", &["--contact", "ops@corp.test"]).with(0);
    assert_eq!(
        keys(&enrolled),
        [
            "account",
            "certificate",
            "chain",
            "deployment",
            "directory",
            "fullchain",
            "generation",
            "identity",
            "issued",
            "key",
            "names",
            "not_after",
            "not_before",
            "profile",
            "resumed",
            "serial",
        ]
    );
    assert_eq!((enrolled["issued"].as_bool(), enrolled["resumed"].as_bool()), (Some(true), Some(false)));
    assert_eq!(enrolled["names"], serde_json::json!(["room-1.corp.test"]));
    let file = |key: &str| enrolled[key].as_str().unwrap().to_owned();
    let mut trust = TrustSets::new();
    trust.insert_pem("external".parse().unwrap(), &setting.root_pem()).unwrap();
    let chain = certs::pem::parse_certificates(&fs::read_to_string(file("fullchain")).unwrap()).unwrap();
    let expected = Identifier::from_parts("dns", "room-1.corp.test").unwrap();
    let judged = verdict(&chain, &trust, Some(&expected), &[], OffsetDateTime::now_utc());
    assert!(matches!(judged.state, State::VerifiedBy(_)), "{judged}");
    assert!(judged.to_string().ends_with("proven by dns-01"), "{judged}");
    for key in ["certificate", "chain", "fullchain", "key"] {
        let mode = fs::metadata(file(key)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
    let known = setting.certificates("room-1.corp.test");
    assert_eq!(known.len(), 1);
    assert_eq!(known[0]["status"], "issued");
    assert_eq!(
        setting.dns.txt("_acme-challenge.room-1.corp.test"),
        Vec::<String>::new(),
        "the proof was not removed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn enrolling_again_issues_nothing_and_force_issues_another() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    let first = device.enroll("room-1.corp.test", &[]).with(0);
    let again = device.enroll("room-1.corp.test", &[]).with(0);
    assert_eq!((again["issued"].as_bool(), &again["serial"]), (Some(false), &first["serial"]));
    let forced = device.enroll("room-1.corp.test", &["--force"]).with(0);
    assert_eq!(forced["generation"], 2);
    assert_ne!(forced["serial"], first["serial"]);
    assert_eq!(setting.certificates("room-1.corp.test").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wildcard_and_its_base_name_are_proven_side_by_side() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    let enrolled = device.enroll("halls.corp.test", &["--name", "*.halls.corp.test"]).with(0);
    assert_eq!(enrolled["names"], serde_json::json!(["*.halls.corp.test", "halls.corp.test"]));
    assert_eq!(setting.dns.txt("_acme-challenge.halls.corp.test"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_asked_for_by_name_and_an_unknown_one_is_refused() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    let enrolled = device.enroll("room-1.corp.test", &["--profile", "device"]).with(0);
    assert_eq!(enrolled["profile"], "device");
    assert_eq!(setting.certificates("room-1.corp.test")[0]["profile"], "device");
    let refused = device.enroll("room-2.corp.test", &["--profile", "nonsense"]).with(1);
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("nonsense") || message.contains("profile"), "{message}");
    assert!(device.state.find_identity("room-2.corp.test").is_err(), "an identity was left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_outside_the_policy_is_refused_with_a_hint_and_leaves_nothing() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    let refused = device.enroll("room-1.elsewhere.test", &[]).with(1);
    assert_eq!(keys(&refused["error"]), ["hint", "message"]);
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("room-1.elsewhere.test"), "{message}");
    assert!(device.state.find_identity("room-1.elsewhere.test").is_err());
    assert!(setting.certificates("room-1.elsewhere.test").is_empty());
    assert!(!ZONE.contains("elsewhere"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_under_another_root_is_not_spoken_to() {
    let (setting, other) = (Setting::start().await, Setting::start().await);
    let device = setting.device("device");
    let root = other.server.root("external").display().to_string();
    let arguments =
        ["enroll", "device", "--ca", &setting.server.url, "--root", &root, "--name", "room-1.corp.test"];
    let refused = device.run(&arguments).with(1);
    assert!(refused["error"]["hint"].as_str().unwrap().contains("--root"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_root_does_not_take_the_place_of_the_one_that_renewals_need() {
    let (setting, other) = (Setting::start().await, Setting::start().await);
    let device = setting.device("device");
    device.enroll("room-1.corp.test", &[]).with(0);
    let root = other.server.root("external").display().to_string();
    let arguments =
        ["enroll", "device", "--ca", &setting.server.url, "--root", &root, "--name", "room-2.corp.test"];
    device.run(&arguments).with(1);
    device.run(&["renew", "--force"]).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_sentences_on_standard_output_and_steps_on_standard_error() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    device.enroll("room-1.corp.test", &[]).with(0);
    let mut command = device.command(&["status"]);
    // The last word counts, so a fresh command without `--json`.
    let state = command.get_args().last().unwrap().to_owned();
    command = std::process::Command::new(command.get_program());
    let output = command.args(["renew", "--force", "--state"]).arg(state).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(
        stdout.starts_with("room-1.corp.test: renewed until ") && stdout.lines().count() == 1,
        "{stdout}"
    );
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("renewing room-1.corp.test (forced)"), "{stderr}");
}
