//! Python's jwcrypto opens what we seal for room devices, and we open what it seals: every action, both encryptions.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use device_jwe::{Action, Blob, Encryption, Fresh, OpenError, Secret};
use rollcall_tests::foreign::skip;
use serde_json::{Value, json};

/// The python that has jwcrypto, as `.ci/run` makes it.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("ROLLCALL_JWCRYPTO").map(PathBuf::from).filter(|path| path.is_file());
    if named.is_none() {
        skip("python with jwcrypto (ROLLCALL_JWCRYPTO)");
    }
    named
}

fn ask(python: &PathBuf, task: &Value) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/foreign/jwcrypto/peer.py");
    let mut process =
        Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(task.to_string().as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn payload(action: Action) -> Vec<u8> {
    match action {
        Action::Add => "-----BEGIN CERTIFICATE-----\n".repeat(150).into_bytes(),
        Action::Populate => Vec::new(),
        Action::Activate | Action::Deactivate => b"ce4eb947ce4eb947ce4eb947ce4eb947ce4eb947".to_vec(),
    }
}

fn secret() -> Secret {
    Secret::generate().unwrap_or_else(|problem| panic!("{problem}"))
}

#[test]
fn jwcrypto_opens_what_we_seal_and_refuses_it_under_another_secret() {
    let Some(python) = python() else { return };
    let (own, other) = (secret(), secret());
    for encryption in Encryption::ALL {
        for action in Action::ALL {
            let blob =
                Blob::seal(&own, action, &payload(action), encryption, Fresh::draw().unwrap()).unwrap();
            let open = |secret: &Secret| {
                let secret = secret.to_text();
                ask(&python, &json!({ "do": "open", "secret": secret.as_str(), "blob": blob.to_string() }))
            };
            let expected =
                json!({ "action": action.name(), "payload": URL_SAFE_NO_PAD.encode(payload(action)) });
            assert_eq!(open(&own), expected, "{action} {encryption}");
            assert!(open(&other)["error"].is_string(), "{action} {encryption}");
        }
    }
}

#[test]
fn we_open_what_jwcrypto_seals_for_that_action_and_under_that_secret_only() {
    let Some(python) = python() else { return };
    let (own, other) = (secret(), secret());
    for encryption in Encryption::ALL {
        for action in Action::ALL {
            let task = json!({
                "do": "seal",
                "secret": own.to_text().as_str(),
                "action": action.name(),
                "enc": encryption.name(),
                "payload": URL_SAFE_NO_PAD.encode(payload(action)),
            });
            let answer = ask(&python, &task);
            let blob = Blob::parse(answer["blob"].as_str().unwrap_or_else(|| panic!("{answer}"))).unwrap();
            assert_eq!(blob.encryption(), encryption);
            assert_eq!(*blob.open(&own, action).unwrap(), payload(action));
            assert_eq!(blob.open(&other, action).unwrap_err(), OpenError::Unauthentic);
        }
    }
}
