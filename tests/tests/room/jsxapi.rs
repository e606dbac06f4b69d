//! The npm package `jsxapi`, unmodified, drives the emulator over `wss` and `ssh`: every command, status, configuration, feedback.
//!
//! The program around it is ours (`tests/foreign/jsxapi`, installed there by `npm ci`). It trusts nobody's certificate, as the package does by itself.

use std::path::Path;
use std::process::Command;

use rollcall_tests::foreign;
use serde_json::json;

use crate::material::Sealer;
use crate::setting::{ADMIN, Room};

const HOME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/foreign/jsxapi");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jsxapi_drives_every_command_over_wss_and_ssh() {
    let Some(node) = foreign::program("node") else { return };
    if !Path::new(HOME).join("node_modules/jsxapi/package.json").is_file() {
        return foreign::skip("jsxapi (`npm ci` in tests/foreign/jsxapi)");
    }
    for protocol in ["wss", "ssh"] {
        let room = Room::start().await;
        let at = room.emulator.addresses();
        let (secret, next) = (Sealer::new(), Sealer::new());
        let identity = room.authority.identity(&["room-1.example.com", "room-1.example.net"]);
        let other = Sealer::new();
        let fingerprint = identity.fingerprint();
        let settings = json!({
            "protocol": protocol, "host": "127.0.0.1", "password": ADMIN,
            "port": if protocol == "ssh" { at.ssh.port() } else { at.https.port() },
            "secret": secret.text(), "change": secret.populate(Some(&next)), "add": next.add(&identity.pem()),
            "wrong": other.add(&identity.pem()), "plain": room.authority.identity(&["room-2.example.com"]).pem(),
            "fingerprint": fingerprint.as_str(), "activate": next.activate(&fingerprint),
            "deactivate": next.deactivate(&fingerprint), "reset": next.populate(None),
        });
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.json");
        std::fs::write(&file, settings.to_string()).unwrap();
        let node = node.clone();
        let ended = tokio::task::spawn_blocking(move || {
            Command::new(node).arg(Path::new(HOME).join("drive.mjs")).arg(&file).output().unwrap()
        });
        let ended = crate::setting::soon(ended).await.unwrap();
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success(), "{protocol}:\n{said}\n{}", String::from_utf8_lossy(&ended.stderr));
        assert!(said.contains("all of it"), "{said}");
        drop(folder);
    }
}
