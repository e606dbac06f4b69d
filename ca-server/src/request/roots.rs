//! `GET /roots/<authority>.pem`: the root that relying parties trust, for people who set one up.
//!
//! A root fetched over a connection that it protects itself proves nothing; the start page says so.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::app::App;
use crate::ids::AuthorityName;
use crate::request::acme::path::Segments;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;

/// The root certificate of an authority, PEM.
///
/// # Errors
/// If there is no such authority, or its file cannot be read.
pub async fn root(State(app): State<App>, Segments(file): Segments<String>) -> Result<Response, Problem> {
    let unknown = || Problem::new(Kind::NotFound, "there is no such authority here");
    let name = file.strip_suffix(".pem").and_then(|name| name.parse::<AuthorityName>().ok());
    let authority = name.and_then(|name| app.config.authority.get(&name)).ok_or_else(unknown)?;
    let path = app.config.resolve(&authority.root);
    let pem = tokio::fs::read(path).await.map_err(Problem::internal)?;
    let headers = [(CONTENT_TYPE, "application/x-pem-file"), (CACHE_CONTROL, "public, max-age=3600")];
    Ok((headers, pem).into_response())
}
