//! Certificates, as the operator finds, shows and revokes them.

use axum::Json;
use axum::extract::{Path, Query, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certs::crl::RevocationReason;
use certs::identifier::Identifier;
use certs::pem::{Label, encode};
use certs::serial::Serial;
use serde::Deserialize;
use time::Duration;

use super::actor::Actor;
use super::refusal::Refusal;
use super::views::{CertificateView, Page, Revoke};
use crate::app::App;
use crate::internal::UserId;
use crate::internal::line::{Line, of_device};
use crate::order::model::{Certificate, CertificateStatus};
use crate::order::revoke::{Ended, go_on, record, unlisted};
use crate::respond::problem::Problem;
use crate::store::Versioned;
use crate::store::page::Cursor;
use crate::store::tables::certificates::CertificateFilter;

const MAX_PAGE: usize = 1000;

/// Which certificates.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    pub(crate) limit: usize,
    pub(crate) after: Option<String>,
    pub(crate) identifier: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) organisation: Option<String>,
    pub(crate) containing: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) expires_within: Option<i64>,
    #[serde(default)]
    pub(crate) pem: bool,
}

/// `GET /certificates`, newest first.
///
/// # Errors
/// [`Refusal`] on a bad filter or a failing store.
pub async fn list(
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<CertificateView>>, Refusal> {
    let organisation = match &wanted.organisation {
        None => None,
        Some(name) => Some(super::organisations::find(&app, name).await?.value.id),
    };
    let filter = CertificateFilter {
        identifier: wanted.identifier.as_deref().map(identifier).transpose()?,
        account: wanted.account.as_deref().map(super::accounts::id).transpose()?,
        authority: None,
        profile: wanted.profile.clone(),
        status: wanted.status.as_deref().map(status).transpose()?,
        expires_before: wanted
            .expires_within
            .map(|seconds| app.clock.now().saturating_add(Duration::seconds(seconds))),
        organisation,
        containing: wanted.containing.clone(),
        ..CertificateFilter::default()
    };
    let after: Option<Cursor> = wanted.after.as_deref().map(cursor).transpose()?;
    let page = app.store.certificates(&filter, after.as_ref(), wanted.limit.clamp(1, MAX_PAGE)).await?;
    let view = |row: &Versioned<Certificate>| {
        let pem = if wanted.pem { pem(&app, &row.value) } else { None };
        CertificateView { pem, ..CertificateView::new(&row.value) }
    };
    Ok(Json(Page {
        items: page.items.iter().map(view).collect(),
        next: page.next.map(|cursor| cursor.to_string()),
    }))
}

/// `GET /certificates/{serial}`.
///
/// # Errors
/// [`Refusal`] if there is none, or on a failing store.
pub async fn show(
    State(app): State<App>,
    Path(serial): Path<String>,
) -> Result<Json<CertificateView>, Refusal> {
    let record = load(&app, &serial).await?.value;
    Ok(Json(CertificateView { pem: pem(&app, &record), ..CertificateView::new(&record) }))
}

/// `POST /certificates/{serial}/revoke`.
///
/// # Errors
/// [`Refusal`] if there is none, it was never issued or is revoked already with all of its line, or on a failing store.
pub async fn revoke(
    State(app): State<App>,
    Path(serial): Path<String>,
    Json(wanted): Json<Revoke>,
) -> Result<Json<CertificateView>, Refusal> {
    revoke_as(&app, &serial, wanted.reason, &Actor::Administrator).await.map(Json)
}

/// Revokes a certificate in somebody's name.
///
/// # Errors
/// As [`revoke`].
pub async fn revoke_as(app: &App, serial: &str, code: u8, by: &Actor) -> Result<CertificateView, Refusal> {
    let seen = load(app, serial).await?;
    let now = app.clock.now();
    let Ended { also, unbound } = match seen.value.status {
        CertificateStatus::Intended | CertificateStatus::Abandoned => return Err(Refusal::NotIssued),
        // What was broken off goes on; else there is nothing to do.
        CertificateStatus::Revoked => {
            let rest = go_on(&app.store, &seen.value, now).await.map_err(Problem::from)?;
            if rest.is_empty() {
                return Err(Refusal::Already("certificate is revoked"));
            }
            Ended { also: rest, unbound: None }
        }
        CertificateStatus::Issued => {
            record(&app.store, &seen, reason(code)?, by.to_string(), now).await.map_err(Problem::from)?
        }
    };
    app.revocation_lists.outdated();
    let revoked = load(app, serial).await?.value;
    let warning = unlisted(&app.authorities, &revoked).map(str::to_owned);
    Ok(CertificateView {
        warning,
        also_revoked: also.iter().map(ToString::to_string).collect(),
        unbound_device: unbound.map(|id| id.to_string()),
        still_in_force: still_in_force(app, &revoked).await?,
        ..CertificateView::new(&revoked)
    })
}

/// What else the device holds: certificates of another binding, or all of them where the certificate was only superseded.
async fn still_in_force(app: &App, revoked: &Certificate) -> Result<Vec<String>, Refusal> {
    let Some(line) = Line::of(revoked) else { return Ok(Vec::new()) };
    let living = of_device(&app.store, line.device, app.clock.now()).await?;
    Ok(living.iter().map(|row| row.value.serial.to_string()).collect())
}

async fn load(app: &App, text: &str) -> Result<Versioned<Certificate>, Refusal> {
    let serial: Serial = text.parse().map_err(|_| Refusal::Absent("certificate"))?;
    app.store.load::<Certificate>(&serial).await?.ok_or(Refusal::Absent("certificate"))
}

fn pem(app: &App, record: &Certificate) -> Option<String> {
    let issued = matches!(record.status, CertificateStatus::Issued | CertificateStatus::Revoked);
    let der = STANDARD.decode(&record.der).ok().filter(|_| issued)?;
    let authority = app.authorities.find(&record.authority);
    let above = authority.as_ref().and_then(|authority| authority.chains_of(&record.issuer).next());
    Some(encode(Label::Certificate, &der) + above.map_or("", |chain| chain.pem.as_str()))
}

pub(super) fn reason(code: u8) -> Result<RevocationReason, Refusal> {
    RevocationReason::from_code(code.into()).map_err(|_| Refusal::Value {
        name: "reason",
        value: code.to_string(),
        wanted: "a reason code of RFC 5280",
    })
}

/// A name, an address, or an account id of the internal authority.
pub(super) fn identifier(text: &str) -> Result<Identifier, Refusal> {
    let urn = format!("urn:uuid:{text}");
    let (kind, value) = match text.split_once(':') {
        Some((kind @ ("dns" | "email" | "uri"), value)) => (kind, value),
        Some(("urn", _)) => ("uri", text),
        _ if text.contains('@') => ("email", text),
        _ if text.parse::<UserId>().is_ok() => ("uri", urn.as_str()),
        _ => ("dns", text),
    };
    Identifier::from_parts(kind, value).map_err(|_| Refusal::Value {
        name: "identifier",
        value: text.to_owned(),
        wanted: "a name such as room-1.example.com",
    })
}

fn status(text: &str) -> Result<CertificateStatus, Refusal> {
    let wanted = "intended, issued, abandoned or revoked";
    match text {
        "intended" => Ok(CertificateStatus::Intended),
        "issued" => Ok(CertificateStatus::Issued),
        "abandoned" => Ok(CertificateStatus::Abandoned),
        "revoked" => Ok(CertificateStatus::Revoked),
        _ => Err(Refusal::Value { name: "status", value: text.to_owned(), wanted }),
    }
}

pub(super) fn cursor(text: &str) -> Result<Cursor, Refusal> {
    text.parse().map_err(|_| Refusal::Value {
        name: "after",
        value: text.to_owned(),
        wanted: "a cursor that a page before printed",
    })
}
