//! `POST /acme/<authority>/order/<id>`: an order as it stands (RFC 8555 §7.4), with Retry-After while it is processing.

use axum::extract::State;

use super::path::{self, Segments};
use crate::app::App;
use crate::order::model::OrderStatus;
use crate::order::read::{OrderNow, order_of};
use crate::respond::Answer;
use crate::respond::problem::Problem;
use crate::respond::views::order::OrderView;
use crate::verify::{PostAsGet, Verified};

/// Seconds after which a client should look again.
const AGAIN: u64 = 1;

/// Shows an order.
///
/// # Errors
/// `NotFound` or `unauthorized`.
pub async fn order(
    State(app): State<App>,
    Segments((_, id)): Segments<(String, String)>,
    request: Verified<PostAsGet>,
) -> Result<Answer<OrderView>, Problem> {
    let now = app.clock.now();
    let id = path::id("order", &id)?;
    let order = order_of(&app.store, &request.authority, &request.account.value, id).await?;
    let seen = OrderNow::of(&app.store, order, now).await?;
    Ok(answer(&app, &seen))
}

/// The order as an answer.
pub(super) fn answer(app: &App, seen: &OrderNow) -> Answer<OrderView> {
    let answer = Answer::ok(OrderView::new(seen, &app.links, app.clock.now()));
    match seen.status {
        OrderStatus::Processing => answer.retry_after(AGAIN),
        OrderStatus::Pending | OrderStatus::Ready | OrderStatus::Valid | OrderStatus::Invalid => answer,
    }
}
