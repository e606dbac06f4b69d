//! Evidence: a page that says which test shows something, or which file does it, names one that is there.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::pages::{pages, root};

/// Where the crates keep what they are made of and what they are tested with.
const SOURCES: [&str; 7] = ["certs", "policies", "tokens", "device-jwe", "ca-server", "acme-client", "tests"];
/// Pages that give evidence.
const PAGES: [&str; 2] = ["conformance.md", "threat-model.md"];

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target" && name != "node_modules") {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The names of all functions in these files.
fn functions(files: &[PathBuf]) -> HashSet<String> {
    let names = |text: String| -> Vec<String> {
        let after = text.split("fn ").skip(1);
        after.filter_map(|rest| rest.split(['(', '<']).next().map(str::to_owned)).collect()
    };
    files.iter().flat_map(|path| names(std::fs::read_to_string(path).unwrap())).collect()
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Whether it reads as the name of a test; metrics have ours in front.
fn is_test_name(text: &str) -> bool {
    !text.starts_with("rollcall_")
        && text.matches('_').count() >= 3
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Whether a path is there, from the root or from where a crate's modules are.
fn is_there(path: &str) -> bool {
    let among = |folder: PathBuf| folder.join(path).exists();
    among(root())
        || among(root().join("tests"))
        || SOURCES.iter().any(|name| among(root().join(name).join("src")))
}

#[test]
fn every_test_and_file_that_a_page_gives_as_evidence_exists() {
    let mut files = Vec::new();
    SOURCES.iter().for_each(|name| rust_files(&root().join(name), &mut files));
    let functions = functions(&files);
    let (mut missing, mut seen) = (Vec::new(), 0);
    for page in pages().iter().filter(|page| PAGES.iter().any(|name| page.path.ends_with(name))) {
        for text in quoted(&page.prose()) {
            let known = match text {
                name if is_test_name(name) => functions.contains(name),
                path if path.ends_with(".rs") && path.contains('/') => is_there(path),
                _ => continue,
            };
            seen += 1;
            if !known {
                missing.push(format!("{}: {text}", page.path.file_name().unwrap().display()));
            }
        }
    }
    assert!(seen > 200, "only {seen} pieces of evidence were found");
    assert!(missing.is_empty(), "evidence that is not there:\n{}", missing.join("\n"));
}
