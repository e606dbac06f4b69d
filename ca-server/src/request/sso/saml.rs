//! `POST /sso/saml/<provider>/acs`: the answer of a SAML provider, posted by the browser (SAML bindings §3.5).

use std::net::SocketAddr;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;

use super::browser::cookie;
use super::form::Form;
use super::{onward, refused};
use crate::app::App;
use crate::ids::SignInId;
use crate::request::acme::path::Segments;
use crate::sso::binding::sign_in_of_handle;
use crate::sso::fault::Fault;
use crate::sso::providers::ProviderAnswer;
use crate::sso::saml::MAX_RESPONSE;
use crate::sso::vouch::{self, Next};

/// Largest form: the longest response in base64, each `+`, `/` and `=` of it escaped, and what else there is.
const MAX_FORM: usize = MAX_RESPONSE * 2;

/// Takes the answer.
pub async fn consume(
    State(app): State<App>,
    Segments(provider): Segments<String>,
    Extension(client): Extension<SocketAddr>,
    request: Request<Body>,
) -> Response {
    let mut id = None;
    match take(&app, &provider, (request, client), &mut id).await {
        Ok(next) => onward(&app, &next),
        Err(fault) => refused(&app, id, fault).await,
    }
}

async fn take(
    app: &App,
    provider: &str,
    (request, client): (Request<Body>, SocketAddr),
    id: &mut Option<SignInId>,
) -> Result<Next, Fault> {
    let cookie = cookie(request.headers());
    let mut form = Form::read(request, MAX_FORM, app.config.limits.request_timeout / 2).await?;
    let relay_state = form.take("RelayState")?.ok_or(Fault::Unsolicited)?;
    let response = form.take("SAMLResponse")?.ok_or(Fault::Malformed("there is no SAMLResponse"))?;
    *id = sign_in_of_handle(&relay_state);
    let found = vouch::find(app, provider, &relay_state, cookie.as_deref()).await?;
    vouch::vouch(app, found, ProviderAnswer::Saml(response.into_bytes()), client.ip()).await
}
