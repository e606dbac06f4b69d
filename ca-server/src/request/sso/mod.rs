//! The addresses that browsers and identity providers use for `sso-01`. What a step means is decided in `sso/`; every fault is a page.

pub mod browser;
pub mod confirm;
pub mod form;
pub mod metadata;
pub mod oidc;
pub mod saml;
pub mod start;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use url::Url;

use crate::app::App;
use crate::ids::SignInId;
use crate::sso::vouch::Next;
use crate::sso::{audit, fault::Fault, pages};

/// `GET /sso/done`.
pub async fn done() -> Response {
    pages::done().into_response()
}

/// A GET of an address to which a provider posts.
pub async fn unsolicited(State(app): State<App>) -> Response {
    refused(&app, None, Fault::Unsolicited).await
}

/// The page of a fault, which is remembered.
async fn refused(app: &App, id: Option<SignInId>, fault: Fault) -> Response {
    audit::refused(app, id, &fault).await;
    match fault {
        Fault::AlreadyDone => pages::done().into_response(),
        fault => pages::failure(&fault).into_response(),
    }
}

/// Sends the browser on with GET, whatever it came with.
fn see_other(to: &str) -> Response {
    let headers = [
        (LOCATION, to),
        (http::header::REFERRER_POLICY, "no-referrer"),
        (http::header::CACHE_CONTROL, "no-store"),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// Sends the browser on after a provider vouched.
fn onward(app: &App, next: &Next) -> Response {
    match next {
        Next::Client(url) => see_other(Url::as_str(url)),
        Next::Confirm(handle) => see_other(&app.links.sso_confirm(handle)),
    }
}

/// What people know this server by.
fn authority(app: &App) -> &str {
    app.config.url.host_str().unwrap_or_default()
}
