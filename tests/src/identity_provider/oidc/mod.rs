//! OpenID Connect: the discovery document and the keys. `authorize` and `token` are beside.

pub(super) mod authorize;
pub(super) mod token;

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use serde_json::{Value, json};

use super::state::State;

/// `GET /.well-known/openid-configuration`.
pub(super) async fn discovery(Shared(state): Shared<Arc<State>>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", state.base);
    let mut document = json!({
        "issuer": state.base,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "userinfo_endpoint": at("/userinfo"),
        "jwks_uri": at("/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "PS384", "ES256"],
        "scopes_supported": ["openid", "email", "profile"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
        "claims_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
    });
    if let Some(change) = state.faults().discovery {
        change(&mut document);
    }
    Json(document)
}

/// `GET /jwks`.
pub(super) async fn keys(Shared(state): Shared<Arc<State>>) -> Json<Value> {
    Json(state.keys().published(state.faults().signing))
}
