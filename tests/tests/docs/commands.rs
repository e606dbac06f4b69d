//! Commands shown in the pages: the program knows each subcommand, and its help names each flag.

use std::collections::BTreeSet;
use std::process::Command;

use crate::pages::{pages, root};

/// Where a program of ours stands for the tests.
fn program(name: &str) -> Option<&'static str> {
    match name {
        "ca-server" => Some(env!("CARGO_BIN_EXE_harness-ca-server")),
        "acme-client" => Some(env!("CARGO_BIN_EXE_harness-acme-client")),
        _ => None,
    }
}

/// A command as a page shows it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shown {
    program: String,
    words: Vec<String>,
}

/// The commands of our programs in console blocks, continued lines joined.
fn shown() -> BTreeSet<Shown> {
    let mut found = BTreeSet::new();
    for page in pages() {
        let lines = page.code(&["console", "sh", "bash", "shell"]).join("\n").replace("\\\n", " ");
        for line in lines.lines() {
            let line = line.trim().trim_start_matches("$ ");
            let line = line.split(" #").next().unwrap();
            for command in line.split("&&").flat_map(|part| part.split(['|', ';'])) {
                let mut words = command.split_whitespace().skip_while(|word| is_before_the_program(word));
                let Some(first) = words.next() else { continue };
                let name = first.rsplit('/').next().unwrap();
                if program(name).is_some() {
                    let words = words.map(str::to_owned).collect();
                    found.insert(Shown { program: name.to_owned(), words });
                }
            }
        }
    }
    found
}

/// `sudo`, `NAME=value`: what may stand before a program.
fn is_before_the_program(word: &str) -> bool {
    word == "sudo"
        || word
            .split_once('=')
            .is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
}

/// The help of a subcommand, if there is one.
fn help(program: &str, subcommands: &[String]) -> Option<String> {
    let output = Command::new(program).args(subcommands).arg("--help").output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// The longest run of words that is a subcommand.
fn subcommand(path: &str, words: &[String]) -> (Vec<String>, String) {
    let mut known = (Vec::new(), help(path, &[]).unwrap());
    for count in 1..=words.len() {
        let candidate = &words[..count];
        let is_word = |word: &String| {
            word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-')
        };
        if !candidate.iter().all(is_word) {
            break;
        }
        // clap shows the help of the command above when the last word is an argument.
        match help(path, candidate) {
            Some(text) if text.contains(&format!("{} ", candidate.join(" "))) => {
                known = (candidate.to_vec(), text)
            }
            _ => break,
        }
    }
    known
}

#[test]
fn every_command_that_a_page_shows_exists_with_every_flag_it_uses() {
    let commands = shown();
    assert!(commands.len() >= 8, "only these were found: {commands:?}");
    let mut wrong = Vec::new();
    for command in &commands {
        let path = program(&command.program).unwrap();
        let (known, help) = subcommand(path, &command.words);
        let needs = command.words.first().is_some_and(|word| !word.starts_with('-'));
        if needs && known.is_empty() {
            wrong.push(format!("{} {}: no such command", command.program, command.words.join(" ")));
        }
        for flag in command.words.iter().filter(|word| word.starts_with("--") && word.len() > 2) {
            let flag = flag
                .split('=')
                .next()
                .unwrap()
                .trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            if !help.contains(flag) {
                wrong.push(format!("{} {}: no {flag}", command.program, known.join(" ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_target_that_a_page_runs_with_cargo_exists() {
    let manifests: String = ["certs", "policies", "ca-server", "acme-client", "tests"]
        .iter()
        .map(|member| std::fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap())
        .collect();
    let mut checked = 0;
    for page in pages() {
        for line in page.code(&["console", "sh", "bash", "shell"]) {
            let words: Vec<&str> = line.split_whitespace().collect();
            for pair in words.windows(2).filter(|pair| ["--bin", "--bench", "--test"].contains(&pair[0])) {
                checked += 1;
                let target =
                    root().join("tests").join(if pair[0] == "--bench" { "benches" } else { "tests" });
                let is_file =
                    target.join(format!("{}.rs", pair[1])).exists() || target.join(pair[1]).exists();
                let named = manifests.contains(&format!("name = \"{}\"", pair[1]));
                assert!(named || is_file, "{}: {line}: no target {}", page.path.display(), pair[1]);
            }
        }
    }
    assert!(checked >= 1);
}
