//! `ca-server check`: everything that is wrong at once, each with its key and a hint.

use crate::program::{ca_server, init};

const BAD: &str = r#"
listen = "nowhere"
url = "ca.corp.test"
colour = "green"

[store]
url = "postgres://localhost"

[dns]
resolvers = ["127.0.0.1"]
timeout = "soon"
dnssec = "maybe"

[challenge]
offer = ["dns-01", "http-01"]
atempts = 3

[authority.external]
certificate = "missing.pem"
key = "missing.key"
root = "missing.root"
"#;

#[test]
fn a_bad_file_is_told_whole() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("ca.toml");
    std::fs::write(&path, BAD).unwrap();
    let ran = ca_server(&["check", "--config", path.to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!("check-bad", ran.stdout.replace(place.path().to_str().unwrap(), "DIR"));
    for key in
        ["listen", "url", "colour", "dns.timeout", "dns.dnssec", "challenge.offer", "challenge.atempts"]
    {
        assert!(ran.stdout.contains(key), "{key} is not in {}", ran.stdout);
    }
    let hints = ran.stdout.lines().filter(|line| line.trim_start().starts_with("hint: ")).count();
    assert_eq!(hints * 2, ran.stdout.lines().count(), "each problem has its hint: {}", ran.stdout);
    let json = ca_server(&["check", "--json", "--config", path.to_str().unwrap()]);
    let problems: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(problems.as_array().unwrap().len(), hints);
}

#[test]
fn files_that_do_not_fit_together_are_told() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("ca");
    assert_eq!(init(&folder, "https://ca.corp.test:14000", &[]).code, 0);
    let other = place.path().join("other");
    assert_eq!(init(&other, "https://ca.corp.test:14000", &[]).code, 0);
    let key = "authorities/external/intermediate.key.pem";
    std::fs::copy(other.join(key), folder.join(key)).unwrap();
    std::fs::write(folder.join("policy/rules/bad.cedar"), "permit (").unwrap();
    let config = folder.join("ca.toml");
    let ran = ca_server(&["check", "--config", config.to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    for part in ["external", "bad.cedar"] {
        assert!(ran.stdout.contains(part), "{part} is not in {}", ran.stdout);
    }
    let served = ca_server(&["serve", "--config", config.to_str().unwrap()]);
    assert_eq!(served.code, 1, "a server must not start on it: {}", served.stderr);
}

#[test]
fn a_file_that_is_not_there_is_told_with_the_command_that_makes_one() {
    for command in [&["check"][..], &["serve"], &["status"], &["log", "verify"]] {
        let mut arguments = command.to_vec();
        arguments.extend(["--config", "/nowhere/ca.toml"]);
        let ran = ca_server(&arguments);
        let (error, hint) = ran.error();
        assert!(error.contains("/nowhere/ca.toml"), "{command:?}: {error}");
        assert!(hint.contains("ca-server init"), "{command:?}: {hint}");
    }
}

#[test]
fn a_server_that_does_not_run_is_told_with_the_command_that_starts_it() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("ca");
    assert_eq!(init(&folder, "https://ca.corp.test:14000", &[]).code, 0);
    let config = folder.join("ca.toml");
    let ran = ca_server(&["status", "--config", config.to_str().unwrap()]);
    let (_, hint) = ran.error();
    assert!(hint.contains("ca-server serve"), "{hint}");
}
