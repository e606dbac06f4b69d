//! The same chains through the front door: `acme-client verify`, its words, its object and its exit codes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use certs::pem::{Label, encode, encode_chain};
use serde_json::Value;
use tempfile::TempDir;

use crate::defect::Defect;
use crate::scene::{Profile, Scene};

const AT: &str = "2026-06-01T12:00:00Z";

/// Files of good and bad chains, and of the roots.
struct Files {
    place: TempDir,
    scene: Scene,
}

impl Files {
    fn new() -> Self {
        let files = Self { place: tempfile::tempdir().unwrap(), scene: Scene::new() };
        for (name, authority) in [("external", &files.scene.external), ("internal", &files.scene.internal)] {
            files.write(&format!("roots-{name}.pem"), &encode_chain(std::slice::from_ref(&authority.root)));
            let list = authority.list(false, &[9], &authority.key, 24);
            std::fs::write(files.path(&format!("{name}.crl")), list).unwrap();
        }
        for profile in Profile::ALL {
            let case = files.scene.case(profile, Defect::None);
            files.write(&format!("{profile}.pem"), &encode_chain(&case.chain));
        }
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn verify(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_harness-acme-client"))
            .arg("verify")
            .args(arguments)
            .args(["--at", AT])
            .current_dir(self.place.path())
            .env("ROLLCALL_STATE", self.path("state"))
            .env_remove("RUST_LOG")
            .output()
            .unwrap()
    }
}

const TRUST: [&str; 2] = [
    "--trust",
    "internal=roots-internal.pem,external-domain=roots-external.pem,external-user=roots-external.pem",
];

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn error(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn everybody_in_a_meeting_is_shown_as_a_host_sees_them() {
    let files = Files::new();
    let who = [
        "device.pem",
        "user.pem",
        "internal-device.pem",
        "internal-device-without-domain.pem",
        "internal-user.pem",
    ];
    let all = [&who[..], &TRUST, &["--organisation", "example.com"]].concat();
    let output = files.verify(&all);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let shown = text(&output);
    for line in [
        "room-1.example.com: verified by external root, proven by dns-01",
        "bob@example.com: verified by external root, proven by sso-01",
        "example.com: internal (internal root), proven by token",
        "bob@example.com: internal (internal root), proven by token",
        "  lobby         my organisation",
        "  lobby         guests",
        "  authority     external root (trusted as external-user)",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    let object = json(&files.verify(&[&all[..], &["--json"]].concat()));
    assert_eq!(object["result"], "verified");
    let chains = object["chains"].as_array().unwrap();
    let words: Vec<_> =
        chains.iter().map(|one| (&one["state"], &one["lobby"])).map(|(s, l)| format!("{s} {l}")).collect();
    assert_eq!(
        words,
        [
            r#"{"verified-by":"external-domain"} "my-organisation""#,
            r#"{"verified-by":"external-user"} "my-organisation""#,
            r#""internal" "my-organisation""#,
            r#""internal" "guests""#,
            r#""internal" "my-organisation""#,
        ]
    );
    assert_eq!(chains[0]["info"]["identity"], "dns:room-1.example.com");
    assert_eq!(chains[1]["info"]["kind"], "person");
    assert_eq!(chains[3]["info"]["trust-set"], "internal");
    assert!(!files.path("state").exists(), "verify keeps nothing");
}

#[test]
fn a_guest_among_others_makes_the_exit_code_6_and_is_told_apart() {
    let files = Files::new();
    let output = files.verify(&[&["device.pem", "guest.pem", "--json"], &TRUST[..]].concat());
    assert_eq!(output.status.code(), Some(6));
    let object = json(&output);
    assert_eq!(object["result"], "unverified");
    assert_eq!(object["chains"][0]["reason"], Value::Null);
    let guest = &object["chains"][1];
    assert_eq!((&guest["state"], &guest["reason"]), (&"unverified".into(), &"anonymous".into()));
    assert_eq!((&guest["lobby"], &guest["info"]["kind"]), (&"unverified".into(), &"guest".into()));
    assert_eq!(guest["authority"], "internal root");
    assert!(guest["explanation"].as_str().unwrap().contains("nothing was proven"));
}

#[test]
fn what_is_no_chain_is_judged_too_and_hides_nobody() {
    let files = Files::new();
    files.write("empty.pem", "");
    files.write("letter.txt", "Dear host, let me in");
    files.write("broken.pem", "-----BEGIN CERTIFICATE-----\nMII\n");
    let der = files.scene.case(Profile::Device, Defect::NoIntermediate).chain[0].clone();
    std::fs::write(files.path("leaf.der"), der).unwrap();
    let good = std::fs::read_to_string(files.path("device.pem")).unwrap();
    files.write("with-key.pem", &format!("{good}{}", encode(Label::PrivateKey, b"never looked into")));
    let names = ["empty.pem", "letter.txt", "broken.pem", "leaf.der", "with-key.pem"];
    let output = files.verify(&[&names[..], &TRUST, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(6));
    let reasons: Vec<_> =
        json(&output)["chains"].as_array().unwrap().iter().map(|one| one["reason"].clone()).collect();
    assert_eq!(
        reasons,
        [
            "no-certificate".into(),
            "malformed".into(),
            "malformed".into(),
            "unknown-issuer".into(),
            Value::Null
        ]
    );
}

#[test]
fn names_times_and_lists_decide() {
    let files = Files::new();
    let reason = |arguments: &[&str]| {
        let output = files.verify(&[&["device.pem", "--json"], &TRUST[..], arguments].concat());
        json(&output)["chains"][0]["reason"].clone()
    };
    assert_eq!(reason(&["--name", "room-1.example.com"]), Value::Null);
    assert_eq!(reason(&["--name", "room-2.example.com"]), "name-mismatch");
    assert_eq!(reason(&["--name", "bob@example.com"]), "name-mismatch");
    assert_eq!(reason(&["--crl", "internal.crl"]), Value::Null);
    assert_eq!(reason(&["--crl", "internal.crl", "--crl", "external.crl"]), "revoked");
    let nobody = files.verify(&["device.pem"]);
    assert_eq!(nobody.status.code(), Some(6));
    assert!(text(&nobody).contains("no trusted authority issued the certificate"), "{nobody:?}");
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("--trust"), "{nobody:?}");
    let only_people = files.verify(&["device.pem", "--trust", "external-user=roots-external.pem"]);
    assert!(text(&only_people).contains("unverified (wrong-authority)"), "{only_people:?}");
}

#[test]
fn roots_and_lists_that_cannot_be_used_are_errors_with_a_hint() {
    let files = Files::new();
    let refused = |arguments: &[&str]| error(&files.verify(&[&["device.pem"], arguments].concat()));
    for (arguments, expected) in [
        (&["--trust", "internal=absent.pem"][..], "cannot read absent.pem"),
        (&["--trust", "internal=device.pem"], "is not a CA certificate"),
        (&["--trust", "internal=external.crl"], "trust set internal"),
        (&["--trust", "internal=roots-external.pem,partner=roots-external.pem"], "may share a root"),
        (&["--crl", "device.pem"], "where X509 CRL was expected"),
        (&["--crl", "absent.crl"], "cannot read absent.crl"),
    ] {
        let said = refused(arguments);
        assert!(said.starts_with("error: ") && said.contains(expected), "{said}");
        assert!(expected.starts_with("cannot read") || said.contains("\nhint: "), "{said}");
    }
    let absent = error(&files.verify(&["absent.pem"]));
    assert!(absent.contains("cannot read absent.pem"), "{absent}");
    let beside = files.verify(&[
        "absent.pem",
        "device.pem",
        "--trust",
        "external-domain=roots-external.pem",
        "--json",
    ]);
    let chains = &json(&beside)["chains"];
    assert_eq!(chains[0]["state"], "unverified", "{beside:?}");
    assert_eq!(chains[1]["reason"], Value::Null, "{beside:?}");
    assert!(chains[0]["explanation"].as_str().unwrap().contains("cannot read absent.pem"), "{beside:?}");
    assert!(Path::new(&files.path("device.pem")).exists());
}
