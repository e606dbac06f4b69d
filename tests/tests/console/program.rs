//! The console of a server that runs as its own process: `ca-server console`, and a configuration that would open it to the world.

use std::fs;
use std::path::Path;
use std::process::Command;

use rollcall_tests::dns::FakeDns;
use rollcall_tests::load::process::Server;
use serde_json::Value;

use crate::raw::Raw;

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_harness-ca-server"))
}

fn ask(config: &Path, arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(program())
        .args(arguments)
        .arg("--config")
        .arg(config)
        .env("SUDO_USER", "alice")
        .output()
        .unwrap();
    let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_prints_a_link_that_signs_in_once_and_closes_what_is_open() {
    let place = tempfile::tempdir().unwrap();
    let dns = FakeDns::start().await;
    let folder = place.path().join("ca");
    let url = Server::init(program(), &folder, "corp.test", dns.address()).unwrap();
    let config = folder.join("ca.toml");
    let text = fs::read_to_string(&config).unwrap();
    {
        let (_server, _) = Server::start(program(), &folder, &url).unwrap();
        let (done, _, said) = ask(&config, &["console", "open"]);
        assert!(!done && said.contains("error: the operators' console is off"), "{said}");
        assert!(said.contains("hint: set console.listen"), "{said}");
    }
    fs::write(&config, text.replace("#listen = \"127.0.0.1:14080\"", "listen = \"127.0.0.1:0\"")).unwrap();
    let (_server, _) = Server::start(program(), &folder, &url).unwrap();
    let (done, link, said) = ask(&config, &["console", "open"]);
    assert!(done && said.contains("good once, within 5m") && said.contains("as alice"), "{said}");
    let used = Raw::post(link.trim(), &[]).send().await;
    assert_eq!(used.status, 303, "{used:?}");
    let (_, listed, _) = ask(&config, &["console", "sessions", "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["items"][0]["operator"], "alice (one-time link)", "{listed}");
    let (_, table, _) = ask(&config, &["console", "sessions"]);
    assert!(table.contains("OPERATOR") && table.contains("alice (one-time link)"), "{table}");
    let (_, json, _) = ask(&config, &["console", "open", "--json", "--name", "Bob of the night shift"]);
    let made: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&made["good_for"], &made["name"]), (&300.into(), &"Bob of the night shift".into()));
    let (_, closed, _) = ask(&config, &["console", "close"]);
    assert_eq!(closed.trim(), "1 signed out");
    assert_eq!(Raw::post(made["url"].as_str().unwrap(), &[]).send().await.status, 410);
    let log = fs::read_to_string(folder.join("server.log")).unwrap();
    let secret = link.trim().rsplit('/').next().unwrap();
    assert!(!log.contains(secret), "no secret reaches the log");
}

#[test]
fn a_console_that_others_could_reach_in_clear_is_no_configuration() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("ca");
    let url = "https://ca.corp.test:14000";
    let made = Command::new(program())
        .args(["init", "--url", url, "--listen", "127.0.0.1:14000", "--domain", "corp.test", "--dir"])
        .arg(&folder)
        .output()
        .unwrap();
    assert!(made.status.success());
    let config = folder.join("ca.toml");
    let text = fs::read_to_string(&config).unwrap();
    let checked = |keys: &str| {
        fs::write(&config, text.replace("[console]\n", &format!("[console]\n{keys}\n"))).unwrap();
        ask(&config, &["check"])
    };
    for good in [
        "",
        "listen = \"127.0.0.1:14080\"",
        "listen = \"0.0.0.0:14080\"",
        "listen = \"[::1]:14080\"\ntls = true",
    ] {
        let (done, said, _) = checked(good);
        assert!(done, "{good}: {said}");
    }
    for (bad, key) in [
        ("listen = \"0.0.0.0:14080\"\ntls = false", "console.tls"),
        ("listen = \"127.0.0.1:14000\"", "console.listen"),
        ("listen = \"0.0.0.0:14000\"", "console.listen"),
        ("listen = \"127.0.0.1:14080\"\nurl = \"http://ca.corp.test/\"", "console.url"),
        ("listen = \"127.0.0.1:14080\"\nurl = \"https://ca.corp.test/console/\"", "console.url"),
        ("listen = \"127.0.0.1:14080\"\nidentity_providers = [\"corp\"]", "console.identity_providers"),
        ("identity_providers = [\"corp\"]", "console.identity_providers"),
        ("idle = \"0s\"", "console.idle"),
        ("lifetime = \"30days\"", "console.lifetime"),
        ("link_lifetime = \"2h\"", "console.link_lifetime"),
        ("colour = \"green\"", "console.colour"),
    ] {
        let (done, said, _) = checked(bad);
        assert!(!done && said.contains(key) && said.contains("hint: "), "{bad}: {said}");
    }
}
