//! `GET /authorize`: reads the request, and sends the browser back with a code once the person signed in.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{RawQuery, State as Shared};
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderMap;
use time::OffsetDateTime;
use url::Url;

use crate::identity_provider::people::{Client, User};
use crate::identity_provider::state::{Grant, Request, State, random};
use crate::identity_provider::{front, pages};

/// A request that this provider serves.
#[derive(Clone, Debug)]
pub(in crate::identity_provider) struct AuthorizationRequest {
    pub(in crate::identity_provider) client_id: String,
    pub(in crate::identity_provider) redirect_uri: Url,
    pub(in crate::identity_provider) state: Option<String>,
    pub(in crate::identity_provider) nonce: Option<String>,
    pub(in crate::identity_provider) challenge: String,
    pub(in crate::identity_provider) new_sign_in: bool,
}

/// Why a request is not served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizeError {
    /// A parameter stands twice or is missing.
    #[error("the parameter {0} is missing, repeated or not supported")]
    Parameter(&'static str),
    /// No such client, or it does not receive answers there.
    #[error("this client is not registered with this redirect_uri")]
    Client,
    /// Nobody has this login.
    #[error("nobody here is called {0}")]
    User(String),
}

/// `GET /authorize`.
pub(in crate::identity_provider) async fn authorize(
    Shared(state): Shared<Arc<State>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    match read(&state, query.as_deref().unwrap_or_default()) {
        Ok((request, silent)) if silent => {
            Redirect::to(deny(&state, &request, "login_required").as_str()).into_response()
        }
        Ok((request, _)) => front::begin(&state, Request::Oidc(request), &headers),
        Err(error) => pages::refused(&error.to_string()),
    }
}

/// The answer to a request without any page.
pub(in crate::identity_provider) fn answer(
    state: &State,
    request: &Url,
    login: &str,
) -> Result<Url, AuthorizeError> {
    let (request, _) = read(state, request.query().unwrap_or_default())?;
    let user = state.user(login).ok_or_else(|| AuthorizeError::User(login.to_owned()))?;
    Ok(grant(state, &request, &user, state.now()))
}

/// The request, and whether no page may be shown.
fn read(state: &State, query: &str) -> Result<(AuthorizationRequest, bool), AuthorizeError> {
    let mut parameters = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()).into_owned() {
        if parameters.insert(name, value).is_some() {
            return Err(AuthorizeError::Parameter("twice"));
        }
    }
    let mut take = |name: &'static str| parameters.remove(name);
    let must = |name: &'static str, value: Option<String>| value.ok_or(AuthorizeError::Parameter(name));
    let client_id = must("client_id", take("client_id"))?;
    let redirect_uri = must("redirect_uri", take("redirect_uri"))?;
    let registered = |client: &Client| client.id == client_id && client.redirect_uri == redirect_uri;
    if !state.inner.lock().clients.iter().any(registered) {
        return Err(AuthorizeError::Client);
    }
    if take("response_type").as_deref() != Some("code") {
        return Err(AuthorizeError::Parameter("response_type"));
    }
    if !take("scope").is_some_and(|scope| scope.split(' ').any(|word| word == "openid")) {
        return Err(AuthorizeError::Parameter("scope"));
    }
    if take("code_challenge_method").as_deref() != Some("S256") {
        return Err(AuthorizeError::Parameter("code_challenge_method"));
    }
    let challenge = must("code_challenge", take("code_challenge"))?;
    let (prompt, max_age) = (take("prompt").unwrap_or_default(), take("max_age"));
    let request = AuthorizationRequest {
        redirect_uri: Url::parse(&redirect_uri).map_err(|_| AuthorizeError::Client)?,
        client_id,
        state: take("state"),
        nonce: take("nonce"),
        challenge,
        new_sign_in: prompt == "login" || max_age.as_deref() == Some("0"),
    };
    Ok((request, prompt == "none"))
}

/// Keeps a code for the person, and says where the browser takes it.
pub(in crate::identity_provider) fn grant(
    state: &State,
    request: &AuthorizationRequest,
    user: &User,
    authenticated: OffsetDateTime,
) -> Url {
    let code = random();
    let grant = Grant { request: request.clone(), user: user.clone(), authenticated };
    state.inner.lock().grants.insert(code.clone(), grant);
    back(state, request, "code", code)
}

/// Where the browser goes with an error.
pub(in crate::identity_provider) fn deny(state: &State, request: &AuthorizationRequest, error: &str) -> Url {
    back(state, request, "error", error.to_owned())
}

fn back(state: &State, request: &AuthorizationRequest, name: &str, value: String) -> Url {
    let mut pairs = vec![(name.to_owned(), value)];
    pairs.extend(request.state.iter().map(|state| ("state".to_owned(), state.clone())));
    pairs.push(("iss".to_owned(), state.base.clone()));
    if let Some(change) = state.faults().callback {
        change(&mut pairs);
    }
    let mut url = request.redirect_uri.clone();
    url.query_pairs_mut().extend_pairs(pairs);
    url
}
