//! `room-emulator` as a program, and that nothing which happens in it shows a secret.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::identity::{install, with_secret};
use crate::material::Sealer;
use crate::setting::{ADMIN, Room};

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_room-emulator"))
}

/// A program that ends with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn help_says_what_it_is_and_how_to_begin() {
    let ended = program().arg("--help").env("COLUMNS", "100").output().unwrap();
    assert!(ended.status.success());
    insta::assert_snapshot!("room-emulator-help", String::from_utf8(ended.stdout).unwrap());
}

#[test]
fn it_says_where_it_is_and_how_to_get_in() {
    let mut child =
        Running(program().arg("--json").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    assert!(said["https"].as_str().unwrap().starts_with("https://127.0.0.1:"), "{said}");
    assert!(said["password"].as_str().unwrap().len() >= 20);
    assert_eq!(said["tls_sha256"].as_str().unwrap().len(), 64);
    assert!(said["ssh_host_key"].as_str().unwrap().starts_with("ssh-ed25519 "));
    std::net::TcpStream::connect(said["ssh"].as_str().unwrap()).unwrap();
}

#[test]
fn what_cannot_be_used_is_told_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::write(&text, "nothing").unwrap();
    let text = text.to_str().unwrap();
    let cases: [(&[&str], &str); 4] = [
        (&["--trust-external", "/nonexistent"], "cannot read /nonexistent"),
        (&["--trust-external", text], "error: "),
        (&["--tls-certificate", text, "--tls-key", text], "the TLS certificate cannot be used"),
        (&["--internal-ca", "https://ca.test", "--internal-root", text], "error: "),
    ];
    for (arguments, words) in cases {
        let mut child =
            program().args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{arguments:?} {said}");
        assert!(said.contains(words) && said.contains("\nhint: "), "{arguments:?} {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_tells_what_happens_and_no_secret() {
    let room = Room::start().await;
    let identity = room.authority.identity(&["room-1.example.com"]);
    let (mut face, secret) = with_secret(&room, 0).await;
    install(&mut face, &secret, &identity).await;
    let next = Sealer::new();
    let blob = secret.populate(Some(&next));
    face.command("Security ClientSecret Populate", &[("Secret", &blob)], None).await.unwrap();
    face.command("Security ClientSecret Populate", &[("Secret", &blob)], None).await.unwrap_err();
    let said = room.emulator.device().console().lines().join("\n");
    assert!(said.contains("admin: Security ClientSecret Populate Secret: …"), "{said}");
    assert!(said.contains("(jwe-not-opened)"), "{said}");
    let key = identity.key_pem.lines().nth(1).unwrap().to_owned();
    for secret in [secret.text(), next.text(), blob, ADMIN.to_owned(), key] {
        assert!(!said.contains(&secret), "{said}");
    }
}

#[test]
fn the_page_names_every_refusal() {
    let page = include_str!("../../../docs/room-emulator.md");
    for fault in rollcall_tests::room::xapi::Fault::ALL {
        assert!(page.contains(&format!("`{}`", fault.code())), "{}", fault.code());
        assert!(!fault.to_string().is_empty());
    }
}
