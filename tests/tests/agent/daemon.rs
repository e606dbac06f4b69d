//! `acme-client run` as a process: what it writes line by line, and what the service manager hears of it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use acme_client::enroll::Leaf;
use acme_client::state::{IdentityDir, RenewalRecord};
use serde_json::Value;
use time::OffsetDateTime;

use crate::setting::Device;

/// Nothing that is waited for here takes this long.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running agent; killed when this is dropped.
pub(crate) struct Daemon {
    pub(crate) child: Child,
    lines: Receiver<Value>,
    heard: Receiver<String>,
    _socket: Option<tempfile::TempDir>,
}

impl Daemon {
    /// Starts it, and waits until it says that it is ready.
    pub(crate) fn start(device: &Device<'_>, more: &[&str]) -> Self {
        Self::begin(device.command(&[&["run"], more].concat()))
    }

    /// Starts this command, and waits until it says that it is ready.
    pub(crate) fn begin(mut command: Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "600000").env_remove("WATCHDOG_PID");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (told, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = told.send(serde_json::from_str(&line).expect("each line is an object"));
            }
        });
        let (told, heard) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length) = socket.recv(&mut buffer) {
                if told.send(String::from_utf8_lossy(&buffer[..length]).into_owned()).is_err() {
                    break;
                }
            }
        });
        let mut daemon = Self { child, lines, heard, _socket: Some(folder) };
        daemon.wait_for("ready");
        daemon
    }

    /// The next line of this kind.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, event: &str) -> Value {
        self.wait_until(|line| line["event"] == event)
    }

    /// The next line for which that holds.
    #[track_caller]
    pub(crate) fn wait_until(&mut self, holds: impl Fn(&Value) -> bool) -> Value {
        let mut others = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if holds(&line) => return line,
                Ok(line) => others.push(line),
                Err(_) => {
                    self.child.kill().unwrap();
                    let mut log = String::new();
                    self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
                    panic!("it never said that, but {others:#?}\n{log}");
                }
            }
        }
    }

    /// The next message to the service manager that begins so.
    #[track_caller]
    pub(crate) fn hears(&self, beginning: &str) -> String {
        loop {
            let message = self.heard.recv_timeout(PATIENCE).expect("the service manager hears of it");
            if let Some(line) = message.lines().find(|line| line.starts_with(beginning)) {
                return line.to_owned();
            }
        }
    }

    /// Sends a signal, such as `HUP`.
    #[track_caller]
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end, and gives its exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// A path as this process sees it, whatever is mounted there.
    pub(crate) fn sees(&self, path: &std::path::Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.child.id()));
        root.join(path.strip_prefix("/").unwrap())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// As if the moment drawn for this certificate had come. Only while nobody else writes.
pub(crate) fn make_due(identity: &IdentityDir) {
    let now = OffsetDateTime::now_utc();
    let current = identity.current().unwrap().unwrap();
    let leaf = Leaf::from_pem(&current.certificate).unwrap();
    let record = RenewalRecord {
        certificate: leaf.id.map(|id| id.to_string()),
        chosen: Some(now - time::Duration::MINUTE),
        ask_again: Some(now + time::Duration::HOUR),
        ..RenewalRecord::default()
    };
    identity.store_renewal(&record).unwrap();
}
