//! `POST …/simpleenroll` (RFC 7030 §4.2.1): a certificate on a token.
//!
//! Answers with the certificate alone; what stands above it is in `cacerts`. 202 while an administrator has yet to approve, or the
//! certificate is being signed (§4.2.3); the same request again then gets it.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use certs::pkcs7::certs_only;
use http::StatusCode;
use http::header::RETRY_AFTER;

use super::label::Label;
use super::{Refusal, authorization, wire};
use crate::app::App;
use crate::internal::authenticate::{Credential, authenticate};
use crate::internal::{Asked, Front, InternalError, Issued, issue};

/// Enrols.
///
/// # Errors
/// [`Refusal`]
pub async fn simpleenroll(
    State(app): State<App>,
    label: Label,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let authority = label.enrolling(&app)?.clone();
    let token = authorization::token(request.headers())?;
    let holder = authenticate(&app, Credential::Bearer(token.expose()), app.clock.now()).await?;
    let csr = wire::certificate_request(&app, &holder, request).await?;
    let asked = Asked { csr: &csr, front: Front::Est, replaces: None };
    answered(issue(&app, &authority, &holder, asked).await)
}

/// The certificate, or that it takes a while.
///
/// # Errors
/// Why there is none.
pub(super) fn answered(issued: Result<Issued, InternalError>) -> Result<Response, Refusal> {
    match issued {
        Ok(issued) => {
            let leaf = issued.chain_der.get(..1).unwrap_or_default();
            Ok(wire::answer("application/pkcs7-mime; smime-type=certs-only", &certs_only(leaf)))
        }
        Err(InternalError::ApprovalPending { retry_after }) => {
            Ok(later(retry_after, "an administrator has yet to approve; send the same request again\n"))
        }
        Err(InternalError::InProgress { retry_after }) => {
            Ok(later(retry_after, "the certificate is being issued; send the same request again\n"))
        }
        Err(error) => Err(error.into()),
    }
}

fn later(seconds: u64, text: &'static str) -> Response {
    (StatusCode::ACCEPTED, [(RETRY_AFTER, seconds.to_string())], text).into_response()
}
