//! `POST /internal/certificates`: `{"csr": "<base64 of DER>"}` with a bearer token gives a PEM chain, leaf first; with `include-root-cert: true` the root too.
//!
//! This is what public clients of a meeting provider's own authority send and read.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use certs::pem::encode_chain;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::{Denied, bearer, body};
use crate::app::App;
use crate::internal::authenticate::{Credential, authenticate};
use crate::internal::{Asked, Front, issue};
use crate::request::bad_body::refused;

/// Issues.
///
/// # Errors
/// [`Denied`]
pub async fn certificates(State(app): State<App>, request: Request<Body>) -> Result<Response, Denied> {
    let authority = app.internal_authority()?;
    let with_root = asks_for_root(request.headers());
    let holder = authenticate(&app, Credential::Bearer(bearer(request.headers())?), app.clock.now()).await?;
    let csr = match body::read(&app, request).await.and_then(|fields| fields.csr()) {
        Ok(csr) => csr,
        Err(problem) => return Err(refused(&app, &holder, problem).await.into()),
    };
    let asked = Asked { csr: &csr, front: Front::Certificates, replaces: None };
    let issued = issue(&app, &authority, &holder, asked).await?;
    let mut chain = issued.chain_der;
    if with_root {
        chain.push(issued.root_der);
    }
    Ok(([(CONTENT_TYPE, "application/pem-certificate-chain")], encode_chain(&chain)).into_response())
}

fn asks_for_root(headers: &HeaderMap) -> bool {
    headers.get("include-root-cert").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
}
