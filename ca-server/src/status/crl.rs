//! `GET /crl/<issuer>.crl` and `GET /crl/<issuer>/<n>-of-<m>.crl`: an issuer's revocation list, whole or one shard of it (RFC 5280 §5).
//!
//! The issuer is named by its key identifier, as certificates name it; `/crl/<authority>.crl` is the list of the authority's present issuer. One
//! that retired has none any more. A root's list, by the root's key identifier, is the one that was put in place. Nothing is decided here: [`super::lists`] makes the lists.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use certs::crl::Shard;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{HeaderMap, StatusCode};
use time::OffsetDateTime;

use super::caching::{http_date, is_known, max_age};
use super::lists::RevocationList;
use crate::app::App;
use crate::order::read::not_found;
use crate::request::acme::path::Segments;
use crate::respond::problem::Problem;
use crate::sign::{Authority, RootList};

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

/// What is given out.
struct Given {
    der: Bytes,
    number: u64,
    this_update: OffsetDateTime,
    next_update: OffsetDateTime,
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
    let (name, shard) = (name.ok_or_else(absent)?, shard.ok_or_else(absent)?);
    let now = app.clock.now();
    let (issuer, list) = match app.authorities.root_list(name).filter(|_| shard.is_whole()) {
        Some(RootList { root, der, said }) => {
            let (number, this_update, next_update) = (said.number, said.this_update, said.next_update);
            (root, Given { der, number, this_update, next_update })
        }
        None => {
            let authority = issuer(app, name).ok_or_else(absent)?;
            let edition = app.revocation_lists.current(&app.store, &authority, now).await;
            let edition = edition.map_err(Problem::internal)?;
            let RevocationList { der, number, this_update, next_update, .. } =
                edition.list(shard).ok_or_else(absent)?.clone();
            (authority.issuer_id().to_owned(), Given { der, number, this_update, next_update })
        }
    };
    let tag = format!("\"{issuer}-{}\"", list.number);
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
    Ok((headers, list.der).into_response())
}
