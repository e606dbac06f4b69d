//! `ca-server init`: what it says, what it makes, and that it never overwrites.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::program::{ca_server, init};

/// Every file below `folder` with its mode, sorted.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                let path = entry.path().strip_prefix(folder).unwrap().display().to_string();
                found.push(format!("{:o} {path}", metadata.permissions().mode() & 0o777));
            }
        }
    }
    found.sort_by(|one, other| one[4..].cmp(&other[4..]));
    found
}

/// The output with what differs from run to run taken out.
fn filtered(text: &str, folder: &Path) -> String {
    let text = text.replace(folder.to_str().unwrap(), "DIR");
    let is_hash = |word: &str| word.len() == 64 && word.chars().all(|c| c.is_ascii_hexdigit());
    let line = |line: &str| {
        let words = line.split(' ').map(|word| {
            let bare = word.trim_end_matches(')');
            if is_hash(bare) { word.replace(bare, "HASH") } else { word.to_owned() }
        });
        words.collect::<Vec<_>>().join(" ")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn it_says_what_it_made_and_what_to_do_next() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("ca");
    let ran = init(&folder, "https://ca.corp.test:14000", &[]);
    insta::assert_snapshot!("init", filtered(ran.data(), &folder));
    insta::assert_snapshot!("init-files", files(&folder).join("\n"));
    for file in files(&folder).iter().filter(|file| file.contains("key") || file.contains("passphrase")) {
        assert!(file.starts_with("600 "), "others can read {file}");
    }
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn what_it_made_is_a_configuration_with_nothing_wrong() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("ca");
    let made = init(&folder, "https://ca.corp.test:14000", &["--json"]).json();
    assert_eq!(made["directory"], "https://ca.corp.test:14000/acme/external/directory");
    let config = folder.join("ca.toml");
    let ran = ca_server(&["check", "--config", config.to_str().unwrap()]);
    assert!(ran.data().contains("nothing wrong"), "{}", ran.stdout);
}

#[test]
fn a_folder_that_is_not_empty_is_left_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("ca");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("precious"), "x").unwrap();
    let ran = init(&folder, "https://ca.corp.test", &[]);
    let (error, hint) = ran.error();
    assert!(error.contains("exists already"), "{error}");
    assert!(hint.contains("nothing is ever overwritten"), "{hint}");
    assert_eq!(files(&folder).len(), 1);
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "a draft was left behind");
}

#[test]
fn values_that_cannot_be_are_refused_before_anything_is_made() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("ca");
    for url in [
        "http://ca.corp.test",
        "ftp://ca.corp.test",
        "https://user@ca.corp.test",
        "https://ca.corp.test/?x",
        "https://192.168.1.10:14000",
        "https://[2001:db8::1]",
        "https://my_ca.corp.test",
    ] {
        let ran = init(&folder, url, &[]);
        assert_eq!(ran.code, 1, "{url}: {}", ran.stderr);
        assert!(ran.stderr.contains("hint: "), "{url}: {}", ran.stderr);
    }
    let ran = init(&folder, "https://ca.corp.test", &["--domain", "*.corp.test"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(!folder.exists());
}

#[test]
fn behind_a_proxy_the_host_may_be_an_address() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("ca");
    init(&folder, "https://192.168.1.10", &["--plain-http"]).data();
    let config = folder.join("ca.toml");
    let ran = ca_server(&["check", "--config", config.to_str().unwrap()]);
    assert!(ran.data().contains("nothing wrong"), "{}", ran.stdout);
}

#[test]
fn every_folder_is_durable_before_the_whole_stands_in_its_place() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("ca");
    let traced = Command::new("strace")
        .args(["-f", "-y", "-s", "4096", "-e", "trace=fsync,rename,renameat,renameat2"])
        .arg(env!("CARGO_BIN_EXE_harness-ca-server"))
        .args([
            "init",
            "--dir",
            folder.to_str().unwrap(),
            "--url",
            "https://ca.corp.test",
            "--domain",
            "corp.test",
        ])
        .output();
    let Ok(traced) = traced else {
        eprintln!("SKIPPED: this proof needs strace");
        return;
    };
    let text = String::from_utf8(traced.stderr).unwrap();
    if !traced.status.success() && !folder.exists() {
        eprintln!("SKIPPED: strace may not trace here: {text}");
        return;
    }
    let (before, rename) = text.split_once("rename").unwrap();
    let draft = rename.split('"').nth(1).unwrap();
    let mut folders = vec![folder.clone()];
    while let Some(next) = folders.pop() {
        let synced =
            draft.to_owned() + next.to_str().unwrap().strip_prefix(folder.to_str().unwrap()).unwrap();
        assert!(before.contains(&format!("<{synced}>")), "{synced} was not synced:\n{text}");
        let entries = std::fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path());
        folders.extend(entries.filter(|path| path.is_dir()));
    }
}
