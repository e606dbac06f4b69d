//! A server whose issuing keys are in one token, devices whose keys are in another, and the DNS that proves their names.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use acme_client::state::{IdentityDir, StateDir};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use rollcall_tests::dns::FakeDns;
use rollcall_tests::foreign::softhsm::SoftHsm;
use rollcall_tests::load::process::Server;
use rollcall_tests::load::session::Target;
use serde_json::Value;

/// The zone of these tests.
pub(crate) const ZONE: &str = "corp.test";
/// The device.
pub(crate) const NAME: &str = "room-1.corp.test";
const KEY_NAME: &str = "device-key";

/// Everything.
pub(crate) struct Setting {
    pub(crate) hsm: SoftHsm,
    pub(crate) server: Server,
    pub(crate) dns: Arc<FakeDns>,
    pub(crate) folder: tempfile::TempDir,
}

/// The program `ca-server`, which sees the tokens.
pub(crate) fn ca_server(hsm: &SoftHsm) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness-ca-server"));
    command.envs([hsm.environment()]).env_remove("ROLLCALL_CONFIG").env_remove(tokens::MODULE_VARIABLE);
    command
}

/// A new authority in `folder` whose keys are in the token `ca`; gives its URL.
pub(crate) fn init(hsm: &SoftHsm, folder: &Path, dns: &FakeDns) -> String {
    let mut command = ca_server(hsm);
    command.args(["--key-store", &hsm.store("ca")]);
    Server::init_by(&mut command, folder, ZONE, dns.address()).unwrap()
}

impl Setting {
    /// Starts it; `None` if SoftHSM is not here.
    pub(crate) async fn start() -> Option<Self> {
        let hsm = SoftHsm::new(&["ca", "agent"]).unwrap()?;
        let folder = tempfile::tempdir().unwrap();
        let dns = Arc::new(FakeDns::start().await);
        dns.add_zone(ZONE);
        let secret = [7; 32];
        dns.add_tsig_key(KEY_NAME, &secret, TsigAlgorithm::HmacSha256);
        std::fs::write(
            folder.path().join("tsig.key"),
            format!("{KEY_NAME}:hmac-sha256:{}\n", STANDARD.encode(secret)),
        )
        .unwrap();
        let home = folder.path().join("ca");
        let url = init(&hsm, &home, &dns);
        let (server, _) = Server::start_by(ca_server(&hsm), &home, &url).unwrap();
        Some(Self { hsm, server, dns, folder })
    }

    /// The server again, after it was killed.
    pub(crate) fn restart(&mut self) {
        self.server.kill().unwrap();
        let (folder, url) = (self.server.folder.clone(), self.server.url.clone());
        (self.server, _) = Server::start_by(ca_server(&self.hsm), &folder, &url).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command for this server's configuration.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        ca_server(&self.hsm)
            .args(arguments)
            .arg("--config")
            .arg(self.server.folder.join("ca.toml"))
            .output()
            .unwrap()
    }

    /// The same; it must succeed. Its JSON.
    #[track_caller]
    pub(crate) fn ask(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Where clients find it, and whom they trust.
    pub(crate) fn target(&self) -> Target {
        let root = std::fs::read_to_string(self.server.root("external")).unwrap();
        Target::new(&self.server.url, "external", &root).unwrap()
    }

    /// Certificates that the server has issued for the device.
    pub(crate) fn certificates(&self) -> Vec<Value> {
        self.ask(&["certificates", "list", "--identifier", NAME])["items"].as_array().unwrap().clone()
    }

    /// What the server has written to its log.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.server.folder.join("server.log")).unwrap()
    }

    /// The program `acme-client` on the device's state directory.
    pub(crate) fn agent(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harness-acme-client"));
        command.args(arguments).args(["--json", "--quiet", "--state"]).arg(self.path("state"));
        command.envs([self.hsm.environment()]).env_remove("ROLLCALL_STATE").env_remove("RUST_LOG");
        command.env_remove(tokens::MODULE_VARIABLE);
        command
    }

    /// `enroll device` with the keys in a store.
    pub(crate) fn enroll(&self, store: &str, more: &[&str]) -> Output {
        let root = self.server.root("external").display().to_string();
        let (dns, key) = (self.dns.address().to_string(), self.path("tsig.key").display().to_string());
        let mut arguments =
            vec!["enroll", "device", "--ca", &self.server.url, "--root", &root, "--name", NAME];
        arguments.extend([
            "--dns",
            "rfc2136",
            "--dns-server",
            &dns,
            "--dns-key-file",
            &key,
            "--dns-resolver",
            &dns,
        ]);
        arguments.extend(["--key-store", store]);
        self.agent(&[arguments.as_slice(), more].concat()).output().unwrap()
    }

    /// The device.
    pub(crate) fn identity(&self) -> IdentityDir {
        StateDir::at(self.path("state")).find_identity(NAME).unwrap()
    }

    /// The device's certificate and key: that the key is the one in the token, and the token has it.
    #[track_caller]
    pub(crate) fn assert_pair(&self) {
        let pair = self.identity().current().unwrap().unwrap();
        let uri: tokens::TokenUri = pair.key.parse().unwrap();
        let id: String = uri.id().unwrap().iter().map(|octet| format!("{octet:02x}")).collect();
        let said = self.hsm.tool(
            "agent",
            &["--read-object", "--type", "pubkey", "--id", &id, "--output-file", "/dev/stdout"],
        );
        let leaf = certs::pem::parse_certificates(&pair.certificate).unwrap();
        let point = certs::key::PublicKey::of_certificate(&leaf[0]).unwrap().point().to_vec();
        // The tool's output is not text; the lossy form of both is as telling.
        let (said, point) = (said.unwrap(), String::from_utf8_lossy(&point).into_owned());
        assert!(said.contains(&point), "the token's key {id} is not the certificate's");
        assert!(self.hsm.private_keys("agent").unwrap().contains(&id), "the private key {id} is gone");
        assert!(!pair.folder.join("key.pem").exists());
    }
}

/// The JSON of a run that succeeded.
#[track_caller]
pub(crate) fn done(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a run that failed said.
#[track_caller]
pub(crate) fn refused(output: &Output) -> String {
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains("panicked"), "{text}");
    text
}
