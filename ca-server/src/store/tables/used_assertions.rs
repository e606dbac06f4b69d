//! The ids of assertions that were taken, until they have expired by themselves: a replay is refused across restarts and races.
//!
//! [`claim`] stands in the batch that moves a sign-in on. Ids are kept as hashes, since providers choose their length and form.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::sso::person::SingleUse;
use crate::store::{Batch, Record, StoreError, Table, Versioned, keys};

/// An assertion that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedAssertion {
    /// SHA-256 over provider and assertion id, hexadecimal.
    pub id: String,
    /// After this time it is refused as expired.
    #[serde(with = "time::serde::timestamp")]
    pub until: OffsetDateTime,
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
    let id = HEXLOWER.encode(digest(&SHA256, assertion.key.as_bytes()).as_ref());
    let used = UsedAssertion { id, until: assertion.until.replace_nanosecond(0).unwrap_or(assertion.until) };
    batch.insert(&used)?;
    batch.put(Table::Expiry, expiry_row(&used), Vec::new());
    Ok(())
}

/// Forgets an assertion; stale if it changed since.
pub(crate) fn remove(batch: &mut Batch, seen: &Versioned<UsedAssertion>) {
    batch.remove(seen);
    batch.delete(Table::Expiry, expiry_row(&seen.value));
}

fn expiry_row(used: &UsedAssertion) -> Vec<u8> {
    keys::expiry(Table::UsedAssertions, used.until, &UsedAssertion::encode_key(&used.id))
}
