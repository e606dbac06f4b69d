//! `GET /crl/<issuer>.crl` and `GET /crl/<issuer>/<n>-of-<m>.crl`: an issuer's revocation list, whole or one shard of it (RFC 5280 §5).
//!
//! The issuer is named by its key identifier, as certificates name it; `/crl/<authority>.crl` is the list of the authority's present issuer. One
//! that retired has none any more. Nothing is decided here: [`super::lists`] makes the lists.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use certs::crl::Shard;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{HeaderMap, StatusCode};

use super::caching::{http_date, is_known, max_age};
use crate::app::App;
use crate::order::read::not_found;
use crate::request::acme::path::Segments;
use crate::respond::problem::Problem;
use crate::sign::Authority;

/// Gives out a whole list.
///
/// # Errors
/// `NotFound`, or `serverInternal` if it cannot be signed.
pub async fn whole(
    State(app): State<App>,
    Segments(file): Segments<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    give(&app, file.strip_suffix(".crl"), Some(Shard::WHOLE), &headers).await
}

/// Gives out a shard.
///
/// # Errors
/// As [`whole`]; `NotFound` also for a shard that no certificate names.
pub async fn shard(
    State(app): State<App>,
    Segments((issuer, file)): Segments<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let shard = file.strip_suffix(".crl").and_then(|text| text.parse().ok());
    give(&app, Some(&issuer), shard, &headers).await
}

fn issuer(app: &App, name: &str) -> Option<Arc<Authority>> {
    app.authorities.in_service(name).or_else(|| app.authorities.named(name))
}

async fn give(
    app: &App,
    name: Option<&str>,
    shard: Option<Shard>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let absent = || not_found("revocation list");
    let authority = name.and_then(|name| issuer(app, name)).ok_or_else(absent)?;
    let now = app.clock.now();
    let edition =
        app.revocation_lists.current(&app.store, &authority, now).await.map_err(Problem::internal)?;
    let list = shard.and_then(|shard| edition.list(shard)).ok_or_else(absent)?;
    let tag = format!("\"{}-{}\"", authority.issuer_id(), list.number);
    let last_modified = http_date(list.this_update);
    let age = max_age(now, list.next_update, app.config.revocation.cache_for);
    let known = is_known(headers, &tag, &last_modified);
    let headers = [
        (CONTENT_TYPE, "application/pkix-crl".to_owned()),
        (CACHE_CONTROL, format!("public, max-age={age}")),
        (LAST_MODIFIED, last_modified),
        (ETAG, tag),
    ];
    if known {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Ok((headers, list.der.clone()).into_response())
}
