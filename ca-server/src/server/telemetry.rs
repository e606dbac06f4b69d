//! The metrics recorder: one for the process, since the `metrics` macros have one global place.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// Why nothing can be measured.
#[derive(Debug, thiserror::Error)]
#[error("the metrics recorder was not installed")]
pub struct TelemetryError(#[from] BuildError);

/// Seconds, from a quick read to the request limit.
const LATENCY: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Batches in one commit.
const BATCHES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
/// How often finished samples are moved into the histograms.
const UPKEEP: Duration = Duration::from_secs(5);

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
static INSTALLING: Mutex<()> = Mutex::new(());

/// The recorder of this process, installed when first asked for.
pub(super) fn recorder() -> Result<PrometheusHandle, TelemetryError> {
    let _one_at_a_time = INSTALLING.lock();
    if let Some(handle) = RECORDER.get() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), LATENCY)?
        .set_buckets_for_metric(Matcher::Full("rollcall_store_commit_batches".to_owned()), BATCHES)?
        .install_recorder()?;
    describe();
    Ok(RECORDER.get_or_init(|| handle).clone())
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!("rollcall_http_requests_total", "Requests answered, by route and status.");
    describe_histogram!("rollcall_http_request_seconds", "Time to answer a request, by route.");
    describe_counter!(
        "rollcall_connections_refused_total",
        "Connections closed at once: too many of one address."
    );
    describe_counter!("rollcall_problems_total", "Problem documents sent, by kind.");
    describe_counter!(
        "rollcall_refusals_total",
        "Requests refused by policy, CAA or lint, by what was asked."
    );
    describe_counter!(
        "rollcall_refusals_left_out_total",
        "Refusals that were not journalled, since their account or all together had too many in a minute."
    );
    describe_counter!("rollcall_challenges_total", "Challenges decided, by kind and outcome.");
    describe_counter!("rollcall_certificates_issued_total", "Certificates issued, by authority and profile.");
    describe_counter!(
        "rollcall_internal_certificates_total",
        "Certificates of the internal authority, by kind of holder and by front."
    );
    describe_counter!("rollcall_tokens_refused_total", "Access tokens refused, by reason.");
    describe_histogram!("rollcall_store_commit_batches", "Batches that one durable commit carried.");
    describe_histogram!("rollcall_store_commit_seconds", "Time of one durable commit.");
    describe_histogram!(
        "rollcall_store_fold_seconds",
        "Time to move what was committed from the write-ahead log into the tree."
    );
    describe_counter!(
        "rollcall_ocsp_answers_total",
        "OCSP answers, by what they said or where they came from."
    );
    describe_histogram!(
        "rollcall_revocation_list_seconds",
        "Time to read what is revoked and sign the lists."
    );
    describe_gauge!("rollcall_revocation_list_entries", "Certificates on an issuer's revocation list.");
    describe_gauge!("rollcall_queue_length", "What waits, by queue.");
}

/// Keeps the recorder's memory bounded until the server stops.
pub(super) async fn upkeep(handle: PrometheusHandle, stop: CancellationToken) {
    let mut tick = tokio::time::interval(UPKEEP);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        handle.run_upkeep();
    }
}
