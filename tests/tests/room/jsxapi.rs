//! The npm package `jsxapi`, unmodified, drives the emulator over `wss` and `ssh`: every command, status, configuration, feedback, documents.
//!
//! The program around it is ours (`tests/foreign/jsxapi`, installed there by `npm ci`). It trusts nobody's certificate, as the package does by itself.

use std::path::Path;
use std::process::{Output, Stdio};

use rollcall_tests::foreign;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

use crate::faces::Face;
use crate::material::{Authority, Sealer};
use crate::provision::certified;
use crate::setting::{ADMIN, Room, soon};

const HOME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/foreign/jsxapi");
/// The device whose key never leaves it.
const LINKED: &str = "room-3.example.com";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jsxapi_drives_every_command_over_wss_and_ssh() {
    let Some(node) = foreign::program("node") else { return };
    if !Path::new(HOME).join("node_modules/jsxapi/package.json").is_file() {
        return foreign::skip("jsxapi (`npm ci` in tests/foreign/jsxapi)");
    }
    for protocol in ["wss", "ssh"] {
        let room = Room::start().await;
        room.emulator.device().set_internal(Authority::new("Provider").identity(&["corp.test"]).chain).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.json");
        std::fs::write(&file, settings(&room, protocol).await.to_string()).unwrap();
        let ended =
            soon(drive(&room, Command::new(&node).arg(Path::new(HOME).join("drive.mjs")).arg(&file))).await;
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success(), "{protocol}:\n{said}\n{}", String::from_utf8_lossy(&ended.stderr));
        assert!(said.contains("all of it"), "{said}");
    }
}

/// Where the device is, what to send, and what our own client reads of the identity that the device has of itself.
async fn settings(room: &Room, protocol: &str) -> Value {
    let at = room.emulator.addresses();
    let (secret, next, other) = (Sealer::new(), Sealer::new(), Sealer::new());
    let identity = room.authority.identity(&["room-1.example.com", "room-1.example.net"]);
    let fingerprint = identity.fingerprint();
    let internal = "Status/Conference/EndToEndEncryption/InternalIdentity";
    json!({
        "protocol": protocol, "host": "127.0.0.1", "password": ADMIN,
        "port": if protocol == "ssh" { at.ssh.port() } else { at.https.port() },
        "secret": secret.text(), "change": secret.populate(Some(&next)), "add": next.add(&identity.pem()),
        "wrong": other.add(&identity.pem()), "plain": room.authority.identity(&["room-2.example.com"]).pem(),
        "fingerprint": fingerprint.as_str(), "activate": next.activate(&fingerprint),
        "deactivate": next.deactivate(&fingerprint), "reset": next.populate(None),
        "internal": Face::socket(room).await.get(internal).await.unwrap(),
    })
}

/// Runs it; for the request that it prints on its first line it gets the certificate. It ends with the test, however that ends.
async fn drive(room: &Room, command: &mut Command) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (mut asks, mut out) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let mut request = String::new();
    out.read_line(&mut request).await.unwrap();
    // If it failed before, what it said on standard error is what is shown.
    if let Ok(Value::String(request)) = serde_json::from_str(&request) {
        let leaf = certified(room, &request, LINKED);
        let linked = json!({
            "pem": certs::pem::encode_chain(std::slice::from_ref(&leaf)),
            "fingerprint": device_jwe::Fingerprint::of(&leaf).as_str(),
        });
        asks.write_all(format!("{linked}\n").as_bytes()).await.unwrap();
    }
    let mut stdout = Vec::new();
    out.read_to_end(&mut stdout).await.unwrap();
    let ended = child.wait_with_output().await.unwrap();
    Output { stdout, ..ended }
}
