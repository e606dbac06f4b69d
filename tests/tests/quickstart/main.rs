//! The quickstart as a newcomer meets it: what it prints, how it ends, what it leaves behind, and whether the lines that it prints work when pasted.
//!
//! The certbot line is tried where interop is required (`ROLLCALL_INTEROP=require`, as `.ci/interop` sets it).

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first wrong value"
)]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rollcall_tests::browser::Browser;
use serde_json::Value;

fn quickstart(arguments: &[&str], temporary: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quickstart"));
    command.args(arguments).env("TMPDIR", temporary).env_remove("RUST_LOG");
    command
}

fn run(arguments: &[&str], temporary: &Path) -> Output {
    quickstart(arguments, temporary).output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn once_proves_everything_step_by_step_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let output = run(&["--once"], temporary.path());
    assert!(output.status.success(), "{output:?}");
    let stdout = text(&output.stdout);
    for step in 1..=15 {
        let begins = format!("{step:>2}. ");
        assert!(stdout.lines().any(|line| line.starts_with(&begins)), "no step {step} in {stdout}");
    }
    for verdict in [
        "room-1.rollcall.test: verified by Rollcall quickstart external root, proven by dns-01",
        "bob@rollcall.test: verified by Rollcall quickstart external root, proven by sso-01",
    ] {
        assert_eq!(stdout.matches(verdict).count(), 3, "{stdout}");
    }
    assert!(stdout.contains("a browser of the tests walks through the pages"), "{stdout}");
    assert!(stdout.contains("Issued, verified and renewed in "), "{stdout}");
    let (_, table) = stdout.split_once("    WHO ").unwrap();
    assert_eq!(table.lines().skip(1).take_while(|line| !line.contains("=>")).count(), 6, "{stdout}");
    assert!(table.contains("unverified (anonymous)"), "{table}");
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    assert!(is_empty(temporary.path()), "something was left behind");
}

#[test]
fn programs_get_one_json_object_and_the_kept_folder_holds_what_it_tells() {
    let temporary = tempfile::tempdir().unwrap();
    let kept = temporary.path().join("kept");
    let arguments = ["--once", "--json", "--domain", "example.test", "--dir", kept.to_str().unwrap()];
    let output = run(&arguments, temporary.path());
    assert!(output.status.success(), "{output:?}");
    let proof: Value = serde_json::from_slice(&output.stdout).unwrap();
    for (who, name) in [("device", "room-1.example.test"), ("person", "bob@example.test")] {
        let (first, second) = (&proof[who]["first"], &proof[who]["second"]);
        for one in [first, second] {
            assert_eq!(one["verdict"]["display"], name);
            assert_eq!(one["verdict"]["reason"], Value::Null);
            assert!(Path::new(one["folder"].as_str().unwrap()).join("key.pem").is_file());
        }
        assert_ne!(first["serial"], second["serial"]);
        assert_ne!(first["key_sha256"], second["key_sha256"]);
    }
    let identities = proof["identities"].as_array().unwrap();
    let found: Vec<_> = identities
        .iter()
        .map(|row| format!("{} {} {} {}", row["who"], row["flow"], row["verdict"]["state"], row["lobby"]))
        .map(|text| text.replace('"', ""))
        .collect();
    assert_eq!(
        found,
        [
            "device external {verified-by:external-domain} my-organisation",
            "device internal internal my-organisation",
            "person external {verified-by:external-user} my-organisation",
            "person internal internal my-organisation",
            "device without a domain internal internal guests",
            "guest internal unverified unverified",
        ]
    );
    assert_eq!(identities[5]["verdict"]["reason"], "anonymous");
    assert_eq!(identities[1]["verdict"]["display"], "example.test");
    let again = run(&arguments, temporary.path());
    assert_eq!(again.status.code(), Some(1));
    let stderr = text(&again.stderr);
    assert!(
        stderr.starts_with("error: ") && stderr.contains("is not empty\nhint: choose another folder"),
        "{stderr}"
    );
}

#[test]
fn a_port_that_is_taken_is_said_to_be_so() {
    let temporary = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = run(&["--once", "--port", &port], temporary.path());
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains("cannot listen on") && stderr.contains("\nhint: choose another port"),
        "{stderr}"
    );
    assert!(is_empty(temporary.path()), "something was left behind");
}

/// A quickstart that goes on serving.
struct Serving {
    child: Child,
    temporary: tempfile::TempDir,
    /// The commands that it printed.
    commands: Vec<String>,
    /// The sentence below them.
    hint: String,
}

impl Serving {
    fn start() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let mut child = quickstart(&[], temporary.path()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut commands, mut open, mut hint) = (Vec::new(), false, String::new());
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let is_command = open || line.starts_with("  ");
            if is_command && line.contains("--") && !line.starts_with("    =>") {
                let word = line.trim().trim_end_matches('\\');
                match commands.last_mut() {
                    Some(last) if open => *last = format!("{last}{word}"),
                    _ => commands.push(word.to_owned()),
                }
                open = line.ends_with('\\');
            }
            if line.starts_with('(') {
                hint = line;
                break;
            }
        }
        Self { child, temporary, commands, hint }
    }

    /// The command that has `mark` in it, with the program of the harness in the place of ours, run by a shell.
    fn paste(&self, mark: &str, program: Option<&str>) -> Output {
        let command = self.commands.iter().find(|command| command.contains(mark));
        let command = command.unwrap_or_else(|| panic!("no {mark} in {:?}", self.commands));
        let command = match program {
            Some(program) => format!("{program} {}", &command[command.find(mark).unwrap()..]),
            None => command.clone(),
        };
        Command::new("sh").arg("-c").arg(command).output().unwrap()
    }

    /// The line for a person, with another browser than the machine's, and what it says of who signs in and how.
    fn paste_and_sign_in(&self) {
        let line = self.commands.iter().find(|command| command.contains("enroll user")).unwrap();
        let arguments = &line[line.find("--state").unwrap()..];
        let line = format!("{} {arguments} --json", env!("CARGO_BIN_EXE_harness-acme-client"));
        let mut child = Command::new("sh")
            .args(["-c", &format!("exec {line}")])
            .env("BROWSER", "true")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let told = BufReader::new(child.stderr.take().unwrap())
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                serde_json::from_str::<Value>(&line).ok().filter(|told| told["sign_in"].is_object())
            })
            .unwrap();
        let words = self.hint.split('`').collect::<Vec<_>>();
        let (login, password) = (words[1].to_owned(), words[3].to_owned());
        let root = line.split("--root ").nth(1).unwrap().split(' ').next().unwrap();
        let root = std::fs::read_to_string(root).unwrap();
        let link = told["sign_in"]["url"].as_str().unwrap().to_owned();
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let mut browser = Browser::builder().trusting(&root).start();
            browser.open(&link).await;
            browser.submit(&[]).await;
            browser.submit(&[("login", &login), ("password", &password)]).await;
        });
        let output = child.wait_with_output().unwrap();
        let enrolled: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(enrolled["names"], serde_json::json!(["alice@rollcall.test"]), "{enrolled}");
    }

    /// Sends a signal as Ctrl-C or a service manager does, and waits for the end.
    fn end(mut self, signal: &str) -> (Option<i32>, PathBuf, tempfile::TempDir) {
        Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        let began = Instant::now();
        let status = self.child.wait().unwrap();
        assert!(began.elapsed() < Duration::from_secs(20), "it took {:?} to stop", began.elapsed());
        (status.code(), self.temporary.path().to_owned(), self.temporary)
    }
}

#[test]
fn the_lines_that_it_prints_work_when_pasted_and_ctrl_c_ends_it_in_order() {
    let serving = Serving::start();
    let enrolled = serving.paste("--state", Some(env!("CARGO_BIN_EXE_harness-acme-client")));
    assert!(enrolled.status.success(), "{enrolled:?}");
    assert!(text(&enrolled.stdout).starts_with("enrolled room-2.rollcall.test until "), "{enrolled:?}");
    serving.paste_and_sign_in();
    let listed = serving.paste("certificates list", Some(env!("CARGO_BIN_EXE_harness-ca-server")));
    let listed = text(&listed.stdout);
    assert!(listed.contains("room-1.rollcall.test") && listed.contains("room-2.rollcall.test"), "{listed}");
    let (code, folder, _kept) = serving.end("-INT");
    assert_eq!(code, Some(0));
    assert!(is_empty(&folder), "something was left behind");
}

#[test]
fn the_certbot_line_works_when_pasted_and_a_service_manager_ends_it_in_order() {
    if std::env::var("ROLLCALL_INTEROP").is_err() || rollcall_tests::foreign::program("certbot").is_none() {
        return;
    }
    let serving = Serving::start();
    let obtained = serving.paste("REQUESTS_CA_BUNDLE", None);
    assert!(obtained.status.success(), "{obtained:?}");
    assert!(text(&obtained.stdout).contains("Successfully received certificate"), "{obtained:?}");
    let (code, folder, _kept) = serving.end("-TERM");
    assert_eq!(code, Some(0));
    assert!(is_empty(&folder), "something was left behind");
}
