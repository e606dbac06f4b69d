//! Authorities with their issuers, present and replaced, and reading their files again after one was replaced.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use certs::issuer::Issuer;
use time::OffsetDateTime;

use super::refusal::Refusal;
use super::views::{AuthorityView, IssuerState, IssuerView, ReloadView, ReplacedView};
use crate::app::App;
use crate::sign::Authority;

/// `GET /authorities`.
///
/// # Errors
/// [`Refusal`] if the store fails.
pub async fn list(State(app): State<App>) -> Result<Json<Vec<AuthorityView>>, Refusal> {
    let issuers = app.authorities.issuers().map(|issuer| issuer.issuer_id().to_owned()).collect();
    let ends = app.store.last_ends(&issuers, app.clock.now()).await?;
    let view = |authority: std::sync::Arc<Authority>| {
        let root = Issuer::from_chain(vec![authority.root().clone()]).ok();
        let present = issuer_view(&authority, (IssuerState::Present, None), &ends);
        let replaced = authority.replaced().iter().map(|replaced| {
            let retired = app.authorities.retired(replaced.issuer_id());
            let state = if retired.is_some() { IssuerState::Retired } else { IssuerState::Replaced };
            issuer_view(replaced, (state, retired), &ends)
        });
        Some(AuthorityView {
            name: authority.name().to_string(),
            root: root.as_ref()?.display_name().to_owned(),
            root_not_after: root.as_ref()?.not_after(),
            issuers: [present].into_iter().chain(replaced).collect(),
        })
    };
    Ok(Json(app.authorities.iter().filter_map(view).collect()))
}

fn issuer_view(
    authority: &Authority,
    (state, retired): (IssuerState, Option<OffsetDateTime>),
    ends: &BTreeMap<String, OffsetDateTime>,
) -> IssuerView {
    IssuerView {
        id: authority.issuer_id().to_owned(),
        name: authority.issuer().display_name().to_owned(),
        state,
        not_before: authority.issuer().not_before(),
        not_after: authority.issuer().not_after(),
        last_certificate_ends: ends.get(authority.issuer_id()).copied(),
        retired,
    }
}

/// `POST /authorities/reload`: the files of the authorities, as SIGHUP does.
///
/// # Errors
/// [`Refusal`] with what is wrong; the issuers in use stay.
pub async fn reload(State(app): State<App>) -> Result<Json<ReloadView>, Refusal> {
    let replaced = app.reload_authorities().await.map_err(Refusal::Authority)?;
    let view = |one: crate::sign::Replaced| ReplacedView {
        authority: one.authority.to_string(),
        before: one.before,
        now: one.now,
        kept: one.kept,
    };
    Ok(Json(ReloadView { replaced: replaced.into_iter().map(view).collect() }))
}
