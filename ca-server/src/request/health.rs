//! `GET /health`: whether this server can do its work, for probes and people. 503 while the store fails.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

use crate::app::App;

#[derive(Debug, Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
    store: &'static str,
}

/// The state of the server. The reason of a failure is in the log only.
pub async fn health(State(app): State<App>) -> Response {
    let store = app.store.health().await;
    if let Err(error) = &store {
        tracing::warn!(error = %crate::respond::problem::causes(error), "the store is failing");
    }
    let (code, status, store) = match store {
        Ok(()) => (StatusCode::OK, "ok", "ok"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "failing", "failing"),
    };
    (code, Json(Health { status, version: env!("CARGO_PKG_VERSION"), store })).into_response()
}
