//! `GET /challenges`: challenges that failed.

use axum::Extension;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::answered;
use crate::admin::refusal::Refusal;
use crate::app::App;
use crate::console::fault::Fault;
use crate::console::pages::{self, Failure};
use crate::console::sessions::SignedIn;
use crate::order::model::Authorization;
use crate::store::page::Cursor;

/// Authorizations on one page.
const PAGE: usize = 50;

/// Where the page begins.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    after: Option<String>,
}

pub(super) async fn list(
    State(app): State<App>,
    Extension(signed_in): Extension<SignedIn>,
    Query(wanted): Query<Wanted>,
) -> Response {
    answered(page(&app, &signed_in, wanted.after.as_deref()).await, &signed_in)
}

async fn page(app: &App, signed_in: &SignedIn, after: Option<&str>) -> Result<Response, Fault> {
    let cursor = after.map(cursor).transpose()?;
    let (failures, next) = failures(app, cursor.as_ref(), PAGE).await?;
    let next = next.map(|cursor| cursor.to_string());
    let page = pages::challenges(signed_in, &failures, (next.as_deref(), after.is_some()), app.clock.now());
    Ok(page.into_response())
}

/// What failed, about the latest first.
pub(super) async fn failures(
    app: &App,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<(Vec<Failure>, Option<Cursor>), Fault> {
    let page = app.store.failed_authorizations(after, limit).await?;
    Ok((page.items.iter().flat_map(of).collect(), page.next))
}

fn of(authorization: &Authorization) -> impl Iterator<Item = Failure> {
    let star = if authorization.wildcard { "*." } else { "" };
    let name = format!("{}:{star}{}", authorization.identifier.kind(), authorization.identifier.value());
    authorization.challenges.iter().filter_map(move |challenge| {
        let error = challenge.error.as_ref()?;
        Some(Failure {
            identifier: name.clone(),
            kind: challenge.kind.to_string(),
            problem: error.urn.rsplit(':').next().unwrap_or_default().to_owned(),
            detail: error.detail.clone(),
            account: authorization.account.to_string(),
            asked: authorization.id.made(),
        })
    })
}

fn cursor(text: &str) -> Result<Cursor, Refusal> {
    let wanted = "a cursor that a page before printed";
    text.parse().map_err(|_| Refusal::Value { name: "after", value: text.to_owned(), wanted })
}
