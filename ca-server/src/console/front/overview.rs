//! `GET /`: the first page.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::{answered, challenges};
use crate::admin::approvals as requests;
use crate::admin::server_status;
use crate::app::App;
use crate::console::fault::Fault;
use crate::console::figures;
use crate::console::pages::{self, Overview};
use crate::console::sessions::SignedIn;

/// Certificates that are named on the page.
const DUE: usize = 10;
/// Failures that are named on the page.
const FAILURES: usize = 5;
/// Requests for approval that are counted.
const PENDING: usize = 200;

pub(super) async fn show(State(app): State<App>, Extension(signed_in): Extension<SignedIn>) -> Response {
    answered(page(app, &signed_in).await, &signed_in)
}

async fn page(app: App, signed_in: &SignedIn) -> Result<Response, Fault> {
    let now = app.clock.now();
    let (failures, _) = challenges::failures(&app, None, FAILURES).await?;
    let shown = Overview {
        status: server_status::show(State(app.clone())).await?.0,
        issued: app.console.figures.issued(&app.store, now).await?,
        latencies: app.console.latencies.shown(now),
        due: figures::due(&app.store, now, DUE).await?,
        pending: pending(&app).await?,
        failures,
        now,
    };
    Ok(pages::overview(signed_in, &shown).into_response())
}

/// How many requests wait for approval among the first ones, and whether there are more.
async fn pending(app: &App) -> Result<(usize, bool), Fault> {
    let wanted = requests::Wanted { limit: PENDING, after: None };
    let page = requests::list(State(app.clone()), axum::extract::Query(wanted)).await?.0;
    let waiting = page.items.iter().filter(|view| view.decision == "pending").count();
    Ok((waiting, page.next.is_some()))
}
