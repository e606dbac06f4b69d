//! The addresses of the console, each with what it shows or does. Before any of them stands the [`gate`].

mod approvals;
mod certificates;
mod challenges;
mod elsewhere;
mod form;
mod gate;
mod issuers;
mod journal;
mod overview;
mod revoke;
mod sign_in;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use http::header::LOCATION;

pub(super) use form::TOKEN;

use super::fault::Fault;
use super::pages;
use super::sessions::SignedIn;
use crate::app::App;
use crate::request::router::framed_apart;

/// The console's listener: what is behind a sign-in, what leads there, and nothing else.
pub fn router(app: App) -> Router {
    let inside = Router::new()
        .route("/", get(overview::show))
        .route("/certificates", get(certificates::list))
        .route("/certificates/{serial}", get(certificates::show))
        .route("/certificates/{serial}/chain.pem", get(certificates::download))
        .route("/certificates/{serial}/revoke", get(revoke::ask).post(revoke::revoke))
        .route("/challenges", get(challenges::list))
        .route("/approvals", get(approvals::list))
        .route("/approvals/{id}", post(approvals::decide))
        .route("/journal", get(journal::list))
        .route("/issuers", get(issuers::list))
        .route("/sign-out", post(sign_in::sign_out))
        .layer(from_fn_with_state(app.clone(), gate::signed_in));
    let outside = Router::new()
        .route("/sign-in", get(sign_in::choose))
        .route("/sign-in/link/{secret}", get(sign_in::look_at_link).post(sign_in::use_link))
        .route("/sign-in/with/{provider}", post(sign_in::begin))
        .route("/sso/oidc/{provider}/callback", get(sign_in::oidc_answer))
        .route("/sso/saml/{provider}/acs", post(sign_in::saml_answer))
        .route("/sso/saml/{provider}/metadata", get(sign_in::metadata));
    let routes = inside.merge(outside).fallback(nothing).method_not_allowed_fallback(nothing);
    framed_apart(app.clone(), routes.layer(from_fn_with_state(app, gate::gate)))
}

async fn nothing() -> Response {
    pages::fault(&Fault::NoPage, None).into_response()
}

/// Sends the browser on with GET.
fn see_other(to: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}

/// The page, or that of the fault, for somebody who is signed in.
fn answered(page: Result<Response, Fault>, signed_in: &SignedIn) -> Response {
    page.unwrap_or_else(|fault| pages::fault(&fault, Some(signed_in)).into_response())
}
