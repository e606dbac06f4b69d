//! `POST /revocations`: one page of a mass revocation, or of its count.
//!
//! A page reads and writes a bounded number of rows; whoever asks goes on with the cursor. What is revoked already does not match, so a revocation that was
//! broken off is taken up by asking for the same again. The server's own certificates match only where their profile is named. An issuer or a profile that
//! nobody knows here may still have certificates in the store; whoever names one is told, since it is a slip of the hand more often.

use axum::Json;
use axum::extract::State;
use certs::leaf::LeafProfile;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

use super::actor::Actor;
use super::certificates::{cursor, identifier, reason};
use super::refusal::Refusal;
use super::views::{CertificateView, RevokeMany, RevokedPage};
use crate::app::App;
use crate::order::model::CertificateStatus;
use crate::order::revoke::{Many, record_all, unlisted};
use crate::respond::problem::Problem;
use crate::store::tables::certificates::CertificateFilter;

/// Most certificates of one page.
const PAGE: usize = 200;

/// Revokes, or counts, the certificates of one page.
///
/// # Errors
/// [`Refusal`] if nothing or nonsense was named, or on a failing store; pages before this one stay revoked.
pub async fn revoke(
    State(app): State<App>,
    Json(wanted): Json<RevokeMany>,
) -> Result<Json<RevokedPage>, Refusal> {
    let reason = reason(wanted.reason)?;
    let filter = filter(&app, &wanted).await?;
    let after = wanted.after.as_deref().map(cursor).transpose()?;
    let page = app.store.certificates(&filter, after.as_ref(), PAGE).await?;
    let mut done = RevokedPage {
        matched: page.items.len(),
        revoked: 0,
        items: page.items.iter().map(|found| CertificateView::new(&found.value)).collect(),
        unbound_devices: Vec::new(),
        warning: None,
        next: page.next.map(|cursor| cursor.to_string()),
    };
    if !wanted.dry_run && !page.items.is_empty() {
        let by = Actor::Administrator.to_string();
        let recorded = record_all(&app.store, &page.items, reason, &by, app.clock.now()).await;
        let Many { revoked, unbound } = recorded.map_err(Problem::from)?;
        done.revoked = revoked;
        done.unbound_devices = unbound.iter().map(ToString::to_string).collect();
        app.revocation_lists.outdated();
        tracing::info!(revoked = done.revoked, reason = reason.as_str(), "certificates revoked together");
    }
    let warning = page.items.iter().find_map(|found| unlisted(&app.authorities, &found.value));
    done.warning = warning.map(str::to_owned).or_else(|| strange(&app, &filter));
    Ok(Json(done))
}

/// What is named and not known here.
fn strange(app: &App, filter: &CertificateFilter) -> Option<String> {
    if let Some(id) = filter.issuer.as_ref().filter(|id| app.authorities.of_issuer(id).is_none()) {
        return Some(format!("no issuer here has the key identifier {id}; see `ca-server authority list`"));
    }
    let ruleset = app.policy.current();
    let known = |name: &str| name == LeafProfile::RESPONDER || ruleset.profiles.named(name).is_some();
    let name = filter.profile.as_ref().filter(|name| !known(name))?;
    let names = ruleset.profiles.names().collect::<Vec<_>>().join(", ");
    Some(format!("there is no profile {name} now; there are {names}"))
}

/// A key identifier as records have it, however it was copied.
fn issuer(text: &str) -> Result<String, Refusal> {
    let plain: String = text.chars().filter(|letter| *letter != ':').collect();
    match HEXLOWER_PERMISSIVE.decode(plain.as_bytes()) {
        Ok(octets) if !octets.is_empty() => Ok(HEXLOWER.encode(&octets)),
        Ok(_) | Err(_) => Err(Refusal::Value {
            name: "issuer",
            value: text.to_owned(),
            wanted: "a key identifier in hexadecimal, as `ca-server authority list` shows it",
        }),
    }
}

async fn filter(app: &App, wanted: &RevokeMany) -> Result<CertificateFilter, Refusal> {
    let organisation = match &wanted.organisation {
        None => None,
        Some(name) => Some(super::organisations::find(app, name).await?.value.id),
    };
    let authority = wanted.authority.as_deref().map(|name| {
        let found = app.authorities.named(name).map(|authority| authority.name().clone());
        found.ok_or(Refusal::Absent("authority"))
    });
    let filter = CertificateFilter {
        identifier: wanted.identifier.as_deref().map(identifier).transpose()?,
        account: wanted.account.as_deref().map(super::accounts::id).transpose()?,
        authority: authority.transpose()?,
        profile: wanted.profile.clone(),
        status: Some(CertificateStatus::Issued),
        expires_before: None,
        expires_after: Some(app.clock.now()),
        organisation,
        issuer: wanted.issuer.as_deref().map(issuer).transpose()?,
        without_own: wanted.profile.is_none(),
        containing: None,
    };
    let CertificateFilter { identifier, account, authority, profile, organisation, issuer, .. } = &filter;
    let names_any = identifier.is_some()
        || account.is_some()
        || authority.is_some()
        || profile.is_some()
        || organisation.is_some()
        || issuer.is_some();
    if names_any { Ok(filter) } else { Err(Refusal::Everything) }
}
