//! `GET /sso/oidc/<provider>/callback`: the answer of an OpenID provider, in the query (OpenID Connect Core §3.1.2.5).

use std::net::SocketAddr;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::HeaderMap;

use super::browser::cookie;
use super::{onward, refused};
use crate::app::App;
use crate::ids::SignInId;
use crate::request::acme::path::Segments;
use crate::sso::binding::sign_in_of_handle;
use crate::sso::fault::Fault;
use crate::sso::oidc::Callback;
use crate::sso::providers::ProviderAnswer;
use crate::sso::vouch::{self, Next};

/// Takes the answer.
pub async fn callback(
    State(app): State<App>,
    Segments(provider): Segments<String>,
    RawQuery(query): RawQuery,
    Extension(client): Extension<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let mut id = None;
    let (query, cookie) = (query.unwrap_or_default(), cookie(&headers));
    let taken = take(&app, &provider, &query, (cookie, client), &mut id).await;
    match taken {
        Ok(next) => onward(&app, &next),
        Err(fault) => refused(&app, id, fault).await,
    }
}

async fn take(
    app: &App,
    provider: &str,
    query: &str,
    (cookie, client): (Option<String>, SocketAddr),
    id: &mut Option<SignInId>,
) -> Result<Next, Fault> {
    let callback = Callback::parse(query).map_err(|_| Fault::Malformed("the query of the callback"))?;
    *id = sign_in_of_handle(callback.state());
    let found = vouch::find(app, provider, callback.state(), cookie.as_deref()).await?;
    vouch::vouch(app, found, ProviderAnswer::Oidc(callback), client.ip()).await
}
