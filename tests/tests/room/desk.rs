//! An administrator's desk: a room at the real time, files with a password and a secret, and the agent's program.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ca_server::clock::SystemClock;
use rcgen::KeyPair;
use rollcall_tests::room::{Builder, Emulator};
use serde_json::Value;
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

use crate::faces::Face;
use crate::material::{Authority, Identity, Sealer};
use crate::setting::{ADMIN, Room};

pub(crate) const WAYS: [&str; 3] = ["https", "wss", "ssh"];

/// A room at the real time, and the files of an administrator.
pub(crate) struct Desk {
    pub(crate) room: Room,
    pub(crate) folder: TempDir,
}

/// How a program ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) said: Value,
    pub(crate) all: String,
}

impl Ended {
    #[track_caller]
    pub(crate) fn error(&self) -> (&str, &str) {
        let error = &self.said["error"];
        (error["message"].as_str().unwrap(), error["hint"].as_str().unwrap_or_default())
    }
}

pub(crate) fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = folder.join(name);
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    path
}

pub(crate) fn program(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness-acme-client"));
    command.current_dir(folder).env("ROLLCALL_STATE", folder.join("state")).env_remove("RUST_LOG");
    command.args(arguments.split_whitespace());
    command
}

pub(crate) async fn ended(mut command: Command) -> Ended {
    let output =
        tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output().unwrap()).await.unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let all = format!("{out}{err}");
    let said = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{all}"));
    Ended { code: output.status.code().unwrap(), said, all }
}

/// The clock of the machine, as the program has it.
pub(crate) fn real(builder: Builder) -> Builder {
    builder.without_limits().clock(Arc::new(SystemClock))
}

pub(crate) fn identity(authority: &Authority) -> Identity {
    let now = OffsetDateTime::now_utc();
    let key = KeyPair::generate().unwrap();
    authority.issue(&["room-1.example.com"], &key, now - Duration::hours(1), now + Duration::days(30))
}

pub(crate) fn pin(emulator: &Emulator, way: &str) -> String {
    if way != "ssh" {
        return format!("sha256:{}", emulator.addresses().fingerprint());
    }
    let key = emulator.addresses().host_key.split(' ').nth(1).unwrap().to_owned();
    let octets = STANDARD.decode(key).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &octets);
    format!("SHA256:{}", STANDARD_NO_PAD.encode(digest))
}

pub(crate) fn address(emulator: &Emulator, way: &str) -> SocketAddr {
    if way == "ssh" { emulator.addresses().ssh } else { emulator.addresses().https }
}

impl Desk {
    pub(crate) async fn open() -> Self {
        Self::open_with(real).await
    }

    pub(crate) async fn open_with(change: impl FnOnce(Builder) -> Builder) -> Self {
        let desk = Self { room: Room::start_with(change).await, folder: tempfile::tempdir().unwrap() };
        desk.write("admin.password", ADMIN);
        desk.write("room.secret", &Sealer::new().text());
        desk
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        write(self.path(), name, text)
    }

    pub(crate) fn place(&self, identity: &Identity) {
        self.write("chain.pem", &identity.chain_pem);
        self.write("key.pem", &identity.key_pem);
    }

    /// The arguments of `device push` over one way, with what is placed.
    pub(crate) fn push_line(&self, way: &str, more: &str) -> String {
        let emulator = &self.room.emulator;
        format!(
            "device push --json --over {way} --host {} --pin {} --chain chain.pem --key key.pem --password-file admin.password --secret-file room.secret --wait 5s {more}",
            address(emulator, way),
            pin(emulator, way),
        )
    }

    pub(crate) async fn push(&self, way: &str, more: &str) -> Ended {
        self.run(&self.push_line(way, more)).await
    }

    pub(crate) async fn run(&self, line: &str) -> Ended {
        ended(program(self.path(), line)).await
    }

    /// Fingerprints of what the device has, and what it says of its identity.
    pub(crate) async fn has(&self) -> (Vec<String>, String) {
        let mut face = Face::socket(&self.room).await;
        let shown = face.command("Security Certificates Services Show", &[], None).await.unwrap();
        let prints = shown["Details"].as_array().into_iter().flatten();
        let prints = prints.map(|one| one["Fingerprint"].as_str().unwrap().to_owned()).collect();
        (prints, face.external("Status").await)
    }
}

/// Runs a program, and says how much memory it had at most, in KiB: looked at whenever it says something.
pub(crate) fn measured(mut command: Command) -> (Ended, u64) {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut out = child.stdout.take().unwrap();
    let out = std::thread::spawn(move || std::io::read_to_string(&mut out).unwrap());
    let (mut peak, mut err) = (0, String::new());
    for line in BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap) {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let most = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).map(str::trim);
        peak = peak.max(most.and_then(|most| most.trim_end_matches(" kB").parse().ok()).unwrap_or(0));
        err.push_str(&line);
    }
    let code = child.wait().unwrap().code().unwrap();
    let out = out.join().unwrap();
    let said = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    (Ended { code, said, all: format!("{out}{err}") }, peak)
}

/// Every file below a folder.
pub(crate) fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { files.extend(walk(&entry)) } else { files.push(entry) }
    }
    files
}
