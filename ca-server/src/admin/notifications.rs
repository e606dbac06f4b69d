//! Webhooks, as the operator sees, tries, stops and moves them. Never shows a secret.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::refusal::Refusal;
use crate::app::App;
use crate::config::EventKind;
use crate::log::journal;
use crate::notifications::{Endpoint, Notifications};

/// A webhook as it is shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WebhookView {
    /// Its name.
    pub name: String,
    /// Where it is, without what stands behind a question mark: some receivers keep a secret there.
    pub url: String,
    /// What it is told of.
    pub events: Vec<EventKind>,
    /// `ok`, `behind` (a delivery failed and is tried again) or `paused`.
    pub status: String,
    /// The last journal entry that needs no further delivery.
    pub entry: u64,
    /// How many entries come after it, told or not.
    pub behind: u64,
    /// When the event that waits was recorded.
    #[serde(with = "time::serde::rfc3339::option", default, skip_serializing_if = "Option::is_none")]
    pub waits_since: Option<OffsetDateTime>,
    /// Events delivered since the server began.
    pub delivered: u64,
    /// When the last of them was.
    #[serde(with = "time::serde::rfc3339::option", default, skip_serializing_if = "Option::is_none")]
    pub last_delivery: Option<OffsetDateTime>,
    /// Failures since then.
    pub failures: u32,
    /// What was wrong the last time, or why it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// When it is tried next.
    #[serde(with = "time::serde::rfc3339::option", default, skip_serializing_if = "Option::is_none")]
    pub next_try: Option<OffsetDateTime>,
    /// Since when it is paused.
    #[serde(with = "time::serde::rfc3339::option", default, skip_serializing_if = "Option::is_none")]
    pub paused_since: Option<OffsetDateTime>,
}

impl WebhookView {
    async fn new(app: &App, endpoint: &Endpoint) -> Result<Self, Refusal> {
        let (entry, paused) = endpoint.stands(&app.store).await?;
        let newest = journal::newest(&app.store).await?.map_or(0, |entry| entry.seq);
        let seen = endpoint.seen();
        let status = match &paused {
            Some(_) => "paused",
            None if seen.failures > 0 => "behind",
            None => "ok",
        };
        let mut url = endpoint.url().clone();
        if url.query().is_some() {
            url.set_query(Some("…"));
        }
        let (why, paused_since) = paused.unzip();
        Ok(Self {
            name: endpoint.name().to_owned(),
            url: url.to_string().replace("%E2%80%A6", "…"),
            events: endpoint.events().to_vec(),
            status: status.to_owned(),
            entry,
            behind: newest.saturating_sub(entry),
            waits_since: seen.waits_since,
            delivered: seen.delivered,
            last_delivery: seen.last,
            failures: seen.failures,
            problem: why.or(seen.problem),
            next_try: seen.next,
            paused_since,
        })
    }
}

/// What became of a trial.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TrialView {
    /// The webhook.
    pub name: String,
    /// Whether the receiver took it.
    pub delivered: bool,
    /// Its status, or what went wrong.
    pub answer: String,
}

/// From which journal entry on events are told again.
#[derive(Debug, Serialize, Deserialize)]
pub struct Replay {
    /// Its number.
    pub from: u64,
}

fn found<'a>(app: &'a App, name: &str) -> Result<&'a Arc<Endpoint>, Refusal> {
    app.notifications.named(name).ok_or(Refusal::Absent("webhook"))
}

/// `GET /notifications`.
///
/// # Errors
/// [`Refusal`] on a failing store.
pub async fn list(State(app): State<App>) -> Result<Json<Vec<WebhookView>>, Refusal> {
    let mut views = Vec::new();
    for endpoint in app.notifications.iter() {
        views.push(WebhookView::new(&app, endpoint).await?);
    }
    Ok(Json(views))
}

/// `POST /notifications/{name}/test`: an event of no meaning, at once and past the queue.
///
/// # Errors
/// [`Refusal`] if there is no such webhook.
pub async fn test(State(app): State<App>, Path(name): Path<String>) -> Result<Json<TrialView>, Refusal> {
    let tried = Notifications::try_out(&app, found(&app, &name)?).await?;
    Ok(Json(TrialView { name, delivered: tried.delivered, answer: tried.answer }))
}

/// `POST /notifications/{name}/replay`: the next entry to be told is the one named.
///
/// # Errors
/// [`Refusal`] if there is no such webhook or entry, or on a failing store.
pub async fn replay(
    State(app): State<App>,
    Path(name): Path<String>,
    Json(wanted): Json<Replay>,
) -> Result<Json<WebhookView>, Refusal> {
    let endpoint = found(&app, &name)?;
    let newest = journal::newest(&app.store).await?.map_or(0, |entry| entry.seq);
    if wanted.from == 0 || wanted.from > newest.saturating_add(1) {
        let value = wanted.from.to_string();
        return Err(Refusal::Value { name: "from", value, wanted: "the number of a journal entry" });
    }
    endpoint.replay(&app.store, wanted.from).await?;
    Ok(Json(WebhookView::new(&app, endpoint).await?))
}

/// `POST /notifications/{name}/pause`: nothing is told until it is resumed.
///
/// # Errors
/// [`Refusal`] if there is no such webhook, it is so already, or on a failing store.
pub async fn pause(State(app): State<App>, Path(name): Path<String>) -> Result<Json<WebhookView>, Refusal> {
    let endpoint = found(&app, &name)?;
    if endpoint.stands(&app.store).await?.1.is_some() {
        return Err(Refusal::Already("webhook is paused"));
    }
    endpoint.pause(&app.store, "by an operator", app.clock.now()).await?;
    Ok(Json(WebhookView::new(&app, endpoint).await?))
}

/// `POST /notifications/{name}/resume`: goes on where it stopped, at once.
///
/// # Errors
/// As [`pause`], but for being so already: then it is tried again at once.
pub async fn resume(State(app): State<App>, Path(name): Path<String>) -> Result<Json<WebhookView>, Refusal> {
    let endpoint = found(&app, &name)?;
    endpoint.resume(&app.store).await?;
    Ok(Json(WebhookView::new(&app, endpoint).await?))
}
