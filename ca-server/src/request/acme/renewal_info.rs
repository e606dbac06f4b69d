//! `GET /acme/<authority>/renewal-info/<id>` (RFC 9773 §4.1). Anybody may ask; nothing is told that the certificate does not say itself.

use axum::extract::State;
use certs::ari::CertId;

use super::path::{self, Segments};
use crate::app::App;
use crate::order::read::not_found;
use crate::order::replaces::certificate_named;
use crate::respond::Answer;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::status::renewal_info::{RenewalInfo, suggest};

/// Says when a certificate should be renewed.
///
/// # Errors
/// `malformed` for what is no id, `NotFound` for a certificate that this authority did not issue.
pub async fn renewal_info(
    State(app): State<App>,
    Segments((authority, id)): Segments<(String, String)>,
) -> Result<Answer<RenewalInfo>, Problem> {
    let authority = path::id("authority", &authority)?;
    app.authority(&authority)?;
    let id: CertId = id.parse().map_err(|error| Problem::new(Kind::Malformed, format!("{error}")))?;
    let found = certificate_named(&app.store, &authority, &id).await?;
    let certificate = found.ok_or_else(|| not_found("certificate"))?;
    let interval = app.config.acme.renewal_info_interval.as_secs();
    Ok(Answer::ok(suggest(&certificate)).retry_after(interval))
}
