//! Commands shown in the pages: the program knows each subcommand, and its help names each flag.

use std::collections::BTreeSet;
use std::process::Command;

use crate::pages::{pages, root};

/// Where a program of ours stands for the tests.
pub(crate) fn program(name: &str) -> Option<&'static str> {
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
        for line in lines.lines().flat_map(apart) {
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

/// A line, and the commands of ours that it has within quotes: those are somebody else's words.
fn apart(line: &str) -> Vec<String> {
    let mut own = String::new();
    let mut found = Vec::new();
    for (number, part) in line.split('\'').enumerate() {
        let is_command =
            number % 2 == 1 && part.split_whitespace().next().is_some_and(|word| program(word).is_some());
        if is_command {
            found.push(part.to_owned());
        } else {
            own.push_str(part);
        }
    }
    found.push(own);
    found
}

/// `sudo`, `NAME=value`: what may stand before a program.
fn is_before_the_program(word: &str) -> bool {
    word == "sudo"
        || word
            .split_once('=')
            .is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
}

/// The help of a subcommand that exists.
fn help(program: &str, subcommands: &[&str]) -> String {
    let output = Command::new(program).args(subcommands).arg("--help").output().unwrap();
    assert!(output.status.success(), "{program} {subcommands:?} --help");
    String::from_utf8(output.stdout).unwrap()
}

/// The subcommands that a help lists.
fn subcommands(help: &str) -> BTreeSet<&str> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    listed.filter_map(|line| line.split_whitespace().next()).collect()
}

/// The flags that a help names, long and short.
fn flags(help: &str) -> BTreeSet<&str> {
    let words = help.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words.filter(|word| word.len() > 1 && word.starts_with('-') && *word != "--").collect()
}

/// What is wrong with a command: a word where a subcommand belongs that is none, and flags that its help does not name.
pub(crate) fn faults(path: &str, words: &[String]) -> Vec<String> {
    let (mut known, mut text) = (Vec::new(), help(path, &[]));
    let mut words = words.iter().map(|word| word.trim_matches(['`', '\'', '"', '(', ')'])).peekable();
    while let Some(word) = words.next_if(|word| !word.starts_with('-')) {
        let there = subcommands(&text);
        if there.is_empty() {
            break;
        }
        if !there.contains(word) {
            return vec![format!("{}: no subcommand {word}, only {there:?}", known.join(" "))];
        }
        known.push(word);
        text = help(path, &known);
    }
    let flags = flags(&text);
    let used = words.filter(|word| word.len() > 1 && word.starts_with('-')).filter(|word| *word != "--");
    used.map(|word| word.split('=').next().unwrap())
        .filter(|flag| !flags.contains(flag))
        .map(|flag| format!("{}: no {flag}", known.join(" ")))
        .collect()
}

#[test]
fn every_command_that_a_page_shows_exists_with_every_flag_it_uses() {
    let commands = shown();
    assert!(commands.len() >= 8, "only these were found: {commands:?}");
    let mut wrong = Vec::new();
    for command in &commands {
        let path = program(&command.program).unwrap();
        wrong.extend(faults(path, &command.words).iter().map(|fault| format!("{} {fault}", command.program)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_wrong_word_and_a_part_of_a_flag_are_found() {
    let client = program("acme-client").unwrap();
    let found = |line: &str| faults(client, &line.split(' ').map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(found("enroll device --ca URL --name N"), Vec::<String>::new());
    assert_eq!(found("account show --ca=URL -v"), Vec::<String>::new());
    assert_eq!(found("inspect room.pem"), Vec::<String>::new());
    for (line, expected) in [
        ("account list", "no subcommand list"),
        ("enroll devices --ca URL", "no subcommand devices"),
        ("enroll device --dns-key FILE", "no --dns-key"),
        ("renew --nam N", "no --nam"),
        ("status -z", "no -z"),
    ] {
        assert!(found(line).iter().any(|fault| fault.contains(expected)), "{line}: {:?}", found(line));
    }
}

/// The README's line for lego is the one that the interop test runs: everything that a run cannot do without is in both.
#[test]
fn the_readme_tells_of_lego_what_its_interop_test_does() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let test = std::fs::read_to_string(root().join("tests/tests/interop/lego.rs")).unwrap();
    let variables: BTreeSet<&str> =
        test.split(".env(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    // How often it looks, and how long records live, is no more than haste.
    let needed = variables.iter().filter(|name| !["RFC2136_POLLING_INTERVAL", "RFC2136_TTL"].contains(*name));
    let mut seen = 0;
    for name in needed {
        seen += 1;
        assert!(readme.contains(&format!("{name}=")), "the README does not set {name}");
    }
    assert!(seen >= 5, "only {variables:?} were found");
    let line = readme.lines().skip_while(|line| !line.contains(" lego ")).take(2).collect::<String>();
    for flag in ["--server", "--email", "--accept-tos", "--dns", "--domains"] {
        assert!(test.contains(&format!("\"{flag}\"")), "the test does without {flag}");
        assert!(line.contains(&format!("{flag} ")), "{line}: no {flag}");
    }
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
