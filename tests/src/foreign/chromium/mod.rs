//! Chromium without a window, driven over W3C WebDriver: what a person does with pages, and what a screen reader hears of them.
//!
//! Each browser has a home of its own, with the roots that it is to trust in a certificate store there, and reaches nothing but this machine. It ends
//! when dropped.

mod accessible;
mod page;
mod traffic;
mod wire;

use std::io::{self, BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

pub use accessible::Node;
pub use page::{Element, Key, Look};
pub use traffic::{Answer, Request, Traffic};

/// How often a driver is started until it listens.
const STARTS: usize = 3;

/// Why a browser did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// A program could not be started, or the driver not be talked to.
    #[error("the driver: {0}")]
    Io(#[from] io::Error),
    /// The driver's answer is not JSON.
    #[error("the driver's answer: {0}")]
    Json(#[from] serde_json::Error),
    /// The driver's answer ends early.
    #[error("the driver's answer is cut off")]
    CutOff,
    /// The driver did not say where it listens.
    #[error("the driver did not start")]
    NotStarted,
    /// A root could not be put where the browser looks for it.
    #[error("certutil: {0}")]
    Store(String),
    /// The driver refused, or the page has no such thing.
    #[error("{command}: {error}: {message}")]
    Refused {
        /// The last part of the command's path.
        command: String,
        /// WebDriver's error code.
        error: String,
        /// What else the driver said.
        message: String,
    },
    /// An answer without what it must have.
    #[error("the driver's answer to {command} has no {wanted}")]
    Shape {
        /// The command.
        command: &'static str,
        /// What is missing.
        wanted: &'static str,
    },
}

/// A browser with one page.
#[derive(Debug)]
pub struct Chromium {
    driver: Child,
    address: SocketAddr,
    /// `/session/…`
    session: String,
    _home: tempfile::TempDir,
}

impl Chromium {
    /// Starts one that trusts these roots (PEM files); `None`, with a word, where a program is missing.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(roots: &[&Path]) -> Result<Option<Self>, BrowserError> {
        let found = ["chromium", "chromedriver", "certutil"].map(super::program);
        let [Some(chromium), Some(chromedriver), Some(certutil)] = found else { return Ok(None) };
        let home = tempfile::tempdir()?;
        trust(&certutil, home.path(), roots)?;
        let (driver, address) = start_a_driver(&chromedriver, home.path())?;
        let mut browser = Self { driver, address, session: String::new(), _home: home };
        let capabilities = capabilities(&chromium, browser._home.path());
        let answer = wire::exchange(address, "POST", "/session", &capabilities)?;
        let id = answer.get("sessionId").and_then(Value::as_str);
        let id = id.ok_or(BrowserError::Shape { command: "session", wanted: "sessionId" })?;
        browser.session = format!("/session/{id}");
        browser.wear(&Look::default())?;
        Ok(Some(browser))
    }

    /// A command of the session, such as `POST` and `url`.
    fn command(&self, method: &str, path: &str, body: &Value) -> Result<Value, BrowserError> {
        wire::exchange(self.address, method, &format!("{}/{path}", self.session), body)
    }

    /// A command of the browser's own protocol.
    fn chrome(&self, command: &str, parameters: &Value) -> Result<Value, BrowserError> {
        self.command("POST", "goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Asked first: a driver that is killed leaves its browser behind.
        if !self.session.is_empty() {
            let _ = wire::exchange(self.address, "DELETE", &self.session, &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// A certificate store below `home` where Chromium looks for one.
fn trust(certutil: &Path, home: &Path, roots: &[&Path]) -> Result<(), BrowserError> {
    let store = home.join(".pki/nssdb");
    std::fs::create_dir_all(&store)?;
    let store = format!("sql:{}", store.display());
    let run = |command: &mut Command| -> Result<(), BrowserError> {
        let said = super::run(command)?;
        if said.success { Ok(()) } else { Err(BrowserError::Store(said.text)) }
    };
    run(Command::new(certutil).args(["-N", "--empty-password", "-d", &store]))?;
    for (number, root) in roots.iter().enumerate() {
        let name = format!("root {number}");
        run(Command::new(certutil).args(["-A", "-t", "C,,", "-n", &name, "-d", &store, "-i"]).arg(root))?;
    }
    Ok(())
}

/// Starts the driver; of several that start at the same moment, one may find the port taken that it chose.
fn start_a_driver(program: &Path, home: &Path) -> Result<(Child, SocketAddr), BrowserError> {
    for _ in 1..STARTS {
        match start_driver(program, home) {
            Err(BrowserError::NotStarted) => {}
            ended => return ended,
        }
    }
    start_driver(program, home)
}

/// Starts the driver on a port that it chooses, and says which.
fn start_driver(program: &Path, home: &Path) -> Result<(Child, SocketAddr), BrowserError> {
    let mut child = Command::new(program)
        .arg("--port=0")
        .env("HOME", home)
        .env_remove("XDG_DATA_HOME")
        .env_remove("XDG_CONFIG_HOME")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let port = child.stdout.as_mut().and_then(|stdout| {
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let port =
            |line: String| line.split("successfully on port ").nth(1)?.trim_end_matches('.').parse().ok();
        lines.find_map(port)
    });
    match port {
        Some(port) => Ok((child, SocketAddr::from((Ipv4Addr::LOCALHOST, port)))),
        None => {
            let _ = child.kill();
            let _ = child.wait();
            Err(BrowserError::NotStarted)
        }
    }
}

fn capabilities(chromium: &Path, home: &Path) -> Value {
    let profile: PathBuf = home.join("profile");
    let arguments = [
        "--headless",
        // As root, as in a container, there is no sandbox; the pages are ours.
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-proxy-server",
        "--no-first-run",
        "--force-prefers-reduced-motion",
        "--lang=en-US",
        // Nothing but this machine has an address.
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1",
        &format!("--user-data-dir={}", profile.display()),
    ];
    json!({ "capabilities": { "alwaysMatch": {
        "browserName": "chrome",
        "acceptInsecureCerts": false,
        // Looking for something waits until it is there: no test sleeps.
        "timeouts": { "implicit": 60_000, "pageLoad": 150_000, "script": 150_000 },
        "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        "goog:chromeOptions": { "binary": chromium, "args": arguments },
    } } })
}
