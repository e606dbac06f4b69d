//! Rows put back as they were, from a backup that was verified: the only way around the tables' own functions.
//!
//! Must never be used on a store that serves anybody: nothing is compared with what stands there, and the journal's entries are written as
//! they come. The store has to be opened anew afterwards, so that its journal goes on from the last of them.

use super::evaluate::MOST_BATCH;
use super::{Batch, Op, Range, Row, Store, StoreError, Table, record};

/// How many numbers of revocation lists are passed over: more than were given away since any backup that is of use.
const CRL_NUMBERS: u64 = 1_000_000;
/// How the rows begin that keep the last number of a revocation list.
const CRL_NUMBER: &[u8] = b"crl-number:";

/// Writes rows as they are.
///
/// # Errors
/// If the backend fails.
pub async fn put(store: &Store, table: Table, rows: Vec<Row>) -> Result<(), StoreError> {
    let (mut batch, mut octets) = (Batch::new(), 0);
    for (key, value) in rows {
        octets += key.len() + value.len();
        if octets > MOST_BATCH / 2 {
            store.commit(std::mem::take(&mut batch)).await?;
            octets = key.len() + value.len();
        }
        batch.ops.push(Op::Put { table, key, value });
    }
    store.commit(batch).await
}

/// Makes sure that no number of a revocation list is used twice: lists were numbered after the backup was made.
///
/// # Errors
/// If the backend fails.
pub async fn skip_crl_numbers(store: &Store) -> Result<(), StoreError> {
    let rows = store.scan(Range::of(Table::Meta).prefix(CRL_NUMBER.to_vec())).await?;
    let mut batch = Batch::new();
    for (key, value) in rows {
        let version = record::stored_version(&value);
        let json = value.get(8..).and_then(|json| serde_json::from_slice::<serde_json::Value>(json).ok());
        let Some(mut json) = json else { continue };
        let Some(number) = json.get("number").and_then(serde_json::Value::as_u64) else { continue };
        if let Some(place) = json.get_mut("number") {
            *place = number.saturating_add(CRL_NUMBERS).into();
        }
        let mut value = version.next().0.to_be_bytes().to_vec();
        value.extend_from_slice(json.to_string().as_bytes());
        batch.ops.push(Op::Put { table: Table::Meta, key, value });
    }
    store.commit(batch).await
}
