//! `GET /issuers`: the authorities, their issuers and lists.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::answered;
use crate::admin::authorities;
use crate::app::App;
use crate::console::fault::Fault;
use crate::console::pages;
use crate::console::sessions::SignedIn;

pub(super) async fn list(State(app): State<App>, Extension(signed_in): Extension<SignedIn>) -> Response {
    answered(page(&app, &signed_in).await, &signed_in)
}

async fn page(app: &App, signed_in: &SignedIn) -> Result<Response, Fault> {
    let found = authorities::list(State(app.clone())).await?.0;
    Ok(pages::issuers(signed_in, &found, &app.links, app.clock.now()).into_response())
}
