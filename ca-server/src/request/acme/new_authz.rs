//! `POST /acme/<authority>/new-authz`: pre-authorization (RFC 8555 §7.4.1).

use axum::extract::State;
use certs::name::DnsName;
use serde::Deserialize;

use super::new_order::external_key;
use crate::app::App;
use crate::order::open::Opening;
use crate::order::read::not_found;
use crate::order::wanted::{RawIdentifier, identifier};
use crate::policy::{Asker, Wanted, summed_up};
use crate::respond::Answer;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::respond::views::authorization::AuthorizationView;
use crate::verify::Verified;

/// The payload.
#[derive(Clone, Debug, Deserialize)]
pub struct NewAuthz {
    /// What is to be authorized.
    pub identifier: RawIdentifier,
}

/// Opens an authorization ahead of any order; a proven one is given again.
///
/// # Errors
/// What is wrong with the identifier, or why it is refused.
pub async fn new_authz(
    State(app): State<App>,
    request: Verified<NewAuthz>,
) -> Result<Answer<AuthorizationView>, Problem> {
    let (account, now) = (&request.account.value, app.clock.now());
    if !app.config.acme.pre_authorization {
        return Err(not_found("resource (pre-authorization is turned off)"));
    }
    app.limits.new_order(account.id, now)?;
    let authority = app.authority(&request.authority)?;
    let identifier = identifier(&request.payload.identifier).map_err(|fault| summed_up(vec![fault]))?;
    if identifier.as_dns().is_some_and(DnsName::is_wildcard) {
        let detail =
            "a wildcard cannot be authorized ahead of an order (RFC 8555 §7.4.1); open an order for it";
        return Err(Problem::new(Kind::Malformed, detail));
    }
    let external_key = external_key(&app, account).await?;
    let asker = Asker { account, external_key: external_key.as_ref() };
    let wanted = Wanted { identifiers: vec![identifier], profile: None, not_before: None, not_after: None };
    let offer = app.offer();
    let admitted = match app.policy.admit(&asker, &authority, wanted, &offer, now) {
        Ok(admitted) => admitted,
        Err(refusal) => return Err(refusal.record(&app.refusals, &app.store, now).await),
    };
    let opening = Opening { store: &app.store, lifetimes: &app.config.acme, offer, now };
    let seen = opening.pre_authorization(account, &admitted).await.map_err(Problem::internal)?;
    let seen = seen.ok_or_else(|| not_found("identifier"))?;
    let location = app.links.authorization(&request.authority, seen.value.id);
    let beside = app.beside(&seen.value).await?;
    Ok(Answer::created(location, AuthorizationView::new(&seen.value, &beside, now)))
}
