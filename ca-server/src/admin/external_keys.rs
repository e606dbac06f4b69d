//! External account binding keys, as the operator makes and withdraws them (RFC 8555 §7.3.4).
//!
//! The secret leaves only in the answer that made the key.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, State};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certs::name::DnsName;
use time::Duration;

use super::refusal::Refusal;
use super::views::{ExternalKeyView, NewExternalKey, Page};
use crate::app::App;
use crate::ids::{AccountId, AuthorityName, typeable_bytes};
use crate::log::act::Act;
use crate::order::model::ExternalKey;
use crate::store::tables::external_keys;
use crate::store::{Batch, StoreError};

const MOST: usize = 10_000;
/// Accounts that are shown with one key.
const MOST_ACCOUNTS: usize = 1000;

/// `GET /external-keys`.
///
/// # Errors
/// [`Refusal`] on a failing store.
pub async fn list(State(app): State<App>) -> Result<Json<Page<ExternalKeyView>>, Refusal> {
    let rows = app.store.external_keys(None, MOST).await?;
    let mut items = Vec::with_capacity(rows.len());
    for row in &rows {
        items.push(view(&app, &row.value).await?);
    }
    Ok(Json(Page { items, next: None }))
}

/// `POST /external-keys`.
///
/// # Errors
/// [`Refusal`] on an unusable value or a failing store.
pub async fn create(
    State(app): State<App>,
    Json(wanted): Json<NewExternalKey>,
) -> Result<Json<ExternalKeyView>, Refusal> {
    let authority = authority(&app, wanted.authority.as_deref())?;
    for domain in &wanted.domains {
        let wanted = "a domain name, such as rooms.example.com";
        DnsName::parse(domain).map_err(|_| Refusal::Value {
            name: "domain",
            value: domain.clone(),
            wanted,
        })?;
    }
    let now = app.clock.now();
    let lifetime =
        wanted.lifetime.map(|seconds| Duration::seconds(i64::try_from(seconds).unwrap_or(i64::MAX)));
    let key = ExternalKey {
        kid: URL_SAFE_NO_PAD.encode(typeable_bytes::<12>()?),
        authority,
        secret: URL_SAFE_NO_PAD.encode(typeable_bytes::<32>()?),
        domains: wanted.domains.iter().map(|domain| domain.to_ascii_lowercase()).collect(),
        created: now,
        expires: lifetime.and_then(|lifetime| now.checked_add(lifetime)),
        reusable: wanted.reusable,
        accounts: Vec::new(),
        revoked: false,
    };
    let mut batch = Batch::new();
    external_keys::insert(&mut batch, &key)?;
    batch.record(now, Act::ExternalKey { kid: key.kid.clone(), change: "created".to_owned() });
    app.store.commit(batch).await?;
    let shown = ExternalKeyView { secret: Some(key.secret.clone()), ..view(&app, &key).await? };
    Ok(Json(shown))
}

/// `POST /external-keys/{kid}/revoke`.
///
/// # Errors
/// [`Refusal`] if there is none, it is revoked already, or on a failing store.
pub async fn revoke(
    State(app): State<App>,
    Path(kid): Path<String>,
) -> Result<Json<ExternalKeyView>, Refusal> {
    let seen =
        app.store.load::<ExternalKey>(&kid).await?.ok_or(Refusal::Absent("external account binding key"))?;
    if seen.value.revoked {
        return Err(Refusal::Already("key is revoked"));
    }
    let next = ExternalKey { revoked: true, ..seen.value.clone() };
    let mut batch = Batch::new();
    external_keys::replace(&mut batch, &seen, &next)?;
    batch.record(app.clock.now(), Act::ExternalKey { kid, change: "revoked".to_owned() });
    app.store.commit(batch).await?;
    Ok(Json(view(&app, &next).await?))
}

fn authority(app: &App, name: Option<&str>) -> Result<AuthorityName, Refusal> {
    let mut reached = app.config.authority.iter().filter(|(_, section)| section.acme).map(|(name, _)| name);
    match name {
        Some(text) => reached.find(|name| name.as_str() == text).cloned().ok_or_else(|| Refusal::Value {
            name: "authority",
            value: text.to_owned(),
            wanted: "an authority that clients reach over ACME",
        }),
        None => match (reached.next(), reached.next()) {
            (Some(only), None) => Ok(only.clone()),
            _ => Err(Refusal::WhichAuthority),
        },
    }
}

async fn view(app: &App, key: &ExternalKey) -> Result<ExternalKeyView, StoreError> {
    let mut accounts: BTreeSet<AccountId> = key.accounts.iter().copied().collect();
    accounts.extend(app.store.accounts_bound_by(&key.kid, MOST_ACCOUNTS + 1).await?);
    let state = if key.revoked {
        "revoked"
    } else if key.expires.is_some_and(|end| end <= app.clock.now()) {
        "expired"
    } else if !key.reusable && !key.accounts.is_empty() {
        "used"
    } else {
        "usable"
    };
    Ok(ExternalKeyView {
        kid: key.kid.clone(),
        authority: key.authority.to_string(),
        domains: key.domains.clone(),
        state: state.to_owned(),
        reusable: key.reusable,
        more_accounts: accounts.len() > MOST_ACCOUNTS,
        accounts: accounts.iter().take(MOST_ACCOUNTS).map(ToString::to_string).collect(),
        created: key.created,
        expires: key.expires,
        secret: None,
    })
}
