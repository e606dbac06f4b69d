//! The router, the login form, and the endpoints' misbehaviour.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawForm, Request as HttpRequest, State as Shared};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use futures_util::stream;
use http::header::{COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use time::OffsetDateTime;

use super::faults::Misbehaviour;
use super::people::User;
use super::state::{Endpoint, Request, Session, State, random};
use super::{oidc, pages, saml};

/// The cookie of a browser that is signed in.
const COOKIE_NAME: &str = "demo_identity_session";

/// Every address of the provider.
pub(super) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/", get(|| async { pages::start() }))
        .route("/.well-known/openid-configuration", get(oidc::discovery))
        .route("/jwks", get(oidc::keys))
        .route("/authorize", get(oidc::authorize::authorize))
        .route("/token", post(oidc::token::token))
        .route("/userinfo", get(oidc::token::user_info))
        .route("/saml/metadata", get(saml::show_metadata))
        .route("/saml/sso", get(saml::request::single_sign_on))
        .route("/login", post(login))
        .layer(middleware::from_fn_with_state(Arc::clone(&state), misbehave))
        .with_state(state)
}

fn endpoint(path: &str) -> Option<Endpoint> {
    match path {
        "/.well-known/openid-configuration" => Some(Endpoint::Discovery),
        "/jwks" => Some(Endpoint::Keys),
        "/token" => Some(Endpoint::Token),
        "/userinfo" => Some(Endpoint::UserInfo),
        "/saml/metadata" => Some(Endpoint::Metadata),
        _ => None,
    }
}

/// Counts the request, and does with it what the switches say.
async fn misbehave(Shared(state): Shared<Arc<State>>, request: HttpRequest, next: Next) -> Response {
    let Some(endpoint) = endpoint(request.uri().path()) else { return next.run(request).await };
    let fault = {
        let mut inner = state.inner.lock();
        *inner.asked.entry(endpoint).or_default() += 1;
        inner.faults.endpoints.get(&endpoint).cloned()
    };
    match fault {
        None => next.run(request).await,
        Some(Misbehaviour::Hangs) => std::future::pending().await,
        Some(Misbehaviour::Endless) => {
            let spaces = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b' '; 4096])));
            Response::new(Body::from_stream(spaces))
        }
        Some(Misbehaviour::Large(octets)) => Response::new(Body::from(vec![b' '; octets])),
        Some(Misbehaviour::Redirects(to)) => {
            let location = HeaderValue::from_str(&to).unwrap_or(HeaderValue::from_static("/"));
            (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, location)]).into_response()
        }
        Some(Misbehaviour::Status(status)) => {
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
        }
        Some(Misbehaviour::Says(text)) => text.into_response(),
    }
}

/// Shows the login form for a request, or goes on at once if the browser is signed in and that is enough.
pub(super) fn begin(state: &State, request: Request, headers: &HeaderMap) -> Response {
    if !request.wants_new_sign_in()
        && let Some(session) = session(state, headers)
        && let Some(user) = state.user(&session.login)
    {
        return request.finish(state, &user, session.since);
    }
    let (ticket, client) = (random(), request.client());
    state.inner.lock().waiting.insert(ticket.clone(), request);
    pages::login(&ticket, &client, "", None)
}

fn session(state: &State, headers: &HeaderMap) -> Option<Session> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == COOKIE_NAME)?;
    state.inner.lock().sessions.get(value).cloned()
}

async fn login(Shared(state): Shared<Arc<State>>, RawForm(form): RawForm) -> Response {
    let form: BTreeMap<_, _> = url::form_urlencoded::parse(&form).into_owned().collect();
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let ticket = field("ticket");
    let waiting = state.inner.lock().waiting.get(ticket).cloned();
    let Some(request) = waiting else {
        return pages::refused("This sign-in is over. Go back to where you came from and start again.");
    };
    if field("action") == "cancel" {
        state.inner.lock().waiting.remove(ticket);
        return request.cancel(&state);
    }
    let login = field("login").trim();
    let Some(user) = state.user(login).filter(|user| user.password == field("password")) else {
        let error = "User name or password is wrong.";
        return pages::login(ticket, &request.client(), login, Some(error));
    };
    let (cookie, now) = (random(), state.now());
    {
        let mut inner = state.inner.lock();
        inner.waiting.remove(ticket);
        inner.sessions.insert(cookie.clone(), Session { login: user.login.clone(), since: now });
    }
    let mut response = request.finish(&state, &user, now);
    let line = format!("{COOKIE_NAME}={cookie}; Path=/; HttpOnly; SameSite=Lax");
    if let Ok(value) = HeaderValue::from_str(&line) {
        response.headers_mut().append(SET_COOKIE, value);
    }
    response
}

impl Request {
    fn wants_new_sign_in(&self) -> bool {
        match self {
            Self::Oidc(request) => request.new_sign_in,
            Self::Saml(request) => request.force,
        }
    }

    /// The name of who asks.
    fn client(&self) -> String {
        match self {
            Self::Oidc(request) => request.client_id.clone(),
            Self::Saml(request) => request.issuer.clone(),
        }
    }

    fn finish(&self, state: &State, user: &User, authenticated: OffsetDateTime) -> Response {
        match self {
            Self::Oidc(request) => {
                let to = oidc::authorize::grant(state, request, user, authenticated);
                Redirect::to(to.as_str()).into_response()
            }
            Self::Saml(request) => {
                saml::response::page(saml::response::respond(state, request, user, authenticated))
            }
        }
    }

    fn cancel(&self, state: &State) -> Response {
        match self {
            Self::Oidc(request) => {
                Redirect::to(oidc::authorize::deny(state, request, "access_denied").as_str()).into_response()
            }
            Self::Saml(request) => saml::response::page(saml::response::refuse(state, request)),
        }
    }
}
