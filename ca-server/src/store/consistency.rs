//! Whether what the store holds fits together: each record readable, each with its index rows, each index row with its record.
//!
//! Goes page by page beside everything else that happens; what changes under its eyes is looked at again before it is called wrong. Decides nothing
//! and mends nothing.

use certs::serial::Serial;
use data_encoding::HEXLOWER;

use super::tables::certificates::rows;
use super::{Range, Record as _, Row, Store, StoreError, Table, keys, record};
use crate::backup::contents::readable;
use crate::order::model::{Account, Certificate, CertificateStatus, Order, OrderStatus};

/// Tables that are looked through, in this order.
pub const TABLES: &[Table] = &[
    Table::Accounts,
    Table::Orders,
    Table::Authorizations,
    Table::Certificates,
    Table::OpenIntents,
    Table::Revoked,
];
/// Rows looked at at once.
const STEP: usize = 200;

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The table.
    pub table: Table,
    /// The key of the row, hexadecimal.
    pub key: String,
    /// What is wrong.
    pub what: String,
}

/// How far it came.
#[derive(Clone, Debug, Default)]
pub struct Examined {
    /// What does not fit.
    pub misfits: Vec<Misfit>,
    /// Rows looked at.
    pub rows: u64,
    /// The key to go on after; `None` at the end of the table.
    pub next: Option<Vec<u8>>,
}

/// Looks at rows of one of [`TABLES`], about as many as `most`.
///
/// # Errors
/// If the backend fails.
pub async fn examine(
    store: &Store,
    table: Table,
    mut after: Option<Vec<u8>>,
    most: u64,
) -> Result<Examined, StoreError> {
    let mut examined = Examined::default();
    loop {
        let page = store.scan(Range::of(table).after(after.clone()).limit(STEP)).await?;
        for row in &page {
            examined.rows += 1;
            if let Some(what) = misfit(store, table, row).await? {
                examined.misfits.push(Misfit { table, key: HEXLOWER.encode(&row.0), what });
            }
        }
        if page.len() < STEP {
            return Ok(examined);
        }
        after = page.last().map(|(key, _)| key.clone());
        if examined.rows >= most {
            examined.next = after;
            return Ok(examined);
        }
        // Reading never waits for anything; others on this thread get their turn here.
        tokio::task::yield_now().await;
    }
}

/// What is wrong with a row, if it is still the same when that has been found out.
async fn misfit(store: &Store, table: Table, row: &Row) -> Result<Option<String>, StoreError> {
    let Some(what) = wrong(store, table, row).await? else { return Ok(None) };
    let now = store.index(table, &row.0).await?;
    if now.as_ref() == Some(&row.1) { Ok(Some(what)) } else { Ok(None) }
}

async fn wrong(store: &Store, table: Table, (key, value): &Row) -> Result<Option<String>, StoreError> {
    if let Err(what) = readable(table, key, value) {
        return Ok(Some(what.to_owned()));
    }
    match table {
        Table::Accounts => account(store, key, value).await,
        Table::Orders => order(store, key, value).await,
        Table::Certificates => certificate(store, key, value).await,
        Table::OpenIntents => of_status(store, key, &[CertificateStatus::Intended]).await,
        Table::Revoked => {
            of_status(store, key, &[CertificateStatus::Revoked, CertificateStatus::Abandoned]).await
        }
        _ => Ok(None),
    }
}

async fn account(store: &Store, key: &[u8], value: &[u8]) -> Result<Option<String>, StoreError> {
    let account = record::decode::<Account>(key, value)?.value;
    let index = keys::account_by_key(&account.authority, &account.key.thumbprint());
    let there = store.index(Table::AccountsByKey, &index).await?.is_some();
    Ok((!there).then(|| "it is not found by its key".to_owned()))
}

async fn order(store: &Store, key: &[u8], value: &[u8]) -> Result<Option<String>, StoreError> {
    let order = record::decode::<Order>(key, value)?.value;
    let index = keys::order_by_account(order.account, order.created, order.id);
    if store.index(Table::OrdersByAccount, &index).await?.is_none() {
        return Ok(Some("it is not in its account's list".to_owned()));
    }
    let Some(serial) = order.serial.filter(|_| order.status == OrderStatus::Valid) else { return Ok(None) };
    let there = store.index(Table::Certificates, &Certificate::encode_key(&serial)).await?.is_some();
    Ok((!there).then(|| format!("its certificate {serial} is missing")))
}

async fn certificate(store: &Store, key: &[u8], value: &[u8]) -> Result<Option<String>, StoreError> {
    let certificate = record::decode::<Certificate>(key, value)?.value;
    for (table, index) in rows(&certificate) {
        if store.index(table, &index).await?.is_none() {
            return Ok(Some(format!("it has no row in {table:?}")));
        }
    }
    let (table, index) = match certificate.status {
        CertificateStatus::Issued => return Ok(None),
        CertificateStatus::Intended => (Table::OpenIntents, certificate.serial.as_bytes().to_vec()),
        CertificateStatus::Revoked | CertificateStatus::Abandoned => {
            (Table::Revoked, keys::revoked(&certificate.authority, &certificate.serial))
        }
    };
    let there = store.index(table, &index).await?.is_some();
    Ok((!there).then(|| format!("it has no row in {table:?}")))
}

/// What is wrong with an index row whose certificate must have one of these statuses.
async fn of_status(
    store: &Store,
    key: &[u8],
    statuses: &[CertificateStatus],
) -> Result<Option<String>, StoreError> {
    let Some(serial): Option<Serial> = keys::serial_of_row(key) else {
        return Ok(Some("it names no serial".to_owned()));
    };
    let found = store.load::<Certificate>(&serial).await?;
    let fits = found.is_some_and(|found| statuses.contains(&found.value.status));
    Ok((!fits).then(|| format!("the certificate {serial} is missing or has another status")))
}
