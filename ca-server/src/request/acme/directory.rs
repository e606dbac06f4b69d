//! `GET /acme/<authority>/directory` (RFC 8555 §7.1.1): where everything is, and what this authority asks of its clients.

use std::collections::BTreeMap;

use axum::extract::{Request, State};
use serde::Serialize;

use crate::app::App;
use crate::config::ExternalBinding;
use crate::ids::AuthorityName;
use crate::respond::Answer;
use crate::respond::problem::Problem;
use crate::verify::extract::authority_of;
use crate::verify::{PostAsGet, Verified, VerifyError};

/// The directory object.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    new_nonce: String,
    new_account: String,
    new_order: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_authz: Option<String>,
    revoke_cert: String,
    key_change: String,
    renewal_info: String,
    meta: Meta,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(skip_serializing_if = "Option::is_none")]
    terms_of_service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    website: Option<String>,
    caa_identities: Vec<String>,
    external_account_required: bool,
    profiles: BTreeMap<String, String>,
}

/// The directory of the authority in the path.
///
/// # Errors
/// If there is no such authority.
pub async fn directory(State(app): State<App>, request: Request) -> Result<Answer<Directory>, Problem> {
    let authority = authority_of(&app, request.uri().path()).ok_or(VerifyError::UnknownAuthority)?;
    Ok(Answer::ok(of(&app, &authority)?))
}

/// The same by POST-as-GET (RFC 8555 §6.3).
///
/// # Errors
/// As [`directory`].
pub async fn directory_signed(
    State(app): State<App>,
    request: Verified<PostAsGet>,
) -> Result<Answer<Directory>, Problem> {
    Ok(Answer::ok(of(&app, &request.authority)?))
}

fn of(app: &App, authority: &AuthorityName) -> Result<Directory, VerifyError> {
    let resource = |name| app.links.resource(authority, name);
    Ok(Directory {
        new_nonce: resource("new-nonce"),
        new_account: resource("new-account"),
        new_order: resource("new-order"),
        new_authz: app.config.acme.pre_authorization.then(|| resource("new-authz")),
        revoke_cert: resource("revoke-cert"),
        key_change: resource("key-change"),
        renewal_info: resource("renewal-info"),
        meta: meta(app, authority)?,
    })
}

fn meta(app: &App, authority: &AuthorityName) -> Result<Meta, VerifyError> {
    let config = app.config.authority.get(authority).ok_or(VerifyError::UnknownAuthority)?;
    Ok(Meta {
        terms_of_service: config.terms_of_service.as_ref().map(ToString::to_string),
        website: config.website.as_ref().map(ToString::to_string),
        caa_identities: app.issuer_domains.clone(),
        external_account_required: config.external_account_binding == ExternalBinding::Required,
        profiles: profiles(app, &config.profiles),
    })
}

/// Names and descriptions (draft-ietf-acme-profiles §3); a profile that a reload took away is not offered.
fn profiles(app: &App, offered: &[String]) -> BTreeMap<String, String> {
    let rules = app.policy.current();
    let described = |name: &String| Some((name.clone(), rules.profiles.named(name)?.description.clone()));
    offered.iter().filter_map(described).collect()
}
