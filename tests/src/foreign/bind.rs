//! BIND 9 behind port 53 of an address of its own in 127.0.0.0/8: authoritative for one zone that takes TSIG-signed updates (RFC 2136), and for a root
//! above it that holds nothing else, as a private network has it.
//!
//! Port 53, because foreign clients look up the zone's name servers and ask those; it needs root, else the test skips.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hickory_proto::op::{Message, Query};
use hickory_proto::rr::{Name, RData, Record, RecordType};

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

/// The TSIG key's name, for hmac-sha256. For the other algorithms theirs follows it.
pub const KEY_NAME: &str = "room-key";
/// What it takes signatures by.
pub const ALGORITHMS: [&str; 3] = ["hmac-sha256", "hmac-sha384", "hmac-sha512"];

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

    /// A command that runs `program` where this server is the system's resolver: in a mount namespace with an `/etc/resolv.conf` of its
    /// own. `None`, with a word, where a program may not have one.
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

    /// Its TSIG key for one of the [`ALGORITHMS`], in BIND's own form.
    #[must_use]
    pub fn key_text(&self, algorithm: &str) -> String {
        key_text(algorithm, &self.secret)
    }

    /// The TXT values at a name, in order of the alphabet.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn texts(&self, name: &str) -> io::Result<Vec<String>> {
        let name = Name::from_ascii(name).map_err(io::Error::other)?;
        let mut question = Message::query();
        question.add_query(Query::query(name, RecordType::TXT));
        let mut stream = TcpStream::connect(self.address)?;
        let octets = question.to_vec().map_err(io::Error::other)?;
        let length = u16::try_from(octets.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes(), octets.as_slice()].concat())?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut octets = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut octets)?;
        let answer = Message::from_vec(&octets).map_err(io::Error::other)?;
        let text = |record: &Record| match &record.data {
            RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
            _ => None,
        };
        let mut texts: Vec<String> = answer.answers.iter().filter_map(text).collect();
        texts.sort();
        Ok(texts)
    }

    /// A file with its TSIG key in BIND's own form.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn key_file(&self) -> io::Result<PathBuf> {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.folder.path().join("room.key");
        fs::write(&path, self.key_text("hmac-sha256"))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(path)
    }

    fn wait(&self) -> io::Result<()> {
        let began = Instant::now();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        // A question for the root's NS: any answer, even a refusal, says that it listens.
        let question = [0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1];
        while began.elapsed() < Duration::from_secs(60) {
            socket.send_to(&question, self.address)?;
            // It answers before its zones are loaded, that it fails.
            if socket.recv(&mut [0; 512]).is_ok() && self.log().contains(" running\n") {
                return Ok(());
            }
        }
        Err(io::Error::other(format!("BIND does not answer:\n{}", self.log())))
    }
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

impl Drop for Bind {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A zone whose `_acme-challenge.alias` is a name for `proofs`. That something is absent may be kept for an hour, far longer than a test
/// lasts.
fn zone_text(zone: &str, ip: IpAddr) -> String {
    format!(
        "$ORIGIN {zone}.\n$TTL 1\n@ SOA ns hostmaster 1 3600 600 86400 3600\n@ NS ns\nns A {ip}\n\
         _acme-challenge.alias CNAME proofs\n"
    )
}

fn key_name(algorithm: &str) -> String {
    if algorithm == "hmac-sha256" { KEY_NAME.to_owned() } else { format!("{KEY_NAME}-{algorithm}") }
}

fn key_text(algorithm: &str, secret: &str) -> String {
    format!("key \"{}\" {{ algorithm {algorithm}; secret \"{secret}\"; }};\n", key_name(algorithm))
}

fn config_text(folder: &Path, zone: &str, port: u16, secret: &str) -> String {
    let folder = folder.display();
    let keys: String = ALGORITHMS.iter().map(|algorithm| key_text(algorithm, secret)).collect();
    let allowed: String =
        ALGORITHMS.iter().map(|algorithm| format!("key \"{}\"; ", key_name(algorithm))).collect();
    format!(
        "options {{\n  directory \"{folder}\"; pid-file \"{folder}/pid\"; session-keyfile \"{folder}/session\";\n  \
         lock-file none; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n  \
         recursion no; dnssec-validation no; notify no; allow-transfer {{ none; }};\n}};\ncontrols {{ }};\n{keys}\
         zone \"{zone}\" {{ type primary; file \"{folder}/zone\"; allow-update {{ {allowed}}}; }};\n\
         zone \".\" {{ type primary; file \"{folder}/root\"; }};\n"
    )
}
