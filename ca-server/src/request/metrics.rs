//! `GET /metrics` (Prometheus text): for loopback peers on the main listener, for everyone on `metrics_listen`.

use std::net::SocketAddr;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

use crate::app::App;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;

/// The metrics, for a peer on this host.
///
/// # Errors
/// If the peer is another host.
pub async fn metrics(state: State<App>, Extension(peer): Extension<SocketAddr>) -> Result<Response, Problem> {
    if !peer.ip().to_canonical().is_loopback() {
        let detail = "metrics are shown to this host only; set metrics_listen to serve them elsewhere";
        return Err(Problem::new(Kind::Unauthorized, detail));
    }
    Ok(metrics_anyone(state).await)
}

/// The metrics, for whoever reaches the listener.
pub async fn metrics_anyone(State(app): State<App>) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.render()).into_response()
}
