//! A server process and a BIND that it asks: the setting of every interop test.

use std::path::Path;

use rollcall_tests::foreign::bind::Bind;
use rollcall_tests::load::process::Server;

/// The zone of these tests.
pub(crate) const ZONE: &str = "corp.test";

/// A server and the DNS it asks.
pub(crate) struct Setting {
    pub(crate) server: Server,
    pub(crate) bind: Bind,
    pub(crate) folder: tempfile::TempDir,
}

impl Setting {
    /// Starts both; `None` where BIND cannot run here.
    pub(crate) fn start() -> Option<Self> {
        let bind = Bind::start(ZONE).unwrap()?;
        let folder = tempfile::tempdir().unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_harness-ca-server"));
        let home = folder.path().join("ca");
        let url = Server::init(program, &home, ZONE, bind.address).unwrap();
        let (server, _) = Server::start(program, &home, &url).unwrap();
        Some(Self { server, bind, folder })
    }

    /// The directory URL of the external authority.
    pub(crate) fn directory(&self) -> String {
        format!("{}/acme/external/directory", self.server.url)
    }

    /// What the server knows about certificates for a name, newest first.
    pub(crate) fn certificates(&self, name: &str) -> serde_json::Value {
        ask(&self.server, &["certificates", "list", "--identifier", name])["items"].clone()
    }

    /// The statuses of the certificates for a name, in order of the alphabet.
    pub(crate) fn statuses(&self, name: &str) -> Vec<String> {
        let items = self.certificates(name);
        let status = |item: &serde_json::Value| item["status"].as_str().unwrap().to_owned();
        let mut statuses: Vec<String> = items.as_array().unwrap().iter().map(status).collect();
        statuses.sort();
        statuses
    }
}

/// `ca-server` asked over its socket, with `--json`.
#[track_caller]
pub(crate) fn ask(server: &Server, arguments: &[&str]) -> serde_json::Value {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_harness-ca-server"))
        .args(arguments)
        .args(["--json", "--config"])
        .arg(server.folder.join("ca.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
