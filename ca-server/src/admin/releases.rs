//! Account ids of an organisation that the operator lets go, or gives to another one.
//!
//! What may be let go is decided in `internal::release`; every id has its entry in the journal.

use axum::Json;
use axum::extract::{Path, State};

use super::internal_views::{Release, ReleasedView};
use super::organisations::find;
use super::refusal::Refusal;
use super::views::Page;
use crate::app::App;
use crate::internal::release::{ReleaseError, Released, release, release_people};
use crate::internal::{OrganisationId, UserId};

/// `POST /organisations/{name}/release`: one id, or, where none is named, a page of all its people's.
///
/// # Errors
/// [`Refusal`] if the organisation has no such id, the destination is none, or on a failing store.
pub async fn let_go(
    State(app): State<App>,
    Path(name): Path<String>,
    Json(wanted): Json<Release>,
) -> Result<Json<Page<ReleasedView>>, Refusal> {
    let from = find(&app, &name).await?.value;
    let Some(text) = &wanted.id else {
        if wanted.to.is_some() {
            return Err(Refusal::OneId);
        }
        let after = wanted.after.as_deref().map(|text| id("after", text)).transpose()?;
        let (released, next) = release_people(&app, &from, after).await?;
        let items = released.iter().map(|one| view(from.id, one)).collect();
        return Ok(Json(Page { items, next: next.map(|id| id.to_string()) }));
    };
    let to = match &wanted.to {
        Some(name) => Some(find(&app, name).await?.value),
        None => None,
    };
    let released = release(&app, &from, id("id", text)?, to.as_ref()).await?;
    Ok(Json(Page { items: vec![view(from.id, &released)], next: None }))
}

fn id(name: &'static str, text: &str) -> Result<UserId, Refusal> {
    let wanted = "an account id, such as urn:uuid:6ba7b810-9dad-41d1-80b4-00c04fd430c8";
    text.parse().map_err(|_| Refusal::Value { name, value: text.to_owned(), wanted })
}

fn view(from: OrganisationId, released: &Released) -> ReleasedView {
    ReleasedView {
        id: released.id.to_string(),
        kind: released.kind,
        from: from.to_string(),
        to: released.to.map(|to| to.to_string()),
        certificates_in_force: released.in_force,
    }
}

impl From<ReleaseError> for Refusal {
    fn from(error: ReleaseError) -> Self {
        match error {
            ReleaseError::NotIts => Self::Absent("account id of this organisation"),
            ReleaseError::Device => Self::DeviceStays,
            ReleaseError::Deactivated => Self::Already("account is deactivated"),
            ReleaseError::Same => Self::Already("organisation has the account id"),
            ReleaseError::Store(error) => error.into(),
        }
    }
}
