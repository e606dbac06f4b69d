//! `GET /metrics` (Prometheus text): for clients on this host on the main listener, for everyone on `metrics_listen`.
//!
//! Plain HTTP is served to a proxy, often one on this host whose clients are not: then they are on `metrics_listen` only.

use std::net::SocketAddr;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use metrics::gauge;
use time::{Duration, OffsetDateTime};

use crate::app::App;
use crate::config::TlsMode;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;

const LIST_SIGNED: &str = "rollcall_revocation_list_this_update_seconds";
const LIST_ENDS: &str = "rollcall_revocation_list_next_update_seconds";
const RESPONDER_ENDS: &str = "rollcall_ocsp_responder_not_after_seconds";

/// The metrics, for a client on this host.
///
/// # Errors
/// If the client is another host, or may be one behind a proxy.
pub async fn metrics(
    state: State<App>,
    Extension(client): Extension<SocketAddr>,
) -> Result<Response, Problem> {
    if state.config.tls.mode == TlsMode::Off {
        let detail = "without TLS metrics are served on metrics_listen only; set it";
        return Err(Problem::new(Kind::Unauthorized, detail));
    }
    if !client.ip().to_canonical().is_loopback() {
        let detail = "metrics are shown to this host only; set metrics_listen to serve them elsewhere";
        return Err(Problem::new(Kind::Unauthorized, detail));
    }
    Ok(metrics_anyone(state).await)
}

/// The metrics, for whoever reaches the listener.
pub async fn metrics_anyone(State(app): State<App>) -> Response {
    stands(&app);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.render()).into_response()
}

/// No time is known any more of an issuer that is not in service: what was measured last would soon look late.
pub(crate) fn forget_issuer(issuer: &str) {
    for name in [LIST_SIGNED, LIST_ENDS, RESPONDER_ENDS] {
        gauge!(name, "issuer" => issuer.to_owned()).set(f64::NAN);
    }
}

/// What is read when it is asked for.
fn stands(app: &App) {
    // A gauge is a float, and seconds since 1970 fit one exactly.
    let seconds = |at: OffsetDateTime| Duration::seconds(at.unix_timestamp()).as_seconds_f64();
    gauge!("rollcall_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    gauge!("rollcall_started_seconds").set(seconds(app.started));
    for authority in app.authorities.iter() {
        gauge!("rollcall_issuer_not_after_seconds", "authority" => authority.name().to_string())
            .set(seconds(authority.issuer().not_after()));
    }
    for issuer in app.authorities.issuers() {
        let id = issuer.issuer_id().to_owned();
        if let Some((this, next)) = app.revocation_lists.last(&id).and_then(|edition| edition.times()) {
            gauge!(LIST_SIGNED, "issuer" => id.clone()).set(seconds(this));
            gauge!(LIST_ENDS, "issuer" => id).set(seconds(next));
        }
    }
    for (issuer, end) in app.responders.ends() {
        gauge!(RESPONDER_ENDS, "issuer" => issuer).set(seconds(end));
    }
}
