//! BIND 9 behind port 53 of an address of its own in 127.0.0.0/8: authoritative for one zone that takes TSIG-signed updates (RFC 2136), and for a root
//! above it that holds nothing else, as a private network has it.
//!
//! Port 53, because foreign clients look up the zone's name servers and ask those; it needs root, else the test skips.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::relay::Relay;

/// A running name server.
#[derive(Debug)]
pub struct Bind {
    child: Child,
    folder: tempfile::TempDir,
    /// Where it answers.
    pub address: SocketAddr,
    /// The zone it serves.
    pub zone: String,
    /// The TSIG key's secret, base64.
    pub secret: String,
    _relay: Relay,
}

/// The TSIG key's name.
pub const KEY_NAME: &str = "room-key";

impl Bind {
    /// Starts it for `zone`; `None`, with a word, where BIND or the right to use port 53 is missing.
    ///
    /// # Errors
    /// If its files cannot be written or it does not answer.
    pub fn start(zone: &str) -> io::Result<Option<Self>> {
        let Some(named) = super::program("named") else { return Ok(None) };
        let port = crate::load::process::free_port()?;
        let Some(relay) = Relay::start(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))? else {
            super::skip("the right to listen on port 53");
            return Ok(None);
        };
        let folder = tempfile::tempdir()?;
        let mut octets = [0; 32];
        aws_lc_rs::rand::fill(&mut octets).map_err(|_| io::Error::other("no entropy"))?;
        let secret = STANDARD.encode(octets);
        fs::write(folder.path().join("zone"), zone_text(zone, relay.address.ip()))?;
        fs::write(folder.path().join("root"), zone_text("", relay.address.ip()))?;
        fs::write(folder.path().join("named.conf"), config_text(folder.path(), zone, port, &secret))?;
        let log = fs::File::create(folder.path().join("log"))?;
        let child = Command::new(named)
            .arg("-g")
            .arg("-c")
            .arg(folder.path().join("named.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let bind =
            Self { child, folder, address: relay.address, zone: zone.to_owned(), secret, _relay: relay };
        bind.wait()?;
        Ok(Some(bind))
    }

    /// A command that runs `program` where this server is the system's resolver: in a mount namespace with an `/etc/resolv.conf` of its own.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn resolving(&self, program: &Path) -> io::Result<Option<Command>> {
        if !may_have_mounts() {
            super::skip("the right to a mount namespace (`unshare --mount`)");
            return Ok(None);
        }
        let path = self.folder.path().join("resolv.conf");
        fs::write(&path, format!("nameserver {}\n", self.address.ip()))?;
        let mut command = Command::new("unshare");
        let script = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
        command.args(["--mount", "sh", "-c", script]).arg(path).arg(program);
        Ok(Some(command))
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// A file with its TSIG key in BIND's own form.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn key_file(&self) -> io::Result<PathBuf> {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.folder.path().join("room.key");
        fs::write(&path, key_text(&self.secret))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(path)
    }

    fn wait(&self) -> io::Result<()> {
        let began = Instant::now();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        // A question for the root's NS: any answer, even a refusal, says that it listens.
        let question = [0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1];
        while began.elapsed() < Duration::from_secs(20) {
            socket.send_to(&question, self.address)?;
            // It answers before its zones are loaded, that it fails.
            if socket.recv(&mut [0; 512]).is_ok() && self.log().contains(" running\n") {
                return Ok(());
            }
        }
        Err(io::Error::other(format!("BIND does not answer:\n{}", self.log())))
    }
}

impl Drop for Bind {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn zone_text(zone: &str, ip: IpAddr) -> String {
    format!("$ORIGIN {zone}.\n$TTL 1\n@ SOA ns hostmaster 1 3600 600 86400 1\n@ NS ns\nns A {ip}\n")
}

fn key_text(secret: &str) -> String {
    format!("key \"{KEY_NAME}\" {{ algorithm hmac-sha256; secret \"{secret}\"; }};\n")
}

fn config_text(folder: &Path, zone: &str, port: u16, secret: &str) -> String {
    let folder = folder.display();
    format!(
        "options {{\n  directory \"{folder}\"; pid-file \"{folder}/pid\"; session-keyfile \"{folder}/session\";\n  \
         lock-file none; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n  \
         recursion no; dnssec-validation no; notify no; allow-transfer {{ none; }};\n}};\ncontrols {{ }};\n{}\
         zone \"{zone}\" {{ type primary; file \"{folder}/zone\"; allow-update {{ key \"{KEY_NAME}\"; }}; }};\n\
         zone \".\" {{ type primary; file \"{folder}/root\"; }};\n",
        key_text(secret)
    )
}
/// Whether a program can be given mounts of its own here; tried once.
fn may_have_mounts() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let script = "mount --bind /etc/hosts /etc/hosts";
        let tried = Command::new("unshare").args(["--mount", "sh", "-c", script]).output();
        tried.is_ok_and(|output| output.status.success())
    })
}

