//! How somebody gets in and out: the one-time link, an identity provider and its answer, and the way out.
//!
//! What a step means is decided in [`sign_in`](crate::console::sign_in) and [`links`](crate::console::links). An answer that comes from a
//! provider's site ends on a page of ours that leads on by itself, because the session's cookie goes with nothing that another site began.

use std::net::{IpAddr, SocketAddr};

use axum::Extension;
use axum::extract::{RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use super::gate::{self, address, append, browser, forgotten, refused, set_cookie};
use super::{form, see_other};
use crate::app::App;
use crate::console::fault::Fault;
use crate::console::operator::Operator;
use crate::console::pages;
use crate::console::secret::Secret;
use crate::console::sessions::SignedIn;
use crate::console::sign_in;
use crate::request::acme::path::Segments;
use crate::request::sso::browser::cookie_named;
use crate::request::sso::form::Form;
use crate::sso::oidc::Callback;
use crate::sso::providers::{Provider, ProviderAnswer};
use crate::sso::saml::MAX_RESPONSE;

/// The cookie by which a browser is known again that was at a provider. Sent from the provider's site too: SAML answers are posted there.
const AT_PROVIDER: &str = "__Host-rollcall-console-sign-in";

/// Characters of its value.
const LENGTH: usize = 43;

/// As for `sso-01`: the longest response in base64, with each `+`, `/` and `=` of it escaped.
const MAX_ANSWER: usize = MAX_RESPONSE * 2;

/// `GET /sign-in`: the ways in.
pub(super) async fn choose(State(app): State<App>) -> Response {
    let mut providers = Vec::new();
    for provider in app.console.providers.iter() {
        let origins = provider.origins(provider.address(app.clock.now()).await.as_ref());
        providers.push((provider.name().to_owned(), provider.label().to_owned(), origins));
    }
    pages::sign_in(&providers).into_response()
}

/// `GET /sign-in/link/<secret>`: looking at it consumes nothing.
pub(super) async fn look_at_link(
    State(app): State<App>,
    Segments(secret): Segments<String>,
    Extension(client): Extension<SocketAddr>,
) -> Response {
    // Only guesses count: whoever has a good link is not kept out by them.
    match app.console.links.look(&Secret::shown(&secret), app.clock.now()) {
        Some(name) => pages::link(&name).into_response(),
        None => told(&app, limited(&app, client.ip()).err().unwrap_or(Fault::LinkOver)).await,
    }
}

/// `POST /sign-in/link/<secret>`: uses it up.
pub(super) async fn use_link(
    State(app): State<App>,
    Segments(secret): Segments<String>,
    request: Request,
) -> Response {
    match take_link(&app, &secret, request).await {
        Ok(cookie) => {
            let mut response = see_other("/");
            append(&mut response, set_cookie(&app, &cookie));
            response
        }
        Err(fault) => told(&app, fault).await,
    }
}

async fn take_link(app: &App, secret: &str, request: Request) -> Result<Secret, Fault> {
    let (now, from) = (app.clock.now(), address(&request));
    limited(app, from)?;
    let browser = browser(request.headers(), from);
    form::read(app, request).await?;
    let name = app.console.links.take(&Secret::shown(secret), now).ok_or(Fault::LinkOver)?;
    let operator = Operator::by_link(name);
    gate::record(app, operator.name(), "signed in by one-time link".to_owned(), from).await?;
    Ok(app.console.sessions.begin(operator, browser, now)?)
}

/// `POST /sign-in/with/<provider>`: sends the browser there.
pub(super) async fn begin(
    State(app): State<App>,
    Segments(provider): Segments<String>,
    request: Request,
) -> Response {
    match send(&app, &provider, request).await {
        Ok(sent) => {
            let mut response = see_other(sent.to.as_str());
            let text = format!(
                "{AT_PROVIDER}={}; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=None",
                sent.browser.expose()
            );
            append(&mut response, HeaderValue::try_from(text).ok());
            response
        }
        Err(fault) => told(&app, fault).await,
    }
}

async fn send(app: &App, provider: &str, request: Request) -> Result<sign_in::Sent, Fault> {
    limited(app, address(&request))?;
    form::read(app, request).await?;
    sign_in::begin(app, provider).await
}

/// `GET /sso/oidc/<provider>/callback`: an OpenID provider's answer.
pub(super) async fn oidc_answer(
    State(app): State<App>,
    Segments(provider): Segments<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let Ok(callback) = Callback::parse(&query.unwrap_or_default()) else {
        return told(&app, Fault::Malformed("the query of the callback")).await;
    };
    let relay = callback.state().to_owned();
    let (headers, from) = (request.headers().clone(), address(&request));
    answer(&app, (&provider, &relay), ProviderAnswer::Oidc(callback), &headers, from).await
}

/// `POST /sso/saml/<provider>/acs`: a SAML provider's answer.
pub(super) async fn saml_answer(
    State(app): State<App>,
    Segments(provider): Segments<String>,
    request: Request,
) -> Response {
    let (headers, from) = (request.headers().clone(), address(&request));
    match saml_form(&app, request).await {
        Ok((relay, response)) => {
            let said = ProviderAnswer::Saml(response.into_bytes());
            answer(&app, (&provider, &relay), said, &headers, from).await
        }
        Err(fault) => told(&app, fault).await,
    }
}

async fn saml_form(app: &App, request: Request) -> Result<(String, String), Fault> {
    let mut form = Form::read(request, MAX_ANSWER, app.config.limits.request_timeout / 2).await?;
    let relay = form.take("RelayState")?.ok_or(Fault::Unsolicited)?;
    let response = form.take("SAMLResponse")?.ok_or(Fault::Malformed("there is no SAMLResponse"))?;
    Ok((relay, response))
}

async fn answer(
    app: &App,
    asked: (&str, &str),
    answer: ProviderAnswer,
    headers: &HeaderMap,
    from: IpAddr,
) -> Response {
    if let Err(fault) = limited(app, from) {
        return told(app, fault).await;
    }
    let cookie = cookie_named(AT_PROVIDER, LENGTH, headers);
    match sign_in::finish(app, asked, cookie.as_deref(), answer, browser(headers, from)).await {
        Ok(session) => {
            let mut response = pages::welcome().into_response();
            append(&mut response, set_cookie(app, &session));
            response
        }
        Err(fault) => told(app, fault).await,
    }
}

/// `GET /sso/saml/<provider>/metadata`: who the console is, for the operator of a SAML provider.
pub(super) async fn metadata(State(app): State<App>, Segments(name): Segments<String>) -> Response {
    match app.console.providers.named(&name).map(|provider| provider.party()) {
        Some(Provider::Saml(party)) => {
            let headers = [(CONTENT_TYPE, "application/samlmetadata+xml")];
            (headers, party.service_provider().metadata()).into_response()
        }
        Some(_) | None => pages::fault(&Fault::NoProvider, None).into_response(),
    }
}

/// `POST /sign-out`.
pub(super) async fn sign_out(
    State(app): State<App>,
    Extension(signed_in): Extension<SignedIn>,
    request: Request,
) -> Response {
    if let Err(fault) = form::read_of(&app, &signed_in, request).await {
        return pages::fault(&fault, Some(&signed_in)).into_response();
    }
    app.console.sessions.end(&signed_in);
    gate::record_end(&app, signed_in.operator.name(), "signed out".to_owned(), signed_in.from).await;
    let mut response = pages::signed_out().into_response();
    append(&mut response, forgotten(&app));
    response
}

/// Counts a step of a sign-in.
fn limited(app: &App, client: IpAddr) -> Result<(), Fault> {
    app.limits.console_sign_in(client, app.clock.now()).map_err(|wait| Fault::TooMany { wait })
}

/// The page of a fault of somebody who is not signed in, which is remembered.
async fn told(app: &App, fault: Fault) -> Response {
    refused(app, &fault).await;
    pages::fault(&fault, None).into_response()
}
