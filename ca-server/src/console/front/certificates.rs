//! `GET /certificates` and what is below it: the list, one certificate, its chain.
//!
//! What is typed is taken for a serial, an account, an account id, a name or address, an organisation, or, with a `*`, for a part of a name; the page
//! says for which.

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certs::inspect::inspect_certificate;
use certs::serial::Serial;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use rustls_pki_types::CertificateDer;
use serde::Deserialize;

use super::{answered, see_other};
use crate::admin::certificates::{self, Wanted};
use crate::admin::organisations;
use crate::admin::refusal::Refusal;
use crate::admin::views::Page;
use crate::app::App;
use crate::console::fault::Fault;
use crate::console::pages::{self, Asked, Shown};
use crate::console::sessions::SignedIn;
use crate::ids::AccountId;
use crate::internal::UserId;
use crate::order::model::{Account, Certificate};

/// Certificates on one page.
const PAGE: usize = 50;
const DAY: i64 = 86_400;
/// Longest text that is looked for.
const LONGEST: usize = 255;

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Search {
    q: String,
    status: String,
    profile: String,
    ends: String,
    after: Option<String>,
}

pub(super) async fn list(
    State(app): State<App>,
    Extension(signed_in): Extension<SignedIn>,
    Query(search): Query<Search>,
) -> Response {
    answered(found(&app, &signed_in, search).await, &signed_in)
}

async fn found(app: &App, signed_in: &SignedIn, search: Search) -> Result<Response, Fault> {
    let Search { q, status, profile, ends, after } = search;
    let text: String = q.trim().chars().take(LONGEST).collect();
    let asked = Asked { text, status, profile, ends, after };
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let mut wanted = Wanted {
        limit: PAGE,
        after: asked.after.clone(),
        profile: some(&asked.profile),
        status: some(&asked.status),
        expires_within: asked
            .ends
            .parse::<i64>()
            .ok()
            .filter(|days| (1..=3660).contains(days))
            .map(|days| days * DAY),
        ..Wanted::default()
    };
    let meaning = match read(app, &asked.text, &mut wanted).await? {
        Meaning::Serial(serial) => return Ok(see_other(&format!("/certificates/{serial}"))),
        Meaning::Said(meaning) => meaning,
    };
    let profiles: Vec<String> = app.policy.current().profiles.names().map(str::to_owned).collect();
    let listed = certificates::list(State(app.clone()), Query(wanted)).await;
    let (rows, meaning) = match listed {
        Ok(rows) => (rows.0, meaning),
        // A text that is no name is one for which there is no certificate.
        Err(Refusal::Value { name: "identifier", .. }) => (
            Page { items: Vec::new(), next: None },
            "This is no name that a certificate can have.".to_owned(),
        ),
        Err(refusal) => return Err(refusal.into()),
    };
    let now = app.clock.now();
    Ok(pages::certificates(signed_in, &asked, (&meaning, &profiles), &rows, now).into_response())
}

/// What a text was taken for.
enum Meaning {
    /// The serial of a certificate that there is.
    Serial(Serial),
    /// Something to look for; nothing is said of nothing.
    Said(String),
}

async fn read(app: &App, text: &str, wanted: &mut Wanted) -> Result<Meaning, Fault> {
    if text.is_empty() {
        return Ok(Meaning::Said(String::new()));
    }
    if text.contains('*') && !text.starts_with("*.") {
        let part = text.trim_matches('*');
        wanted.containing = Some(part.to_owned());
        return Ok(Meaning::Said(format!("Names that contain “{part}”.")));
    }
    if let Ok(serial) = text.parse::<Serial>()
        && app.store.load::<Certificate>(&serial).await?.is_some()
    {
        return Ok(Meaning::Serial(serial));
    }
    if let Ok(id) = text.parse::<AccountId>()
        && app.store.load::<Account>(&id).await?.is_some()
    {
        wanted.account = Some(text.to_owned());
        return Ok(Meaning::Said(format!("Of the account {text}.")));
    }
    if text.parse::<UserId>().is_ok() {
        wanted.identifier = Some(format!("uri:urn:uuid:{text}"));
        return Ok(Meaning::Said(format!("For the account id {text}.")));
    }
    if text.starts_with("urn:") {
        wanted.identifier = Some(format!("uri:{text}"));
        return Ok(Meaning::Said(format!("For the account id {text}.")));
    }
    if !text.contains(['@', '.', ':'])
        && let Ok(organisation) = organisations::find(app, text).await
    {
        wanted.organisation = Some(organisation.value.id.to_string());
        return Ok(Meaning::Said(format!("For people and devices of {}.", organisation.value.name)));
    }
    wanted.identifier = Some(text.to_owned());
    Ok(Meaning::Said(format!("For the name {text}.")))
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(signed_in): Extension<SignedIn>,
    Path(serial): Path<String>,
) -> Response {
    answered(one(&app, &signed_in, &serial).await, &signed_in)
}

async fn one(app: &App, signed_in: &SignedIn, serial: &str) -> Result<Response, Fault> {
    let view = certificates::show(State(app.clone()), Path(serial.to_owned())).await?.0;
    let record = match serial.parse::<Serial>() {
        Ok(serial) => app.store.load::<Certificate>(&serial).await?,
        Err(_) => None,
    };
    let der =
        record.filter(|_| view.pem.is_some()).and_then(|record| STANDARD.decode(&record.value.der).ok());
    let report = der.and_then(|der| inspect_certificate(&CertificateDer::from(der)).ok());
    let organisation = match view.holder.as_ref().and_then(|holder| holder.organisation) {
        None => None,
        Some(id) => match organisations::find(app, &id.to_string()).await {
            Ok(found) => Some(found.value.name),
            Err(_) => Some(id.to_string()),
        },
    };
    Ok(pages::certificate(signed_in, &Shown { view, report, organisation, now: app.clock.now() })
        .into_response())
}

pub(super) async fn download(
    State(app): State<App>,
    Extension(signed_in): Extension<SignedIn>,
    Path(serial): Path<String>,
) -> Response {
    answered(chain(&app, serial).await, &signed_in)
}

async fn chain(app: &App, serial: String) -> Result<Response, Fault> {
    let view = certificates::show(State(app.clone()), Path(serial)).await?.0;
    let pem = view.pem.ok_or(Refusal::NotIssued)?;
    let name = format!("attachment; filename=\"{}.pem\"", view.serial);
    let headers =
        [(CONTENT_TYPE, "application/pem-certificate-chain".to_owned()), (CONTENT_DISPOSITION, name)];
    Ok((headers, pem).into_response())
}
