//! `GET /sso/saml/<provider>/metadata`: who we are, for the operator of a SAML provider.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::app::App;
use crate::order::read::not_found;
use crate::request::acme::path::Segments;
use crate::respond::problem::Problem;
use crate::sso::providers::Provider;

/// Our metadata.
///
/// # Errors
/// `NotFound`, if there is no SAML provider of this name.
pub async fn metadata(State(app): State<App>, Segments(name): Segments<String>) -> Result<Response, Problem> {
    let provider = app.providers.named(&name).map(|provider| provider.party());
    let party = match provider {
        Some(Provider::Saml(party)) => party,
        Some(_) | None => return Err(not_found("SAML identity provider")),
    };
    let headers = [(CONTENT_TYPE, "application/samlmetadata+xml"), (CACHE_CONTROL, "public, max-age=3600")];
    Ok((headers, party.service_provider().metadata()).into_response())
}
