//! `POST /internal/devices/activate` gives the machine account of an activation code to the device that sends it; `POST /internal/devices/token` a new
//! token for the old one. Attempts at codes are counted before they are looked at.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use certs::csr::Csr;
use certs::name::DnsName;
use http::StatusCode;
use serde::Serialize;

use super::{Denied, bearer, body};
use crate::app::App;
use crate::internal::authenticate::record;
use crate::internal::error::naming;
use crate::internal::machine::{self, Activated, MachineError};
use crate::internal::opaque::MakeError;
use crate::policy::{Refused, Subject};
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;

/// What a device is told.
#[derive(Serialize)]
struct DeviceToken<'a> {
    account: String,
    organisation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<&'a str>,
    token: &'a str,
    token_type: &'static str,
    expires_in: i64,
}

/// Activates.
///
/// # Errors
/// [`Denied`]: 403 whatever is wrong with the code, 429 after too many.
pub async fn activate(
    State(app): State<App>,
    Extension(client): Extension<SocketAddr>,
    request: Request<Body>,
) -> Result<Response, Denied> {
    app.internal_authority()?;
    app.limits.activation(client.ip(), app.clock.now())?;
    let wanted = body::read(&app, request).await?;
    let bad = |detail: String| Problem::new(Kind::BadCsr, detail);
    let (csr, _) = Csr::parse_claiming(&wanted.csr()?).map_err(|error| bad(error.to_string()))?;
    match machine::activate(&app, wanted.text("code")?, &csr).await {
        Ok(activated) => Ok(told(&app, &activated, StatusCode::CREATED)),
        Err(error) => Err(denied(&app, "activate", error, &Subject::Stranger).await),
    }
}

/// Refreshes.
///
/// # Errors
/// [`Denied`]
pub async fn refresh(State(app): State<App>, request: Request<Body>) -> Result<Response, Denied> {
    app.internal_authority()?;
    let token = bearer(request.headers())?.to_owned();
    let wanted = body::read(&app, request).await?;
    let mut subject = Subject::Stranger;
    match machine::refresh(&app, (&token, wanted.text("proof")?), &mut subject).await {
        Ok(activated) => Ok(told(&app, &activated, StatusCode::OK)),
        Err(error) => Err(denied(&app, "refresh", error, &subject).await),
    }
}

/// Everything in it was read before the commit: nothing can fail from then on.
fn told(app: &App, activated: &Activated, status: StatusCode) -> Response {
    let Activated { account, organisation, token, expires } = activated;
    let now = app.clock.now();
    let (name, domain) = match organisation {
        Some(organisation) => {
            let held = organisation.preferred_at(app.config.internal.domain_grace, now);
            (organisation.name.clone(), held)
        }
        None => (String::new(), None),
    };
    let answer = DeviceToken {
        account: account.id.urn().to_string(),
        organisation: name,
        domain: domain.map(DnsName::as_str),
        token: token.expose(),
        token_type: "Bearer",
        expires_in: (*expires - now).whole_seconds(),
    };
    (status, Json(answer)).into_response()
}

/// The answer; what somebody decided is journalled once, against the account where that is known.
async fn denied(app: &App, action: &'static str, error: MachineError, subject: &Subject) -> Denied {
    let now = app.clock.now();
    if let MachineError::Token(error) = &error {
        record(app, error, subject, now).await;
    }
    if let Some(rule) = error.rule() {
        let refused = Refused { action, account: None, order: None, identifiers: Vec::new(), rule };
        if let Err(error) = app.refusals.record_of(&app.store, subject, refused, now).await {
            tracing::error!(%error, "a refusal could not be journalled");
        }
    }
    error.into()
}

impl From<MachineError> for Denied {
    fn from(error: MachineError) -> Self {
        match error {
            MachineError::Code | MachineError::Proof(_) => {
                Problem::new(Kind::Unauthorized, naming(&error, error.rule())).into()
            }
            MachineError::Key => Problem::new(Kind::BadCsr, error.to_string()).into(),
            MachineError::Token(error) => error.into(),
            MachineError::RateLimited(problem) => (*problem).into(),
            MachineError::Make(MakeError::Store(error)) | MachineError::Store(error) => {
                Problem::internal(error).into()
            }
            MachineError::Make(MakeError::Entropy(error)) => Problem::internal(error).into(),
        }
    }
}
