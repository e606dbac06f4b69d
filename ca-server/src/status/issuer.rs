//! `GET /issuer/<authority>.crt`: the issuing certificate in DER, where leaves say it is (RFC 5280 §4.2.2.1).

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::app::App;
use crate::order::read::not_found;
use crate::request::acme::path::Segments;
use crate::respond::problem::Problem;

/// Gives out the issuing certificate.
///
/// # Errors
/// `NotFound`
pub async fn issuer(State(app): State<App>, Segments(file): Segments<String>) -> Result<Response, Problem> {
    let named = file.strip_suffix(".crt").and_then(|name| app.authorities.named(name));
    let certificate = named.and_then(|authority| authority.issuer().certificate());
    let der = certificate.ok_or_else(|| not_found("certificate"))?.to_vec();
    let headers = [(CONTENT_TYPE, "application/pkix-cert"), (CACHE_CONTROL, "public, max-age=86400")];
    Ok((headers, der).into_response())
}
