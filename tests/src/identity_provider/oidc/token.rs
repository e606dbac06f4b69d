//! `POST /token` redeems a code once; `GET /userinfo` says more about the person.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Json;
use axum::extract::{RawForm, State as Shared};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::{AUTHORIZATION, CACHE_CONTROL};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use crate::identity_provider::people::{Client, User};
use crate::identity_provider::state::{Grant, State, random};

/// How long an ID token is valid, in seconds.
const LIFETIME: i64 = 300;

type Parameters = BTreeMap<String, String>;

/// `POST /token`.
pub(in crate::identity_provider) async fn token(
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
    RawForm(form): RawForm,
) -> Response {
    let form: Parameters = url::form_urlencoded::parse(&form).into_owned().collect();
    match redeem(&state, &headers, &form) {
        Ok(answer) => ([(CACHE_CONTROL, "no-store")], Json(answer)).into_response(),
        Err(error) => {
            let status =
                if error == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
            (status, Json(json!({ "error": error }))).into_response()
        }
    }
}

fn redeem(state: &State, headers: &HeaderMap, form: &Parameters) -> Result<Value, &'static str> {
    let field = |name: &str| form.get(name).map(String::as_str);
    if field("grant_type") != Some("authorization_code") {
        return Err("unsupported_grant_type");
    }
    let client = client(state, headers, form).ok_or("invalid_client")?;
    let code = field("code").ok_or("invalid_request")?;
    // Gone, whatever comes next: a code serves once.
    let grant = state.inner.lock().grants.remove(code).ok_or("invalid_grant")?;
    let Grant { request, user, .. } = &grant;
    let verifier = field("code_verifier").unwrap_or_default();
    let fits = request.client_id == client.id
        && field("redirect_uri") == Some(request.redirect_uri.as_str())
        && URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())) == request.challenge;
    if !fits {
        return Err("invalid_grant");
    }
    let access_token = random();
    state.inner.lock().access.insert(access_token.clone(), user.login.clone());
    let faults = state.faults();
    let claims = Value::Object(claims(state, &grant, faults.claims_at_user_info));
    let id_token = state.keys().sign(faults.signing, &claims).map_err(|_| "server_error")?;
    let mut answer = json!({
        "access_token": access_token, "token_type": "Bearer", "expires_in": LIFETIME, "id_token": id_token,
    });
    if let Some(change) = faults.token {
        change(&mut answer);
    }
    Ok(answer)
}

/// The client that shows itself by header or form (RFC 6749 §2.3.1).
fn client(state: &State, headers: &HeaderMap, form: &Parameters) -> Option<Client> {
    let shown = match headers.get(AUTHORIZATION) {
        Some(value) => {
            let pair = STANDARD.decode(value.to_str().ok()?.strip_prefix("Basic ")?).ok()?;
            let pair = String::from_utf8(pair).ok()?;
            let (id, secret) = pair.split_once(':')?;
            (decoded(id), Some(decoded(secret)))
        }
        None => (form.get("client_id")?.clone(), form.get("client_secret").cloned()),
    };
    let inner = state.inner.lock();
    inner.clients.iter().find(|client| (&client.id, &client.secret) == (&shown.0, &shown.1)).cloned()
}

fn decoded(text: &str) -> String {
    let pair = format!("x={text}");
    let first = url::form_urlencoded::parse(pair.as_bytes()).next();
    first.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn claims(state: &State, grant: &Grant, bare: bool) -> Map<String, Value> {
    let (Grant { request, user, authenticated }, now) = (grant, state.now().unix_timestamp());
    let mut claims = Map::new();
    let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    put("iss", json!(state.base));
    put("aud", json!(request.client_id));
    put("sub", json!(user.subject()));
    put("iat", json!(now));
    put("exp", json!(now + LIFETIME));
    put("auth_time", json!(authenticated.unix_timestamp()));
    put("acr", json!(user.context));
    put("amr", json!(user.methods));
    if let Some(nonce) = &request.nonce {
        put("nonce", json!(nonce));
    }
    if !bare {
        about(user, &mut claims);
    }
    if let Some(change) = state.faults().claims {
        change(&mut claims);
    }
    claims
}

fn about(user: &User, claims: &mut Map<String, Value>) {
    claims.insert("email".to_owned(), json!(user.email));
    claims.insert("email_verified".to_owned(), json!(user.email_verified));
    claims.insert("name".to_owned(), json!(user.name));
    claims.insert("groups".to_owned(), json!(user.groups));
}

/// `GET /userinfo`.
pub(in crate::identity_provider) async fn user_info(
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
) -> Response {
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|text| text.strip_prefix("Bearer ")).unwrap_or_default();
    let login = state.inner.lock().access.get(token).cloned();
    let Some(user) = login.and_then(|login| state.user(&login)) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let mut claims = Map::new();
    claims.insert("sub".to_owned(), json!(user.subject()));
    about(&user, &mut claims);
    if let Some(change) = state.faults().user_info {
        change(&mut claims);
    }
    Json(claims).into_response()
}
