//! `GET /saml/sso`: an `AuthnRequest` by HTTP-Redirect (SAML bindings §3.4).
//!
//! It is read with a few string searches, which is enough for requests that this provider will answer to registered addresses only.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use axum::extract::{RawQuery, State as Shared};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::DeflateDecoder;
use http::HeaderMap;
use url::Url;

use super::response::{SamlAnswer, respond};
use crate::identity_provider::people::ServiceProvider;
use crate::identity_provider::state::{Request, State};
use crate::identity_provider::{front, pages};

/// Largest request, inflated.
const MAX_REQUEST: u64 = 64 * 1024;

/// A request that this provider serves.
#[derive(Clone, Debug)]
pub(in crate::identity_provider) struct AuthnRequest {
    pub(in crate::identity_provider) id: String,
    pub(in crate::identity_provider) issuer: String,
    pub(in crate::identity_provider) assertion_consumer: String,
    pub(in crate::identity_provider) relay_state: Option<String>,
    pub(in crate::identity_provider) force: bool,
}

/// Why a request is not served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There is no `SAMLRequest`, or it is not deflated XML in base64.
    #[error("the SAMLRequest is missing or cannot be read")]
    Unreadable,
    /// A part is missing.
    #[error("the SAMLRequest has no {0}")]
    Missing(&'static str),
    /// No such service provider, or it does not receive answers there.
    #[error("this service provider is not registered with this AssertionConsumerServiceURL")]
    ServiceProvider,
    /// The request is for another provider.
    #[error("the SAMLRequest is not for this address")]
    Destination,
    /// Nobody has this login.
    #[error("nobody here is called {0}")]
    User(String),
}

/// `GET /saml/sso`.
pub(in crate::identity_provider) async fn single_sign_on(
    Shared(state): Shared<Arc<State>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    match read(&state, query.as_deref().unwrap_or_default()) {
        Ok(request) => front::begin(&state, Request::Saml(request), &headers),
        Err(error) => pages::refused(&error.to_string()),
    }
}

/// The answer to a request without any page.
pub(in crate::identity_provider) fn answer(
    state: &State,
    request: &Url,
    login: &str,
) -> Result<SamlAnswer, RequestError> {
    let request = read(state, request.query().unwrap_or_default())?;
    let user = state.user(login).ok_or_else(|| RequestError::User(login.to_owned()))?;
    Ok(respond(state, &request, &user, state.now()))
}

fn read(state: &State, query: &str) -> Result<AuthnRequest, RequestError> {
    let mut parameters: BTreeMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let encoded = parameters.remove("SAMLRequest").ok_or(RequestError::Unreadable)?;
    let deflated = STANDARD.decode(encoded).map_err(|_| RequestError::Unreadable)?;
    let mut xml = String::new();
    let mut reader = DeflateDecoder::new(deflated.as_slice()).take(MAX_REQUEST);
    reader.read_to_string(&mut xml).map_err(|_| RequestError::Unreadable)?;
    let attribute = |name: &'static str| attribute(&xml, name);
    let issuer = issuer(&xml).ok_or(RequestError::Missing("Issuer"))?;
    let wanted = attribute("AssertionConsumerServiceURL");
    let fits = |known: &&ServiceProvider| {
        known.entity_id == issuer && wanted.as_ref().is_none_or(|url| *url == known.assertion_consumer)
    };
    let known = state.inner.lock().service_providers.iter().find(fits).cloned();
    let known = known.ok_or(RequestError::ServiceProvider)?;
    if attribute("Destination").is_some_and(|url| url != format!("{}/saml/sso", state.base)) {
        return Err(RequestError::Destination);
    }
    Ok(AuthnRequest {
        id: attribute("ID").ok_or(RequestError::Missing("ID"))?,
        issuer,
        assertion_consumer: known.assertion_consumer,
        relay_state: parameters.remove("RelayState"),
        force: attribute("ForceAuthn").is_some_and(|value| value == "true" || value == "1"),
    })
}

/// An attribute of the document's element.
fn attribute(xml: &str, name: &str) -> Option<String> {
    let start = xml.find("AuthnRequest")?;
    let tag = xml.get(start..)?.split('>').next()?;
    let (_, rest) = tag.split_once(&format!(" {name}="))?;
    let quote = rest.chars().next().filter(|mark| matches!(mark, '"' | '\''))?;
    let value = rest.get(1..)?.split(quote).next()?;
    Some(unescape(value))
}

/// The text of the issuer, whatever its prefix.
fn issuer(xml: &str) -> Option<String> {
    let (_, rest) = xml.split_once("Issuer")?;
    let (_, rest) = rest.split_once('>')?;
    Some(unescape(rest.split('<').next()?.trim()))
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}
