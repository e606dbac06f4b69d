//! `POST /acme/<authority>/account/<id>/orders`: an account's orders, newest first, page by page (RFC 8555 §7.1.2.1).
//!
//! Orders that ended without a certificate are left out as the RFC asks, so a page may be short although more follow.

use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};

use super::path;
use crate::app::App;
use crate::ids::AccountId;
use crate::order::model::OrderStatus;
use crate::order::read::{OrderNow, not_yours};
use crate::respond::Answer;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::store::Cursor;
use crate::verify::{PostAsGet, Verified};

/// Where to go on.
#[derive(Clone, Debug, Deserialize)]
pub struct Place {
    /// From the `next` link of the page before.
    cursor: Option<String>,
}

/// One page.
#[derive(Clone, Debug, Serialize)]
pub struct OrdersView {
    orders: Vec<String>,
}

/// Lists orders.
///
/// # Errors
/// `unauthorized` for another account's list; `malformed` for a cursor that is none.
pub async fn orders(
    State(app): State<App>,
    Path((_, id)): Path<(String, String)>,
    Query(place): Query<Place>,
    request: Verified<PostAsGet>,
) -> Result<Answer<OrdersView>, Problem> {
    let id: AccountId = path::id("account", &id)?;
    if id != request.account.value.id {
        return Err(not_yours("list"));
    }
    let malformed = |_| Problem::new(Kind::Malformed, "the cursor is not one that this server gave out");
    let after: Option<Cursor> = place.cursor.map(|text| text.parse()).transpose().map_err(malformed)?;
    let page = app.store.orders_of(id, after.as_ref(), app.config.acme.orders_per_page).await?;
    let mut orders = Vec::with_capacity(page.items.len());
    for order in page.items {
        let order_id = order.value.id;
        match OrderNow::of(&app.store, order, app.clock.now()).await?.status {
            OrderStatus::Invalid => {}
            OrderStatus::Pending | OrderStatus::Ready | OrderStatus::Processing | OrderStatus::Valid => {
                orders.push(app.links.order(&request.authority, order_id));
            }
        }
    }
    let answer = Answer::ok(OrdersView { orders });
    Ok(match page.next {
        Some(next) => {
            answer.link("next", &format!("{}?cursor={next}", app.links.orders(&request.authority, id)))
        }
        None => answer,
    })
}
