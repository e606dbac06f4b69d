//! How the server is doing, and reading its files again.

use axum::Json;
use axum::extract::State;

use super::refusal::Refusal;
use super::views::{AuthorityStatus, StatusView};
use crate::app::App;
use crate::log::journal;
use crate::sign::Authority;

/// `GET /status`.
///
/// # Errors
/// [`Refusal`] if the journal cannot be read.
pub async fn show(State(app): State<App>) -> Result<Json<StatusView>, Refusal> {
    let health = match app.store.health().await {
        Ok(()) => "ok".to_owned(),
        Err(error) => error.to_string(),
    };
    let newest = journal::newest(&app.store).await?;
    Ok(Json(StatusView {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        health,
        url: app.config.url.to_string(),
        started: app.started,
        authorities: app.authorities.iter().map(|authority| status(&app, &authority)).collect(),
        journal_entries: newest.map_or(0, |entry| entry.seq),
        validations_waiting: app.validations.len(),
    }))
}

fn status(app: &App, authority: &Authority) -> AuthorityStatus {
    let name = authority.name();
    let reached = app.config.is_reached(name);
    AuthorityStatus {
        name: name.to_string(),
        directory: reached.then(|| app.links.resource(name, "directory")),
        issuer: authority.issuer().display_name().to_owned(),
        issuer_not_after: authority.issuer().not_after(),
    }
}

/// `POST /reload`: policy files, as SIGHUP does.
///
/// # Errors
/// [`Refusal`] with what is wrong; the old rules stay.
pub async fn reload(State(app): State<App>) -> Result<Json<serde_json::Value>, Refusal> {
    app.policy.reload().map_err(Refusal::Policy)?;
    Ok(Json(serde_json::json!({ "reloaded": ["policy"] })))
}
