//! An order as its account sees it (RFC 8555 §7.1.3), with `profile` (draft-ietf-acme-profiles) and `replaces` (RFC 9773 §5).

use certs::identifier::Identifier;
use serde::Serialize;
use time::OffsetDateTime;

use crate::order::model::OrderStatus;
use crate::order::read::OrderNow;
use crate::request::links::Links;
use crate::respond::problem::StoredProblem;

/// The order object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderView {
    status: OrderStatus,
    #[serde(with = "time::serde::rfc3339")]
    expires: OffsetDateTime,
    identifiers: Vec<Identifier>,
    profile: String,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    not_before: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    not_after: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<StoredProblem>,
    authorizations: Vec<String>,
    finalize: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
}

impl OrderView {
    /// The view of an order at `now`.
    #[must_use]
    pub fn new(seen: &OrderNow, links: &Links, now: OffsetDateTime) -> Self {
        let order = &seen.order.value;
        let certificate = match seen.status {
            OrderStatus::Valid => order.serial.map(|serial| links.certificate(&order.authority, serial, 0)),
            OrderStatus::Pending | OrderStatus::Ready | OrderStatus::Processing | OrderStatus::Invalid => {
                None
            }
        };
        Self {
            status: seen.status,
            expires: order.expires,
            identifiers: order.identifiers.clone(),
            profile: order.profile.clone(),
            not_before: order.not_before,
            not_after: order.not_after,
            replaces: order.replaces.clone(),
            error: seen.error(now),
            authorizations: order
                .authorizations
                .iter()
                .map(|id| links.authorization(&order.authority, *id))
                .collect(),
            finalize: links.finalize(&order.authority, order.id),
            certificate,
        }
    }
}
