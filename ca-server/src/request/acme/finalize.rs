//! `POST /acme/<authority>/order/<id>/finalize` (RFC 8555 §7.4).

use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::order::answer;
use super::path::{self, Segments};
use crate::app::App;
use crate::order;
use crate::respond::Answer;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::respond::views::order::OrderView;
use crate::verify::Verified;

/// The payload.
#[derive(Clone, Debug, Deserialize)]
pub struct Finalize {
    /// Base64url of the DER of a PKCS#10 request.
    pub csr: String,
}

/// Finalizes an order.
///
/// # Errors
/// `badCSR`, `orderNotReady`, a refusal, or `serverInternal`.
pub async fn finalize(
    State(app): State<App>,
    Segments((_, id)): Segments<(String, String)>,
    request: Verified<Finalize>,
) -> Result<Answer<OrderView>, Problem> {
    let id = path::id("order", &id)?;
    app.limits.finalize(request.account.value.id, app.clock.now())?;
    let csr = URL_SAFE_NO_PAD.decode(&request.payload.csr).map_err(|error| {
        let detail = format!("csr is not the unpadded base64url of a DER certificate request: {error}");
        Problem::new(Kind::BadCsr, detail)
    })?;
    let authority = app.authority(&request.authority)?;
    let seen = order::finalize(&app, &authority, request.account, id, &csr).await?;
    Ok(answer(&app, &seen).at(app.links.order(&request.authority, id)))
}
