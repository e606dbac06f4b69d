//! The commands that ask a running server, against one that was made by `init` and runs as its own process.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use http::StatusCode;
use rollcall_tests::device::{Device, Http};
use rollcall_tests::dns::FakeDns;
use rollcall_tests::load::process::free_port;
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Ran, ca_server, init};

/// The server; it ends when this is dropped.
struct Server {
    process: Child,
    place: TempDir,
    address: SocketAddr,
    dns: FakeDns,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    async fn start() -> Self {
        let place = tempfile::tempdir().unwrap();
        let dns = FakeDns::start().await;
        dns.add_zone("corp.test");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port().unwrap()));
        let folder = place.path().join("ca");
        let url = format!("https://localhost:{}", address.port());
        assert_eq!(init(&folder, &url, &["--listen", &address.to_string()]).code, 0);
        let config = folder.join("ca.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text.replace("resolvers = []", &format!("resolvers = [\"{}\"]", dns.address()));
        std::fs::write(&config, text).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_harness-ca-server"))
            .args(["serve", "--config", config.to_str().unwrap()])
            .env("NO_COLOR", "1")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("listening") {
            line.clear();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "the server ended before it listened");
        }
        // Nobody may stop reading, or the server would stand still at a full pipe.
        std::thread::spawn(move || log.lines().map_while(Result::ok).for_each(drop));
        Self { process, place, address, dns }
    }

    fn config(&self) -> PathBuf {
        self.place.path().join("ca/ca.toml")
    }

    fn ask(&self, arguments: &[&str]) -> Ran {
        let config = self.config();
        let mut all = arguments.to_vec();
        all.extend(["--config", config.to_str().unwrap()]);
        ca_server(&all)
    }

    fn http(&self) -> Http {
        let root = std::fs::read_to_string(self.place.path().join("ca/roots/external.pem")).unwrap();
        Http::new("localhost", self.address, &root)
    }

    fn device(&self, name: &str) -> Device {
        let base = format!("https://localhost:{}/acme/external", self.address.port());
        Device::at(self.http(), &base, name)
    }
}

fn field<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_sees_finds_exports_and_revokes_what_was_issued() {
    let server = Server::start().await;
    let mut alice = server.device("alice");
    alice.register().await;
    let issued = alice.issue(&server.dns, &["room-1.corp.test"]).await;
    alice.issue(&server.dns, &["room-2.corp.test"]).await;

    let status = server.ask(&["status", "--json"]).json();
    assert_eq!(status["health"], "ok");
    let page = server.ask(&["certificates", "list", "--json", "--identifier", "room-1.corp.test"]).json();
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page}");
    let serial = field(&page["items"][0], "serial").to_owned();
    let shown = server.ask(&["certificates", "show", &serial, "--json"]).json();
    assert_eq!(shown["identifiers"], serde_json::json!(["dns:room-1.corp.test"]));
    let exported = server.ask(&["certificates", "export", "--identifier", "room-1.corp.test"]);
    let exported = certs::pem::parse_certificates(exported.data()).unwrap();
    assert_eq!(exported, issued.chain, "with its chain");

    let revoked = server.ask(&["certificates", "revoke", &serial, "--reason", "superseded"]);
    assert!(revoked.data().contains(&serial), "{}", revoked.stdout);
    assert_eq!(alice.revoke(issued.leaf(), None).await.problem().kind, "alreadyRevoked");
    let again = server.ask(&["certificates", "revoke", &serial]);
    assert!(again.error().0.contains("already"), "{}", again.stderr);
    let acts = server.ask(&["log", "show", "--json", "--act", "revoked"]).json();
    assert_eq!(acts["items"].as_array().unwrap().len(), 1, "{acts}");
    let verified = server.ask(&["log", "verify"]);
    assert!(verified.data().contains("entries verified"), "{}", verified.stdout);
    let head = verified.stdout.trim().rsplit(' ').next().unwrap().to_owned();
    assert!(server.ask(&["log", "verify", "--expect", &head]).data().contains(&head));
    let (seq, hash) = head.split_once(':').unwrap();
    let ahead = format!("{}:{hash}", seq.parse::<u64>().unwrap() + 1);
    let cut = server.ask(&["log", "verify", "--expect", &ahead]);
    assert!(cut.error().0.contains("cut off"), "{}", cut.stderr);
    assert_eq!(server.ask(&["log", "verify", "--expect", seq]).code, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_counts_what_matches_before_it_is_revoked() {
    let server = Server::start().await;
    let mut alice = server.device("alice");
    alice.register().await;
    for name in ["room-1.corp.test", "room-2.corp.test", "room-3.corp.test"] {
        alice.issue(&server.dns, &[name]).await;
    }
    let counted = server.ask(&["certificates", "revoke", "--profile", "device", "--reason", "superseded"]);
    assert!(counted.data().contains("3 certificates would be revoked"), "{}", counted.stdout);
    assert!(
        counted.data().contains("room-2.corp.test") && counted.stderr.contains("--yes"),
        "{}",
        counted.stderr
    );
    let issued =
        server.ask(&["certificates", "list", "--status", "issued", "--profile", "device", "--json"]).json();
    assert_eq!(issued["items"].as_array().unwrap().len(), 3, "nothing was changed");
    let one =
        server.ask(&["certificates", "revoke", "--identifier", "room-2.corp.test", "--yes", "--json"]).json();
    assert_eq!((&one["matched"], &one["revoked"], &one["dry_run"]), (&1.into(), &1.into(), &false.into()));
    let rest = server.ask(&["certificates", "revoke", "--profile", "device", "--yes"]);
    assert!(rest.data().contains("revoked 2 certificates"), "{}", rest.stdout);
    let again = server.ask(&["certificates", "revoke", "--profile", "device", "--yes", "--json"]).json();
    assert_eq!(again["revoked"], 0);
    let wrong = server.ask(&["certificates", "revoke", "--organisation", "Nobody", "--yes"]);
    assert!(wrong.error().0.contains("organisation"), "{}", wrong.stderr);
    for usage in [&["certificates", "revoke"][..], &["certificates", "revoke", "47", "--profile", "device"]] {
        assert_eq!(server.ask(usage).code, 2, "{usage:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_go_page_by_page() {
    let server = Server::start().await;
    for name in ["alice", "bob", "carol"] {
        server.device(name).register().await;
    }
    let first = server.ask(&["accounts", "list", "--json", "--limit", "2"]).json();
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    let after = field(&first, "next").to_owned();
    let second = server.ask(&["accounts", "list", "--json", "--limit", "2", "--after", &after]).json();
    assert_eq!(second["items"].as_array().unwrap().len(), 1);
    let table = server.ask(&["accounts", "list"]);
    assert_eq!(table.data().lines().count(), 4, "a head and three rows: {}", table.stdout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_turns_an_account_off_and_hands_out_keys_for_new_ones() {
    let server = Server::start().await;
    let mut alice = server.device("alice");
    alice.register().await;
    let accounts = server.ask(&["accounts", "list", "--json"]).json();
    let id = field(&accounts["items"][0], "id").to_owned();
    let view = server.ask(&["accounts", "deactivate", &id, "--json"]).json();
    assert_eq!(view["status"], "revoked");
    let listed = server.ask(&["accounts", "list", "--json", "--status", "revoked"]).json();
    assert_eq!(field(&listed["items"][0], "id"), id);
    assert_eq!(alice.get(alice.url()).await.status, StatusCode::UNAUTHORIZED);

    let key = server.ask(&["eab", "create", "--domain", "rooms.corp.test", "--json"]).json();
    let kid = field(&key, "kid").to_owned();
    assert!(field(&key, "secret").len() >= 43, "256 bits at least");
    let list = server.ask(&["eab", "list"]);
    assert!(list.data().contains(&kid), "{}", list.stdout);
    assert!(!list.stdout.contains(field(&key, "secret")), "the secret is shown once only");
    server.ask(&["eab", "revoke", &kid]).data();
    let unknown = server.ask(&["eab", "revoke", "no-such-key"]);
    assert!(unknown.error().0.contains("no-such-key") || !unknown.error().1.is_empty(), "{}", unknown.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_makes_an_organisation_verifies_its_domain_and_hands_out_an_activation_code() {
    let server = Server::start().await;
    let unknown = server.ask(&["org", "create", "Corp", "--token-issuer", "nobody"]);
    let (error, hint) = unknown.error();
    assert!(error.contains("[[token_issuer]]") && hint.contains("ca.toml"), "{}", unknown.stderr);
    let made = server.ask(&["org", "create", "Corp Ltd", "--json"]).json();
    assert!(server.ask(&["org", "create", "Corp Ltd"]).error().0.contains("taken"));
    let claimed = server.ask(&["org", "domain", "add", "Corp Ltd", "corp.test"]);
    assert!(claimed.stderr.contains("place _rollcall-domain.corp.test. TXT"), "{}", claimed.stderr);
    let view = server.ask(&["org", "show", field(&made, "id"), "--json"]).json();
    let (name, record) = (field(&view["domains"][0], "record_name"), field(&view["domains"][0], "record"));
    let early = server.ask(&["org", "prefer", "Corp Ltd", "corp.test"]);
    let (error, hint) = early.error();
    assert!(error.contains("verified") && hint.contains("org domain verify"), "{}", early.stderr);
    for json in [&[][..], &["--json"]] {
        let unseen = server.ask(&[&["org", "domain", "verify", "Corp Ltd", "corp.test"], json].concat());
        let (error, hint) = unseen.error();
        assert!(error.contains("corp.test is not verified: there is no TXT record"), "{}", unseen.stderr);
        assert!(hint.contains("place _rollcall-domain.corp.test. TXT"), "{}", unseen.stderr);
        assert!(unseen.stdout.contains("pending"), "what is known is shown all the same: {}", unseen.stdout);
    }
    server.dns.set_txt(name, &[record]);
    let verified = server.ask(&["org", "domain", "verify", "Corp Ltd", "corp.test", "--json"]).json();
    assert_eq!(verified["domains"][0]["status"], "verified");
    let preferred = server.ask(&["org", "prefer", "Corp Ltd", "corp.test"]);
    assert!(preferred.data().contains("preferred  corp.test"), "{}", preferred.stdout);
    assert!(server.ask(&["org", "list"]).data().contains("Corp Ltd"));

    let device = server
        .ask(&["device", "activate-code", "--organisation", "Corp Ltd", "--name", "Room 1", "--json"])
        .json();
    assert_eq!(field(&device, "code").len(), 14);
    let list = server.ask(&["device", "list"]);
    assert!(
        list.data().contains("waiting") && !list.stdout.contains(field(&device, "code")),
        "{}",
        list.stdout
    );
    let id = field(&device, "id");
    let by_urn = server.ask(&["device", "show", &format!("urn:uuid:{id}"), "--json"]).json();
    assert_eq!(field(&by_urn, "id"), id, "as certificates and the journal write it");
    let unknown = server.ask(&["device", "deactivate", "Room 1"]);
    assert!(unknown.error().0.contains("is not an account id"), "{}", unknown.stderr);
    let ended = server.ask(&["device", "deactivate", id]);
    assert!(ended.data().contains("deactivated"), "{}", ended.stdout);
    let again = server.ask(&["device", "activate-code", "--device", id]);
    assert!(again.error().0.contains("deactivated"), "{}", again.stderr);
    let absent = server.ask(&["device", "show", "6ba7b810-9dad-41d1-80b4-00c04fd430c8"]);
    let (error, hint) = absent.error();
    assert!(error.contains("no machine account") && hint.contains("list"), "{}", absent.stderr);
    let log = server.ask(&["log", "show", "--json"]);
    assert!(log.data().contains("domain corp.test verified"), "{}", log.stdout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_gives_a_device_to_another_organisation() {
    let server = Server::start().await;
    server.ask(&["org", "create", "Old Ltd"]).data();
    let new = server.ask(&["org", "create", "New Ltd", "--json"]).json();
    let device = server.ask(&["device", "activate-code", "--organisation", "Old Ltd", "--json"]).json();
    let id = field(&device, "id");
    let alone = server.ask(&["org", "release", "Old Ltd", id]);
    assert!(alone.error().0.contains("name the one it goes to with --to"), "{}", alone.stderr);
    let wrong = server.ask(&["org", "release", "New Ltd", id, "--to", "Old Ltd"]);
    let (error, hint) = wrong.error();
    assert!(
        error.contains("no account id of this organisation") && hint.contains("list"),
        "{}",
        wrong.stderr
    );
    let given = server.ask(&["org", "release", "Old Ltd", id, "--to", "New Ltd"]);
    assert_eq!(given.data().trim(), format!("urn:uuid:{id} given to {}", field(&new, "id")));
    assert!(given.stderr.contains("goes on with its token"), "{}", given.stderr);
    let shown = server.ask(&["device", "show", id, "--json"]).json();
    assert_eq!(field(&shown, "organisation"), field(&new, "id"));
    let people = server.ask(&["org", "release", "Old Ltd", "--people", "--json"]).json();
    assert_eq!(people["items"], serde_json::json!([]));
    for usage in [&["org", "release", "Old Ltd"][..], &["org", "release", "Old Ltd", id, "--people"]] {
        assert_eq!(server.ask(usage).code, 2, "{usage:?}");
    }
    let log = server.ask(&["log", "show", "--json"]);
    assert!(log.data().contains("taken over from"), "{}", log.stdout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_admin_socket_is_for_its_owner_and_a_second_server_does_not_start() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::start().await;
    let socket = server.place.path().join("ca/admin.sock");
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let second = server.ask(&["serve"]);
    let (error, hint) = second.error();
    assert!(!error.is_empty() && !hint.is_empty(), "{}", second.stderr);
    assert_eq!(server.ask(&["status", "--json"]).json()["health"], "ok", "the first one goes on");
}
