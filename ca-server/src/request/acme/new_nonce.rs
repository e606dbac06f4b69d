//! `HEAD` and `GET /acme/<authority>/new-nonce` (RFC 8555 §7.2): 200 and 204, with nothing but the nonce.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode};

use crate::app::App;
use crate::request::frame::REPLAY_NONCE;
use crate::respond::problem::Problem;
use crate::verify::extract::authority_of;
use crate::verify::{PostAsGet, Verified, VerifyError};

/// A fresh nonce.
///
/// # Errors
/// If there is no such authority.
pub async fn new_nonce(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    authority_of(&app, request.uri().path()).ok_or(VerifyError::UnknownAuthority)?;
    let status = if request.method() == Method::HEAD { StatusCode::OK } else { StatusCode::NO_CONTENT };
    let mut response = status.into_response();
    if let Ok(nonce) = HeaderValue::try_from(app.nonces.issue()) {
        response.headers_mut().insert(REPLAY_NONCE, nonce);
    }
    Ok(response)
}

/// The same by POST-as-GET (RFC 8555 §6.3); the nonce is added as to every answer to a POST.
pub async fn new_nonce_signed(_: Verified<PostAsGet>) -> StatusCode {
    StatusCode::NO_CONTENT
}
