//! `POST /acme/<authority>/revoke-cert` (RFC 8555 §7.6).

use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde::Deserialize;

use crate::app::App;
use crate::order::revoke;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::verify::VerifiedEither;

/// The payload.
#[derive(Clone, Debug, Deserialize)]
pub struct RevokeCert {
    /// Base64url of the certificate's DER.
    pub certificate: String,
    /// RFC 5280 reason code.
    pub reason: Option<u64>,
}

/// Revokes a certificate.
///
/// # Errors
/// `unauthorized`, `alreadyRevoked`, `badRevocationReason`, or `malformed` for what is no certificate of this authority.
pub async fn revoke_cert(
    State(app): State<App>,
    request: VerifiedEither<RevokeCert>,
) -> Result<StatusCode, Problem> {
    let der = URL_SAFE_NO_PAD.decode(&request.payload.certificate).map_err(|error| {
        let detail = format!("certificate is not the unpadded base64url of a DER certificate: {error}");
        Problem::new(Kind::Malformed, detail)
    })?;
    let reason = revoke::reason(request.payload.reason)?;
    let authority = app.authority(&request.authority)?;
    revoke::revoke(&app, &authority, &request.signer, &der, reason).await?;
    Ok(StatusCode::OK)
}
