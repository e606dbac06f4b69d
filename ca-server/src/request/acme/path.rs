//! What stands in a path. A text that is no id of ours names nothing, so every fault is answered as `NotFound`.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::order::read::not_found;
use crate::respond::problem::Problem;

/// The parts of the path that the route leaves open, as text.
#[derive(Clone, Debug)]
pub struct Segments<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Path(segments) = Path::from_request_parts(parts, app).await.map_err(|_| not_found("resource"))?;
        Ok(Self(segments))
    }
}

/// The id that `text` is.
///
/// # Errors
/// `NotFound`, since no `what` can have this id.
pub(super) fn id<T: FromStr>(what: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| not_found(what))
}
