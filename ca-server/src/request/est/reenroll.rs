//! `POST …/simplereenroll` (RFC 7030 §4.2.2): a certificate in the place of the one with which the client authenticated its TLS connection, for the same
//! key or a new one.
//!
//! Subject and alternative names stay as they were: of the request, and of what the account would now have certified. Where they would change, the client
//! enrols anew with its token, and somebody has seen that it has another name.

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;

use super::label::Label;
use super::simpleenroll::answered;
use super::{ClientCertificate, Refusal, wire};
use crate::app::App;
use crate::internal::authenticate::{Credential, authenticate};
use crate::internal::{Asked, Front, issue};
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;

/// Enrols again.
///
/// # Errors
/// [`Refusal`]; 403 whatever is wrong with the client's certificate.
pub async fn simplereenroll(
    State(app): State<App>,
    label: Label,
    certificate: Option<Extension<ClientCertificate>>,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let authority = label.enrolling(&app)?.clone();
    let Some(Extension(certificate)) = certificate else {
        let detail = "re-enrolment needs the certificate in use as TLS client certificate; without one, enrol at simpleenroll with a token";
        return Err(Problem::new(Kind::Unauthorized, detail).into());
    };
    let credential = Credential::Certificate(certificate.der());
    let holder = authenticate(&app, credential, app.clock.now()).await.map_err(Refusal::of_certificate)?;
    let csr = wire::certificate_request(&app, &holder, request).await?;
    let asked = Asked { csr: &csr, front: Front::Est, replaces: Some(certificate.der()) };
    answered(issue(&app, &authority, &holder, asked).await)
}
