//! `docs/errors.md` is made from the table of problem kinds; `UPDATE_DOCS=1` writes it anew.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test program")]

use ca_server::respond::kinds::Kind;

#[test]
fn the_page_of_errors_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors.md");
    let page = Kind::page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        stored == page,
        "docs/errors.md is stale; run UPDATE_DOCS=1 cargo test -p ca-server --test errors_doc"
    );
}
