//! What is measured, documented, drawn and alarmed is the same: the metrics of a real server, `docs/observability.md`, the dashboard and the rules.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops at the first wrong value, and says what it measured or skipped"
)]

mod files;
mod server;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rollcall_tests::prometheus::{Catalogue, Documented, documented};

/// A file of the repository.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(file(path)).unwrap()
}

/// The metrics that the page documents.
fn pages() -> Vec<Documented> {
    let rows = documented(&read("docs/observability.md"));
    assert!(rows.len() > 40, "only {} metrics were found", rows.len());
    rows
}

fn catalogue() -> Catalogue {
    pages().into_iter().map(|row| (row.name, row.labels)).collect()
}

fn histograms() -> BTreeSet<String> {
    pages().into_iter().filter(|row| row.meaning.starts_with("histogram")).map(|row| row.name).collect()
}
