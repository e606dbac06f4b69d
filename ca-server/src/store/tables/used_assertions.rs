//! The ids of assertions that were taken, until they have expired by themselves: a replay is refused across restarts and races.
//!
//! [`claim`] stands in the batch that moves a sign-in on. Ids are kept as hashes, since providers choose their length and form.

use aws_lc_rs::digest::{SHA256, digest};
use certs::serial::Serial;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::expiry::{self, Ends};
use crate::sso::person::SingleUse;
use crate::store::{Batch, Record, Store, StoreError, Table, Versioned};

/// An assertion that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedAssertion {
    /// SHA-256 over provider and assertion id, hexadecimal.
    pub id: String,
    /// After this time it is refused as expired.
    #[serde(with = "time::serde::timestamp")]
    pub until: OffsetDateTime,
    /// Of a token: the certificate that it was used for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_for: Option<UsedFor>,
}

/// The certificate that a token was used for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedFor {
    /// SHA-256 of its key's subject public key info, base64url.
    pub key: String,
    /// Its serial.
    pub serial: Serial,
}

impl Record for UsedAssertion {
    const TABLE: Table = Table::UsedAssertions;
    type Key = String;

    fn key(&self) -> String {
        self.id.clone()
    }

    fn encode_key(key: &String) -> Vec<u8> {
        HEXLOWER.decode(key.as_bytes()).unwrap_or_default()
    }
}

/// Demands that the assertion was never taken, and remembers it; stale on [`Table::UsedAssertions`] if it was.
///
/// # Errors
/// If the record cannot be serialised.
pub fn claim(batch: &mut Batch, assertion: &SingleUse) -> Result<(), StoreError> {
    expiry::put(batch, None, &record_of(assertion, None))
}

/// The same for a token and the certificate that it is used for, over `seen` if it was used in vain before; stale if that changed.
///
/// # Errors
/// If the record cannot be serialised.
pub fn claim_for(
    batch: &mut Batch,
    token: &SingleUse,
    seen: Option<&Versioned<UsedAssertion>>,
    used_for: UsedFor,
) -> Result<(), StoreError> {
    expiry::put(batch, seen, &record_of(token, Some(used_for)))
}

/// What is remembered of it; `None` if it was never taken.
///
/// # Errors
/// If the store fails.
pub async fn find(
    store: &Store,
    assertion: &SingleUse,
) -> Result<Option<Versioned<UsedAssertion>>, StoreError> {
    store.load(&id_of(assertion)).await
}

fn id_of(assertion: &SingleUse) -> String {
    HEXLOWER.encode(digest(&SHA256, assertion.key.as_bytes()).as_ref())
}

fn record_of(assertion: &SingleUse, used_for: Option<UsedFor>) -> UsedAssertion {
    let until = assertion.until.replace_nanosecond(0).unwrap_or(assertion.until);
    UsedAssertion { id: id_of(assertion), until, used_for }
}

impl Ends for UsedAssertion {
    fn ends(&self) -> OffsetDateTime {
        self.until
    }
}
