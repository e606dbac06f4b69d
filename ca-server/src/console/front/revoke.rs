//! `GET` and `POST /certificates/<serial>/revoke`: the question, and the act in the operator's name.

use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use policies::rules::Task;

use super::{answered, form, gate};
use crate::admin::actor::Actor;
use crate::admin::certificates;
use crate::admin::refusal::Refusal;
use crate::app::App;
use crate::console::fault::Fault;
use crate::console::pages;
use crate::console::sessions::SignedIn;
use crate::order::model::CertificateStatus;

pub(super) async fn ask(
    State(app): State<App>,
    Extension(signed_in): Extension<SignedIn>,
    Path(serial): Path<String>,
) -> Response {
    answered(question(&app, &signed_in, serial).await, &signed_in)
}

async fn question(app: &App, signed_in: &SignedIn, serial: String) -> Result<Response, Fault> {
    gate::allowed(app, signed_in, Task::Revoke).await?;
    let view = certificates::show(State(app.clone()), Path(serial)).await?.0;
    match view.status {
        CertificateStatus::Issued => Ok(pages::revoke(signed_in, &view).into_response()),
        CertificateStatus::Revoked => Err(Refusal::Already("certificate is revoked").into()),
        CertificateStatus::Intended | CertificateStatus::Abandoned => Err(Refusal::NotIssued.into()),
    }
}

pub(super) async fn revoke(
    State(app): State<App>,
    Extension(signed_in): Extension<SignedIn>,
    Path(serial): Path<String>,
    request: Request,
) -> Response {
    answered(act(&app, &signed_in, &serial, request).await, &signed_in)
}

async fn act(app: &App, signed_in: &SignedIn, serial: &str, request: Request) -> Result<Response, Fault> {
    let mut form = form::read_of(app, signed_in, request).await?;
    gate::allowed(app, signed_in, Task::Revoke).await?;
    let code = form.take("reason")?.and_then(|code| code.parse::<u8>().ok());
    let reason = pages::reasons().find(|reason| Some(reason.code()) == code);
    let reason = reason.ok_or(Fault::Malformed("the reason is none that can be given"))?;
    let by = Actor::Operator(signed_in.operator.name());
    let view = certificates::revoke_as(app, serial, reason.code(), &by).await?;
    tracing::info!(certificate.serial = %view.serial, reason = reason.as_str(), operator = %signed_in.operator.name(),
        "certificate revoked at the console");
    Ok(pages::revoked(signed_in, &view).into_response())
}
