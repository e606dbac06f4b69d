//! `POST /internal/guests`: a temporary id and its token, for somebody who has not signed in.

use std::net::SocketAddr;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use serde::Serialize;

use super::Denied;
use crate::app::App;
use crate::internal::guest;
use crate::internal::opaque::MakeError;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;

#[derive(Serialize)]
struct GuestToken<'a> {
    account: String,
    token: &'a str,
    token_type: &'static str,
    expires_in: i64,
}

/// Lets a guest in.
///
/// # Errors
/// [`Denied`]: 403 where guests are not wanted, 429 after too many.
pub async fn guests(
    State(app): State<App>,
    Extension(client): Extension<SocketAddr>,
) -> Result<Response, Denied> {
    app.internal_authority()?;
    if !app.config.internal.guests {
        let detail = "this server lets no guests in; show a token of your organisation";
        return Err(Problem::new(Kind::Unauthorized, detail).into());
    }
    app.limits.guest(client.ip(), app.clock.now())?;
    let admitted = guest::admit(&app).await.map_err(|error| match error {
        MakeError::Store(error) => Problem::internal(error),
        MakeError::Entropy(error) => Problem::internal(error),
    })?;
    let answer = GuestToken {
        account: admitted.id.urn().to_string(),
        token: admitted.token.expose(),
        token_type: "Bearer",
        expires_in: (admitted.expires - app.clock.now()).whole_seconds(),
    };
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}
