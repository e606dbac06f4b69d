//! `acme-client enroll user`, running: what it shows while it waits for the person, and how it ends.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};

use certs::chain::TrustSets;
use certs::identifier::Identifier;
use certs::verdict::{State, Verdict, verdict};
use serde_json::Value;
use time::OffsetDateTime;

use crate::setting::Setting;

/// How the client learns that the person is in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// It opens a browser here and listens on loopback.
    Redirect,
    /// It shows a link and a code, for a browser anywhere.
    Code,
}

/// A client that waits.
pub(crate) struct Enrolment {
    child: Child,
    stderr: BufReader<ChildStderr>,
    /// Where the person begins.
    pub(crate) link: String,
    /// What the person types at the end.
    pub(crate) code: Option<String>,
    /// The words of its account's key.
    pub(crate) key_words: String,
    opened: PathBuf,
}

impl Enrolment {
    /// Starts one for an address and reads on until it asks for the person.
    #[track_caller]
    pub(crate) fn begin(setting: &Setting, email: &str, method: Method) -> Self {
        let folder = tempfile::tempdir_in(setting.folder.path()).unwrap().keep();
        let (browser, opened) = (folder.join("browser"), folder.join("opened"));
        fs::write(&browser, format!("#!/bin/sh\nprintf %s \"$1\" > '{}'\n", opened.display())).unwrap();
        fs::set_permissions(&browser, fs::Permissions::from_mode(0o700)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_harness-acme-client"));
        command.args(["enroll", "user", "--ca", &setting.server.url, "--email", email, "--json", "--root"]);
        command.arg(setting.root()).arg("--state").arg(folder.join("state"));
        if method == Method::Code {
            command.arg("--no-browser");
        }
        command.env("BROWSER", &browser).env_remove("ROLLCALL_STATE").env_remove("RUST_LOG");
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let invitation = invitation(&mut stderr, setting);
        let text = |member: &str| invitation[member].as_str().map(str::to_owned);
        let (link, key_words) = (text("url").unwrap(), text("key_words").unwrap());
        let code = text("code");
        assert_eq!(code.is_some(), method == Method::Code, "{invitation}");
        Self { child, stderr, link, code, key_words, opened }
    }

    /// Waits until it has ended, and demands that it went well: gives what it printed, and what a relying party concludes.
    #[track_caller]
    pub(crate) fn succeed(mut self, setting: &Setting, email: &str) -> (Value, Verdict) {
        let (status, printed, said) = self.end();
        assert!(status, "{printed}\n{said}\n{}", setting.log());
        let enrolled: Value = serde_json::from_str(&printed).unwrap();
        if self.code.is_none() {
            assert_eq!(
                fs::read_to_string(&self.opened).unwrap(),
                self.link,
                "the browser was sent elsewhere"
            );
        }
        let chain = fs::read_to_string(enrolled["fullchain"].as_str().unwrap()).unwrap();
        let chain = certs::pem::parse_certificates(&chain).unwrap();
        let mut trust = TrustSets::new();
        let root = fs::read_to_string(setting.root()).unwrap();
        trust.insert_pem("corp".parse().unwrap(), &root).unwrap();
        let expected = Identifier::from_parts("email", email).unwrap();
        let verdict = verdict(&chain, &trust, Some(&expected), &[], OffsetDateTime::now_utc());
        assert!(matches!(verdict.state, State::VerifiedBy(_)), "{verdict}");
        (enrolled, verdict)
    }

    /// Waits until it has ended, and demands that it did not get a certificate: gives what it printed.
    #[track_caller]
    pub(crate) fn fail(mut self) -> Value {
        let (status, printed, said) = self.end();
        assert!(!status, "{printed}\n{said}");
        serde_json::from_str(&printed).unwrap()
    }

    fn end(&mut self) -> (bool, String, String) {
        let (mut printed, mut said) = (String::new(), String::new());
        self.stderr.read_to_string(&mut said).unwrap();
        self.child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        (self.child.wait().unwrap().success(), printed, said)
    }
}

impl Drop for Enrolment {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The line with which the client asks for the person.
#[track_caller]
fn invitation(stderr: &mut BufReader<ChildStderr>, setting: &Setting) -> Value {
    let mut said = String::new();
    loop {
        let mut line = String::new();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "the client ended:\n{said}\n{}", setting.log());
        if let Ok(object) = serde_json::from_str::<Value>(&line)
            && let Some(invitation) = object.get("sign_in")
        {
            return invitation.clone();
        }
        said.push_str(&line);
    }
}
