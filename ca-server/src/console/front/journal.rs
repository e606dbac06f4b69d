//! `GET /journal`: what was done and refused, the newest first.

use axum::Extension;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::answered;
use crate::admin::journal;
use crate::app::App;
use crate::console::fault::Fault;
use crate::console::pages;
use crate::console::sessions::SignedIn;

/// Entries on one page.
const PAGE: usize = 50;
/// Longest text that is looked for.
const LONGEST: usize = 255;

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    about: String,
    act: String,
    after: Option<u64>,
}

pub(super) async fn list(
    State(app): State<App>,
    Extension(signed_in): Extension<SignedIn>,
    Query(wanted): Query<Wanted>,
) -> Response {
    answered(page(&app, &signed_in, wanted).await, &signed_in)
}

async fn page(app: &App, signed_in: &SignedIn, wanted: Wanted) -> Result<Response, Fault> {
    let Wanted { about, act, after } = wanted;
    let about: String = about.trim().chars().take(LONGEST).collect();
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let asked =
        journal::Wanted { limit: PAGE, after, act: some(&act), about: some(&about), newest_first: true };
    let rows = journal::list(State(app.clone()), Query(asked)).await?.0;
    Ok(pages::journal(signed_in, (&act, &about), &rows, after.is_some()).into_response())
}
