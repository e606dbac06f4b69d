//! `GET /approvals` and `POST /approvals/<id>`: what waits for a decision, and the decision in the operator's name.

use axum::Extension;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use policies::rules::Task;
use serde::Deserialize;

use super::{answered, form, gate, see_other};
use crate::admin::actor::Actor;
use crate::admin::approvals;
use crate::app::App;
use crate::console::fault::Fault;
use crate::console::pages;
use crate::console::sessions::SignedIn;
use crate::internal::approval::Decision;

/// Requests on one page.
const PAGE: usize = 100;

/// Where the page begins, and what was just done.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    after: Option<String>,
    done: Option<String>,
}

pub(super) async fn list(
    State(app): State<App>,
    Extension(signed_in): Extension<SignedIn>,
    Query(wanted): Query<Wanted>,
) -> Response {
    answered(page(&app, &signed_in, wanted).await, &signed_in)
}

async fn page(app: &App, signed_in: &SignedIn, wanted: Wanted) -> Result<Response, Fault> {
    let Wanted { after, done } = wanted;
    let is_further = after.is_some();
    let listed = approvals::Wanted { limit: PAGE, after };
    let rows = approvals::list(State(app.clone()), Query(listed)).await?.0;
    // A word that is known, since anybody may write an address.
    let note = match done.as_deref() {
        Some("approved") => {
            Some("It was approved. The next time that it is asked for, the certificate is issued.")
        }
        Some("denied") => Some("It was denied."),
        Some(_) | None => None,
    };
    Ok(pages::approvals(signed_in, &rows, (note, is_further), app.clock.now()).into_response())
}

pub(super) async fn decide(
    State(app): State<App>,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    answered(act(&app, &signed_in, &id, request).await, &signed_in)
}

async fn act(app: &App, signed_in: &SignedIn, id: &str, request: Request) -> Result<Response, Fault> {
    let mut form = form::read_of(app, signed_in, request).await?;
    gate::allowed(app, signed_in, Task::Approve).await?;
    let decision = match form.take("decision")?.as_deref() {
        Some("approve") => Decision::Approved,
        Some("deny") => Decision::Denied,
        Some(_) | None => return Err(Fault::Malformed("the decision is neither approve nor deny")),
    };
    let by = Actor::Operator(signed_in.operator.name());
    let view = approvals::decide(app, id, decision, &by).await?;
    tracing::info!(decision = %view.decision, operator = %signed_in.operator.name(), "a request was decided at the console");
    Ok(see_other(&format!("/approvals?done={}", view.decision)))
}
