//! What a refusal must be, whatever it is about.

use ca_server::store::Table;
use http::StatusCode;
use rollcall_tests::ca::{Snapshot, TestCa};
use rollcall_tests::device::{Device, Problem};

/// Fewer letters than this tell nobody what to do.
const LEAST_DETAIL: usize = 15;

/// The detail can be acted on, and the nonce that came along works for `device`.
pub(crate) async fn assert_helpful(device: &Device, problem: &Problem, what: &str) {
    assert!(problem.detail.len() >= LEAST_DETAIL, "{what}: {:?} helps nobody", problem.detail);
    assert_speaks_of_nothing_inside(&problem.detail, what);
    let nonce = problem.reply.nonce().unwrap_or_else(|| panic!("{what}: no nonce in {}", problem.reply));
    let next = device.draft_read(device.url()).header("nonce", nonce).send().await;
    assert_eq!(next.status, StatusCode::OK, "{what}: the nonce of a refusal does not work: {next}");
    for name in ["cache-control", "x-request-id"] {
        assert!(!problem.reply.header(name).is_empty(), "{what}: no {name}");
    }
    // RFC 8555 §7.1: on every answer but the directory's own. A path that is of no authority has no directory.
    let exempt = problem.status == 404 || what.contains("/directory");
    assert!(!problem.reply.links("index").is_empty() || exempt, "{what}: no index link");
}

/// Nothing of the inside shows: no path, no type of ours, no cause of a failure.
fn assert_speaks_of_nothing_inside(detail: &str, what: &str) {
    for inside in ["/tmp/", "src/", "panicked", "Backend", "StoreError", "pretended", "unwrap"] {
        assert!(!detail.contains(inside), "{what}: {detail:?} shows {inside}");
    }
}

/// Nothing changed but that a refusal may have been journalled.
pub(crate) async fn assert_unchanged(ca: &TestCa, before: &Snapshot, what: &str) {
    let changed = ca.snapshot().await.changed_since(before);
    assert!(changed.iter().all(|table| *table == Table::Journal), "{what}: {changed:?} changed");
}
