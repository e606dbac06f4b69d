//! `GET /issuer/<issuer>.crt`: an issuing certificate in DER, where leaves say it is (RFC 5280 §4.2.2.1).
//!
//! The issuer is named by its key identifier, so that it is found after it was replaced; `<authority>.crt` is the present one.

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
    let name = file.strip_suffix(".crt");
    let issuer =
        name.and_then(|name| app.authorities.of_issuer(name).or_else(|| app.authorities.named(name)));
    let der = issuer.and_then(|issuer| issuer.issuer().certificate().map(|der| der.to_vec()));
    let der = der.ok_or_else(|| not_found("certificate"))?;
    let headers = [(CONTENT_TYPE, "application/pkix-cert"), (CACHE_CONTROL, "public, max-age=86400")];
    Ok((headers, der).into_response())
}
