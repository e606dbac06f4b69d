//! A server process, the DNS that it asks, and devices: state directories that the client's program, or its library, works on.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use acme_client::acme;
use acme_client::acme::{HttpsConfig, HttpsTransport, Roots, Transport};
use acme_client::clock::{Clock, SystemClock};
use acme_client::enroll::{Agent, Connector};
use acme_client::progress::Silent;
use acme_client::state::{IdentityDir, StateDir};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use rollcall_tests::dns::FakeDns;
use rollcall_tests::load::process::Server;
use serde_json::Value;

/// The zone of these tests.
pub(crate) const ZONE: &str = "corp.test";
const KEY_NAME: &str = "device-key";

/// A server and the DNS it asks.
pub(crate) struct Setting {
    pub(crate) server: Server,
    pub(crate) dns: FakeDns,
    pub(crate) folder: tempfile::TempDir,
    key_file: PathBuf,
}

/// How a run of a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// Its standard output as JSON; null if it is none.
    pub(crate) json: Value,
    stderr: String,
}

impl Ended {
    /// What a program left behind.
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            json: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The JSON, if the program ended with this code.
    #[track_caller]
    pub(crate) fn with(self, code: i32) -> Value {
        assert_eq!(self.code, Some(code), "{:#}\n{}", self.json, self.stderr);
        self.json
    }
}

impl Setting {
    /// Starts both, the server as `init` made it.
    pub(crate) async fn start() -> Self {
        Self::start_with(|config| config).await
    }

    /// Starts both; `edit` changes the text of `ca.toml`.
    pub(crate) async fn start_with(edit: impl FnOnce(String) -> String) -> Self {
        Self::start_in(|_| {}, edit).await
    }

    /// The same; `change` may change the other files of the server's folder.
    pub(crate) async fn start_in(change: impl FnOnce(&Path), edit: impl FnOnce(String) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dns = FakeDns::start().await;
        dns.add_zone(ZONE);
        let mut secret = [0; 32];
        aws_lc_rs::rand::fill(&mut secret).unwrap();
        dns.add_tsig_key(KEY_NAME, &secret, TsigAlgorithm::HmacSha256);
        let key_file = folder.path().join("tsig.key");
        fs::write(&key_file, format!("{KEY_NAME}:hmac-sha256:{}\n", STANDARD.encode(secret))).unwrap();
        let (program, home) = (server_program(), folder.path().join("ca"));
        let url = Server::init(program, &home, ZONE, dns.address()).unwrap();
        let config = home.join("ca.toml");
        let text = fs::read_to_string(&config).unwrap();
        fs::write(&config, edit(text)).unwrap();
        change(&home);
        let (server, _) = Server::start(program, &home, &url).unwrap();
        Self { server, dns, folder, key_file }
    }

    /// A device that has not been used yet.
    pub(crate) fn device(&self, label: &str) -> Device<'_> {
        Device { setting: self, state: StateDir::at(self.folder.path().join(label)) }
    }

    /// `ca-server` asked over its socket, with `--json`.
    #[track_caller]
    pub(crate) fn ask(&self, arguments: &[&str]) -> Value {
        let config = self.server.folder.join("ca.toml");
        let output = Command::new(server_program())
            .args(arguments)
            .arg("--json")
            .arg("--config")
            .arg(config)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What the server knows of certificates for a name, newest first.
    #[track_caller]
    pub(crate) fn certificates(&self, name: &str) -> Vec<Value> {
        self.ask(&["certificates", "list", "--identifier", name])["items"].as_array().unwrap().clone()
    }

    /// How many certificates the server has issued for a name, however many pages that takes.
    #[track_caller]
    pub(crate) fn count_certificates(&self, name: &str) -> u64 {
        let (mut count, mut after) = (0, None::<String>);
        loop {
            let mut arguments = vec!["certificates", "list", "--identifier", name, "--limit", "1000"];
            arguments.extend(after.iter().flat_map(|cursor| ["--after", cursor]));
            let page = self.ask(&arguments);
            count += page["items"].as_array().unwrap().len() as u64;
            match page["next"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => return count,
            }
        }
    }

    /// The root certificate, PEM.
    pub(crate) fn root_pem(&self) -> String {
        fs::read_to_string(self.server.root("external")).unwrap()
    }

    /// The client's own HTTPS, trusting this server.
    pub(crate) fn transport(&self) -> HttpsTransport {
        let roots = Roots::from_pem(self.root_pem().as_bytes()).unwrap();
        HttpsTransport::new(&HttpsConfig::new(roots)).unwrap()
    }

    /// A program for `--dns-hook`, a shell script.
    pub(crate) fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path
    }
}

fn server_program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_harness-ca-server"))
}

/// A state directory and what works on it.
pub(crate) struct Device<'a> {
    pub(crate) setting: &'a Setting,
    pub(crate) state: StateDir,
}

impl Device<'_> {
    /// A run of the program, with `--json`.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harness-acme-client"));
        command.args(arguments).args(["--json", "--quiet", "--state"]).arg(self.state.path());
        command.env_remove("ROLLCALL_STATE").env_remove("RUST_LOG");
        command
    }

    /// Runs the program.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.finish(self.command(arguments))
    }

    /// Runs a program to its end.
    pub(crate) fn finish(&self, mut command: Command) -> Ended {
        Ended::of(&command.output().unwrap())
    }

    /// `enroll device` for a name, proven by signed DNS updates.
    pub(crate) fn enroll(&self, name: &str, more: &[&str]) -> Ended {
        let dns = self.setting.dns.address().to_string();
        let key = self.setting.key_file.display().to_string();
        let update =
            ["--dns", "rfc2136", "--dns-server", &dns, "--dns-key-file", &key, "--dns-resolver", &dns];
        self.enroll_by(name, &[update.as_slice(), more].concat())
    }

    /// `enroll device` for a name, proven as the arguments say.
    pub(crate) fn enroll_by(&self, name: &str, more: &[&str]) -> Ended {
        let root = self.setting.server.root("external").display().to_string();
        let base = ["enroll", "device", "--ca", &self.setting.server.url, "--root", &root, "--name", name];
        self.run(&[base.as_slice(), more].concat())
    }

    /// The identity of a name.
    pub(crate) fn identity(&self, name: &str) -> IdentityDir {
        self.state.find_identity(name).unwrap()
    }

    /// The leaf's serial and key that `current` leads to.
    pub(crate) fn current(&self, name: &str) -> (String, String) {
        let current = self.identity(name).current().unwrap().unwrap();
        let leaf = acme_client::enroll::Leaf::from_pem(&current.certificate).unwrap();
        (leaf.serial, current.key.to_string())
    }

    /// The library on the same state directory, over a transport and with patience of the caller's.
    pub(crate) fn over(&self, transport: Arc<dyn Transport>, clock: Arc<dyn acme::Clock>) -> Library {
        let connector = Connector::over(transport, clock, acme::Patience::default());
        Library { state: self.state.clone(), connector, clock: Box::new(SystemClock) }
    }

    /// The library on the same state directory, at another time.
    pub(crate) fn at(&self, clock: impl Clock + 'static) -> Library {
        Library { state: self.state.clone(), connector: Connector::default(), clock: Box::new(clock) }
    }
}

/// The client's library at work on a state directory.
pub(crate) struct Library {
    pub(crate) state: StateDir,
    pub(crate) connector: Connector,
    clock: Box<dyn Clock>,
}

impl Library {
    pub(crate) fn agent(&self) -> Agent<'_> {
        Agent {
            state: &self.state,
            connector: &self.connector,
            clock: self.clock.as_ref(),
            progress: &Silent,
            person: None,
        }
    }
}

/// The names of an object's members, in order of the alphabet.
#[track_caller]
pub(crate) fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}
