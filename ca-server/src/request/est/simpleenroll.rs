//! `POST …/simpleenroll` (RFC 7030 §4.2.1): a certificate on a token.
//!
//! Answers with the certificate alone; what stands above it is in `cacerts`. 202 while an administrator has yet to approve (§4.2.3).

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
use crate::internal::{Front, InternalError, Issued, issue};

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
    let csr = wire::certificate_request(&app, request).await?;
    answered(issue(&app, &authority, &holder, &csr, Front::Est).await)
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
        Err(InternalError::ApprovalPending { retry_after, .. }) => {
            let headers = [(RETRY_AFTER, retry_after.to_string())];
            let text = "an administrator has yet to approve; send the same request again\n";
            Ok((StatusCode::ACCEPTED, headers, text).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
