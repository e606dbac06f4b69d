//! `GET /metrics` (Prometheus text): for clients on this host on the main listener, for everyone on `metrics_listen`.
//!
//! Plain HTTP is served to a proxy, often one on this host whose clients are not: then they are on `metrics_listen` only.

use std::net::SocketAddr;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

use crate::app::App;
use crate::config::TlsMode;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;

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
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.render()).into_response()
}
