//! The metrics recorder: one for the process, since the `metrics` macros have one global place.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::measures::{Kind, MEASURES, Measure};
use crate::log::act::Act;

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
    for Measure { name, kind, meaning, .. } in MEASURES {
        match kind {
            Kind::Counter => metrics::describe_counter!(*name, *meaning),
            Kind::Gauge => metrics::describe_gauge!(*name, *meaning),
            Kind::Histogram => metrics::describe_histogram!(*name, *meaning),
        }
    }
    // From 0 on, so that the first of each is an increase that an alert sees.
    for kind in Act::KINDS {
        metrics::counter!("rollcall_journal_acts_total", "act" => kind).increment(0);
    }
}

/// Keeps the recorder's memory bounded until the server stops.
pub(super) async fn upkeep(handle: PrometheusHandle, stop: CancellationToken) {
    let mut tick = tokio::time::interval(UPKEEP);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        handle.run_upkeep();
    }
}
