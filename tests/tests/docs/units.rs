//! The systemd units in `packaging/systemd`: systemd takes them, and what they start are programs and flags of ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::commands::{faults, program};
use crate::pages::root;

/// A unit, or a drop-in of one.
struct Unit {
    path: PathBuf,
    /// Section, key and value, in their order.
    lines: Vec<(String, String, String)>,
}

impl Unit {
    fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter(move |(_, name, _)| name == key).map(|(_, _, value)| value.as_str())
    }

    fn value(&self, key: &str) -> Option<&str> {
        self.lines.iter().rfind(|(_, name, _)| name == key).map(|(_, _, value)| value.as_str())
    }
}

fn units() -> Vec<Unit> {
    let mut units = Vec::new();
    let mut folders = vec![root().join("packaging/systemd")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut lines = Vec::new();
            let mut section = String::new();
            for line in std::fs::read_to_string(&path).unwrap().lines() {
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                    section = name.to_owned();
                    continue;
                }
                let (key, value) =
                    line.split_once('=').unwrap_or_else(|| panic!("{}: {line}", path.display()));
                assert!(!section.is_empty(), "{}: {line} stands in no section", path.display());
                lines.push((section.clone(), key.to_owned(), value.to_owned()));
            }
            units.push(Unit { path, lines });
        }
    }
    units
}

/// The words of what a unit starts, if that is a program of ours.
fn ours(command: &str) -> Option<(&'static str, Vec<String>)> {
    let mut words = command.split_whitespace();
    let name = words.next()?.rsplit('/').next()?;
    program(name).map(|path| (path, words.map(str::to_owned).collect()))
}

#[test]
fn every_unit_starts_a_program_of_ours_with_flags_that_exist() {
    let mut checked = 0;
    for unit in units() {
        for command in unit.values("ExecStart").filter(|command| !command.is_empty()) {
            let (path, words) = ours(command).unwrap_or_else(|| panic!("{}: {command}", unit.path.display()));
            let wrong = faults(path, &words);
            assert!(wrong.is_empty(), "{}: {}", unit.path.display(), wrong.join(", "));
            checked += 1;
        }
    }
    assert!(checked >= 5, "only {checked} commands were found");
}

#[test]
fn services_that_say_when_they_are_ready_are_watched_and_get_the_time_they_need_to_end() {
    let notified: Vec<Unit> =
        units().into_iter().filter(|unit| unit.value("Type") == Some("notify")).collect();
    assert!(notified.len() >= 2);
    for unit in notified {
        // The server says when it is ready and when it stops; only the agent says now and then that it lives.
        let lives = unit.value("ExecStart").is_some_and(|command| command.contains("acme-client"));
        assert_eq!(unit.value("WatchdogSec").is_some(), lives, "{}", unit.path.display());
        let seconds: u64 = unit.value("TimeoutStopSec").unwrap().parse().unwrap();
        let least = if lives { 20 } else { 60 };
        assert!(seconds > least, "{}: it takes {least} seconds to end", unit.path.display());
        assert!(unit.value("ExecReload").unwrap().contains("-HUP"), "{}", unit.path.display());
    }
    let once = units().into_iter().find(|unit| unit.path.ends_with("acme-client-renew.service")).unwrap();
    assert_eq!(
        once.value("SuccessExitStatus"),
        Some("3 5 7"),
        "nothing due, a sign-in and an approval are no failures"
    );
}

/// systemd's own opinion, where it is installed.
#[test]
fn systemd_finds_nothing_wrong_with_the_units_and_little_exposed() {
    let verify = |arguments: &[&str], path: &Path| {
        Command::new("systemd-analyze").args(arguments).arg(path).env("SYSTEMD_LOG_LEVEL", "warning").output()
    };
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("skipped: no systemd-analyze");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let whole: Vec<Unit> =
        units().into_iter().filter(|unit| unit.path.extension().is_none_or(|kind| kind != "conf")).collect();
    // The programs are not installed here; those that were built for this test stand in for them.
    let place = |unit: &Unit| {
        let folder = folder.path().join(unit.path.parent().unwrap().file_name().unwrap());
        std::fs::create_dir_all(&folder).unwrap();
        folder.join(unit.path.file_name().unwrap())
    };
    for unit in &whole {
        let text = std::fs::read_to_string(&unit.path).unwrap();
        let text = ["acme-client", "ca-server"]
            .iter()
            .fold(text, |text, name| text.replace(&format!("/usr/local/bin/{name}"), program(name).unwrap()));
        std::fs::write(place(unit), text).unwrap();
    }
    for unit in &whole {
        let path = place(unit);
        let output = verify(&["verify", "--man=no"], &path).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let ours = |line: &&str| line.contains("acme-client") || line.contains("ca-server");
        let about_ours: Vec<&str> = said.lines().filter(ours).collect();
        assert!(output.status.success() && about_ours.is_empty(), "{}: {said}", unit.path.display());
        if unit.value("ProtectSystem").is_some() {
            // 0 is nothing exposed, 100 everything; the option is as old as systemd 250.
            let output = verify(&["security", "--offline=true", "--threshold=25"], &path).unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(
                output.status.success(),
                "{}: {}",
                unit.path.display(),
                said.lines().last().unwrap_or_default()
            );
        }
    }
    assert!(whole.len() >= 4);
}
