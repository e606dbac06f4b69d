//! The program as other programs meet it: exit codes, one JSON object on standard output, nothing else there.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use acme_client::state::StateDir;
use serde_json::Value;

fn run(state: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_acme-client"))
        .args(arguments)
        .env("ROLLCALL_STATE", state)
        .env_remove("RUST_LOG")
        .output()
        .unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn an_empty_state_directory_has_nothing_due_and_nothing_to_show() {
    let folder = tempfile::tempdir().unwrap();
    let renewed = run(folder.path(), &["renew", "--json"]);
    assert_eq!(renewed.status.code(), Some(3), "{renewed:?}");
    assert_eq!(json(&renewed), serde_json::json!({"result": "nothing_due", "identities": []}));
    let status = run(folder.path(), &["status", "--json"]);
    assert_eq!(status.status.code(), Some(0));
    assert_eq!(json(&status)["identities"], serde_json::json!([]));
}

#[test]
fn status_does_not_even_create_the_state_directory() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    assert_eq!(run(&absent, &["status"]).status.code(), Some(0));
    assert!(!absent.exists());
}

#[test]
fn a_held_lock_is_an_error_that_names_the_holder() {
    let folder = tempfile::tempdir().unwrap();
    let (_lock, _) = StateDir::at(folder.path()).lock().unwrap();
    let output = run(folder.path(), &["renew"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.starts_with("error: state directory") && stderr.contains(&std::process::id().to_string()),
        "{stderr}"
    );
    assert!(stderr.contains("\nhint: "), "{stderr}");
    assert!(output.stdout.is_empty());
}

#[test]
fn errors_are_objects_too() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["revoke", "--name", "room-1.example.com", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let error = &json(&output)["error"];
    assert!(error["message"].as_str().unwrap().contains("room-1.example.com"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("acme-client status"), "{error}");
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), &["enrol"]).status.code(), Some(2));
}

#[test]
fn a_server_that_is_not_there_is_said_to_be_so_and_leaves_no_identity() {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ca = format!("ftp://127.0.0.1:{port}");
    let arguments = ["enroll", "device", "--ca", &ca, "--name", "a.test", "--json"];
    let output = run(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(json(&output)["error"]["message"].as_str().unwrap().contains("ftp"), "{output:?}");
    assert!(!folder.path().join("identities").exists());
}

#[test]
fn inspect_shows_a_certificate_file_and_refuses_another() {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let parameters = rcgen::CertificateParams::new(vec!["room-1.example.com".to_owned()]).unwrap();
    let file = folder.path().join("cert.pem");
    fs::write(&file, parameters.self_signed(&key).unwrap().pem()).unwrap();
    let output = run(folder.path(), &["inspect", file.to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let found = &json(&output)["found"][0];
    assert!(found["names"][0].as_str().unwrap().contains("room-1.example.com"), "{found}");
    fs::write(&file, "nothing").unwrap();
    let output = run(folder.path(), &["inspect", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
}
