//! `GET /store/examine`: whether what the store holds fits together, some thousand rows at a time.

use axum::Json;
use axum::extract::{Query, State};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use crate::app::App;
use crate::doctor::{misfit_text, row_key};
use crate::store::consistency::{self, TABLES};

/// Rows looked at in one question.
pub(crate) const PAGE: u64 = 5000;

/// Which rows.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    table: u8,
    #[serde(default)]
    after: String,
}

/// What was found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExaminedView {
    /// Rows looked at.
    pub rows: u64,
    /// What does not fit.
    pub misfits: Vec<String>,
    /// Give this as `after` for more; absent at the end of the table.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
}

/// Looks at them.
///
/// # Errors
/// [`Refusal`] for another table, or on a failing store.
pub async fn examine(
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<ExaminedView>, Refusal> {
    let unusable = |name, value: String, wanted| Refusal::Value { name, value, wanted };
    let table = TABLES.iter().copied().find(|table| table.number() == wanted.table);
    let table =
        table.ok_or_else(|| unusable("table", wanted.table.to_string(), "a table that is examined"))?;
    let after = row_key(&wanted.after)
        .ok_or_else(|| unusable("after", wanted.after.clone(), "a key, hexadecimal"))?;
    let examined = consistency::examine(&app.store, table, after, PAGE).await?;
    let misfits = examined.misfits.iter().map(|misfit| misfit_text(misfit.table, &misfit.key, &misfit.what));
    Ok(Json(ExaminedView {
        rows: examined.rows,
        misfits: misfits.collect(),
        next: examined.next.map(|key| HEXLOWER.encode(&key)),
    }))
}
