//! `POST /acme/<authority>/new-order` (RFC 8555 §7.4).

use axum::extract::State;

use crate::app::App;
use crate::order::model::{Account, ExternalKey};
use crate::order::open::{OpenError, Opening};
use crate::order::replaces::{already_replaced, check};
use crate::order::wanted::NewOrder;
use crate::policy::Asker;
use crate::respond::Answer;
use crate::respond::problem::Problem;
use crate::respond::views::order::OrderView;
use crate::store::{StoreError, Table};
use crate::verify::Verified;

/// Opens an order.
///
/// # Errors
/// What is wrong with the order, or why it is refused.
pub async fn new_order(
    State(app): State<App>,
    request: Verified<NewOrder>,
) -> Result<Answer<OrderView>, Problem> {
    let (account, now) = (&request.account.value, app.clock.now());
    app.limits.new_order(account.id, now)?;
    let authority = app.authority(&request.authority)?;
    let wanted = request.payload.parse(app.config.acme.max_identifiers)?;
    let replaces = match &request.payload.replaces {
        Some(text) => Some(check(&app.store, &authority, account, &wanted, text, now).await?),
        None => None,
    };
    let external_key = external_key(&app, account).await?;
    let asker = Asker { account, external_key: external_key.as_ref() };
    let offer = app.offer();
    let admitted = match app.policy.admit(&asker, &authority, wanted, &offer, now) {
        Ok(admitted) => admitted,
        Err(refusal) => return Err(refusal.record(&app.refusals, &app.store, now).await),
    };
    let opening = Opening { store: &app.store, lifetimes: &app.config.acme, offer, now };
    let opened = opening.order(account, admitted, replaces.clone()).await.map_err(|error| {
        match (error, replaces) {
            (OpenError::Store(StoreError::Stale(Table::Replacements)), Some(id)) => already_replaced(&id),
            (error, _) => Problem::internal(error),
        }
    })?;
    let location = app.links.order(&request.authority, opened.order.value.id);
    Ok(Answer::created(location, OrderView::new(&opened, &app.links, now)))
}

/// The external account binding key that the account was made with.
pub(super) async fn external_key(app: &App, account: &Account) -> Result<Option<ExternalKey>, Problem> {
    let Some(kid) = &account.external_key else { return Ok(None) };
    Ok(app.store.load::<ExternalKey>(kid).await?.map(|seen| seen.value))
}
