//! `POST /acme/<authority>/account/<id>/orders`: an account's orders, newest first, page by page (RFC 8555 §7.1.2.1).
//!
//! Orders that ended without a certificate are left out as the RFC asks, so a page may be short although more follow.

use axum::extract::{RawQuery, State};
use serde::Serialize;

use super::path::{self, Segments};
use crate::app::App;
use crate::ids::AccountId;
use crate::order::model::OrderStatus;
use crate::order::read::{OrderNow, not_yours};
use crate::respond::Answer;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::store::Cursor;
use crate::verify::{PostAsGet, Verified};

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
    Segments((_, id)): Segments<(String, String)>,
    RawQuery(query): RawQuery,
    request: Verified<PostAsGet>,
) -> Result<Answer<OrdersView>, Problem> {
    let id: AccountId = path::id("account", &id)?;
    if id != request.account.value.id {
        return Err(not_yours("list"));
    }
    let after = query.as_deref().map(cursor).transpose()?;
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

/// The cursor in `cursor=…`, as the `next` link of the page before has it.
fn cursor(query: &str) -> Result<Cursor, Problem> {
    let text = query.strip_prefix("cursor=").and_then(|text| text.parse().ok());
    text.ok_or_else(|| Problem::new(Kind::Malformed, "the cursor is not one that this server gave out"))
}
