//! What happens around every request of `[revocation] listen`: a time limit, a count, and nothing cached that does not say so.
//!
//! Far less than [`super::frame()`] does: there are no nonces, no accounts and no acts here, and relying parties ask tens of thousands of times a second.
//! A line of log for each would be the largest part of the answer; it is written at `debug` only.

use std::net::SocketAddr;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CACHE_CONTROL;

use crate::app::App;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;

/// Runs the handler within its time.
pub(super) async fn plain(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let client = request.extensions().get::<SocketAddr>().copied();
    let answered = tokio::time::timeout(app.config.limits.request_timeout, next.run(request)).await;
    let mut response = answered.unwrap_or_else(|_| {
        let detail = "the request takes longer than it should; ask again";
        Problem { retry_after: Some(5), ..Problem::new(Kind::ServiceUnavailable, detail) }.into_response()
    });
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let status = response.status();
    tracing::debug!(
        route,
        status = status.as_u16(),
        client = client.map(tracing::field::display),
        "relying party answered"
    );
    let labels = [("route", route.to_owned()), ("status", status.as_str().to_owned())];
    metrics::counter!("rollcall_http_requests_total", &labels).increment(1);
    response
}
