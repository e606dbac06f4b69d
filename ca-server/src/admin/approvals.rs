//! Requests that wait for approval, as the operator sees and decides them. The id is of account, key and names: what was looked at is what is decided.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::actor::Actor;
use super::refusal::Refusal;
use super::views::Page;
use crate::app::App;
use crate::internal::approval::{ApprovalRequest, Decision};
use crate::store::tables::approvals;
use crate::store::{Batch, Versioned};

const MAX_PAGE: usize = 1000;

/// Which requests.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    pub(crate) limit: usize,
    pub(crate) after: Option<String>,
}

/// A request as it is shown.
#[derive(Debug, Serialize, Deserialize)]
pub struct ApprovalView {
    /// The account, and a digest of all that is asked for.
    pub id: String,
    /// `user`, `device` or `guest`.
    pub kind: String,
    /// Of which organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// By what it is known.
    pub credential: String,
    /// What would be certified.
    pub identifiers: Vec<String>,
    /// Under which profile.
    pub profile: String,
    /// SHA-256 of the key, base64url.
    pub key: String,
    /// `pending`, `approved` or `denied`.
    pub decision: String,
    /// The certificate that it was used for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued: Option<String>,
    /// When it was first asked.
    #[serde(with = "time::serde::rfc3339")]
    pub asked: OffsetDateTime,
    /// When it is forgotten.
    #[serde(with = "time::serde::rfc3339")]
    pub expires: OffsetDateTime,
}

impl ApprovalView {
    fn new(request: &ApprovalRequest) -> Self {
        Self {
            id: request.id(),
            kind: request.holder.kind.as_str().to_owned(),
            organisation: request.holder.organisation.map(|id| id.to_string()),
            credential: request.holder.credential.clone(),
            identifiers: request.identifiers.iter().map(ToString::to_string).collect(),
            profile: request.profile.clone(),
            key: request.key.clone(),
            decision: request.decision.as_str().to_owned(),
            issued: request.issued.map(|serial| serial.to_string()),
            asked: request.asked,
            expires: request.expires,
        }
    }
}

/// `GET /approvals`.
///
/// # Errors
/// [`Refusal`] on a failing store.
pub async fn list(
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<ApprovalView>>, Refusal> {
    let limit = wanted.limit.clamp(1, MAX_PAGE);
    let rows = app.store.approvals(wanted.after.as_deref(), limit).await?;
    let next = rows.last().filter(|_| rows.len() >= limit);
    let next = next.map(|row| row.value.id());
    let now = app.clock.now();
    let living = rows.iter().filter(|row| row.value.expires > now);
    Ok(Json(Page { items: living.map(|row| ApprovalView::new(&row.value)).collect(), next }))
}

/// `POST /approvals/{id}/approve`: one certificate for exactly this key.
///
/// # Errors
/// [`Refusal`] if there is no such request, it is so already, or on a failing store.
pub async fn approve(State(app): State<App>, Path(id): Path<String>) -> Result<Json<ApprovalView>, Refusal> {
    decide(&app, &id, Decision::Approved, &Actor::Administrator).await.map(Json)
}

/// `POST /approvals/{id}/deny`: none for this key.
///
/// # Errors
/// As [`approve`].
pub async fn deny(State(app): State<App>, Path(id): Path<String>) -> Result<Json<ApprovalView>, Refusal> {
    decide(&app, &id, Decision::Denied, &Actor::Administrator).await.map(Json)
}

/// Decides about a request, in somebody's name.
///
/// # Errors
/// As [`approve`].
pub async fn decide(app: &App, id: &str, decision: Decision, by: &Actor) -> Result<ApprovalView, Refusal> {
    let now = app.clock.now();
    let seen: Option<Versioned<ApprovalRequest>> = app.store.load(&id.to_owned()).await?;
    let seen = seen.filter(|seen| seen.value.expires > now);
    let seen = seen.ok_or(Refusal::Absent("request for approval"))?;
    if seen.value.decision == decision {
        return Err(Refusal::Already("request is decided so"));
    }
    let next = seen.value.decided(decision, now);
    let mut batch = Batch::new();
    approvals::put(&mut batch, Some(&seen), &next)?;
    batch.record(now, next.act(decision.as_str(), Some(by.to_string())));
    app.store.commit(batch).await?;
    Ok(ApprovalView::new(&next))
}
