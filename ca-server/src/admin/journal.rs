//! The journal, as the operator reads and verifies it.

use axum::Json;
use axum::extract::{Query, State};
use data_encoding::HEXLOWER;
use serde::Deserialize;

use super::refusal::Refusal;
use super::views::{EntryView, Page, VerificationView};
use crate::app::App;
use crate::log::journal;
use crate::log::verify::{self, Expected};

const MAX_PAGE: usize = 1000;

/// Which entries.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    pub(crate) limit: usize,
    pub(crate) after: Option<u64>,
    pub(crate) act: Option<String>,
    pub(crate) about: Option<String>,
    #[serde(default)]
    pub(crate) newest_first: bool,
}

/// `GET /journal`.
///
/// # Errors
/// [`Refusal`] if the journal cannot be read.
pub async fn list(
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<EntryView>>, Refusal> {
    let selection = journal::Selection {
        after: wanted.after,
        newest_first: wanted.newest_first,
        kind: wanted.act.as_deref(),
        containing: wanted.about.as_deref(),
    };
    let page = journal::read(&app.store, selection, wanted.limit.clamp(1, MAX_PAGE)).await?;
    let items = page.entries.iter().map(EntryView::new).collect();
    Ok(Json(Page { items, next: page.next.map(|seq| seq.to_string()) }))
}

/// What the journal must still have.
#[derive(Debug, Deserialize)]
pub struct Noted {
    expect: Option<String>,
}

/// `GET /journal/verify`.
///
/// # Errors
/// [`Refusal`] if the store fails; a broken journal is a finding, not an error.
pub async fn verify(
    State(app): State<App>,
    Query(noted): Query<Noted>,
) -> Result<Json<VerificationView>, Refusal> {
    let noted = noted.expect.as_deref().map(expected).transpose()?;
    let report = verify::verify(&app.store, noted).await?;
    Ok(Json(VerificationView {
        entries: report.verified,
        head: HEXLOWER.encode(&report.head),
        noted: report.noted().map(|head| head.to_string()),
        broken: report.broken.map(|(entry, fault)| (entry, fault.to_string())),
    }))
}

fn expected(text: &str) -> Result<Expected, Refusal> {
    text.parse().map_err(|_| Refusal::Value {
        name: "expect",
        value: text.to_owned(),
        wanted: "SEQ:HASH as `log verify` printed it",
    })
}
