//! The index rows that orders and authorizations need beside their records, and how their keys are laid out.
//!
//! Rows only point; whoever follows one must load the record and judge it. Layouts are those of `store/tables.rs`.

use certs::identifier::Identifier;
use time::OffsetDateTime;

use super::model::{Authorization, Order};
use crate::ids::{AccountId, AuthorizationId, ChallengeId, OrderId};
use crate::store::{Batch, Table};

/// The text by which an identifier is found again: `dns:*.example.com`.
#[must_use]
pub fn identifier_text(identifier: &Identifier, wildcard: bool) -> String {
    let star = if wildcard { "*." } else { "" };
    format!("{}:{star}{}", identifier.kind(), identifier.value())
}

/// Key in [`Table::AuthorizationsByIdentifier`].
#[must_use]
pub fn reuse_key(account: AccountId, text: &str) -> Vec<u8> {
    [account.as_bytes().as_slice(), text.as_bytes()].concat()
}

/// Lets further orders of the account find this authorization.
pub fn may_be_reused(batch: &mut Batch, authorization: &Authorization) {
    let text = identifier_text(&authorization.identifier, authorization.wildcard);
    let key = reuse_key(authorization.account, &text);
    batch.put(Table::AuthorizationsByIdentifier, key, authorization.id.as_bytes().to_vec());
}

/// Key in [`Table::OrdersByAccount`].
#[must_use]
pub fn account_order_key(account: AccountId, created: OffsetDateTime, order: OrderId) -> Vec<u8> {
    [account.as_bytes().as_slice(), &seconds(created), order.as_bytes()].concat()
}

/// Puts the order on its account's list.
pub fn list_order(batch: &mut Batch, order: &Order) {
    batch.put(Table::OrdersByAccount, account_order_key(order.account, order.created, order.id), Vec::new());
}

/// Key in [`Table::Validations`].
#[must_use]
pub fn validation_key(
    due: OffsetDateTime,
    authorization: AuthorizationId,
    challenge: ChallengeId,
) -> Vec<u8> {
    let milliseconds = u64::try_from(due.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    [milliseconds.to_be_bytes().as_slice(), authorization.as_bytes(), challenge.as_bytes()].concat()
}

/// Tells the pruner when a record may go.
pub fn expire(batch: &mut Batch, table: Table, key: &[u8], at: OffsetDateTime) {
    batch.put(Table::Expiry, expiry_key(table, key, at), Vec::new());
}

/// The same for a record whose expiry changed.
pub fn move_expiry(batch: &mut Batch, table: Table, key: &[u8], from: OffsetDateTime, to: OffsetDateTime) {
    if from != to {
        batch.delete(Table::Expiry, expiry_key(table, key, from));
        expire(batch, table, key, to);
    }
}

fn expiry_key(table: Table, key: &[u8], at: OffsetDateTime) -> Vec<u8> {
    [seconds(at).as_slice(), &[table as u8], key].concat()
}

/// Seconds since 1970 as they stand in keys, so that keys sort by time.
#[must_use]
pub fn seconds(at: OffsetDateTime) -> [u8; 8] {
    u64::try_from(at.unix_timestamp()).unwrap_or(0).to_be_bytes()
}
