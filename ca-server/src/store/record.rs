//! Records: typed values with a version, so that a change can say which state it was decided on.
//!
//! At rest: eight octets of version (big-endian), then JSON. Must never be written without a check of the version seen.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{StoreError, Table};

/// The version of a stored record; grows by one with each write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub(crate) u64);

impl Version {
    /// The version of a record just inserted.
    pub(crate) const FIRST: Self = Self(1);

    /// The version after this one.
    #[must_use]
    pub(crate) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A record as it was read, with the version it had.
#[derive(Clone, Debug)]
pub struct Versioned<R> {
    /// The record.
    pub value: R,
    /// What [`super::Batch::replace`] must see unchanged.
    pub version: Version,
}

/// A value that stands in a table of its own.
pub trait Record: Serialize + DeserializeOwned + Send + Sync {
    /// Where records of this kind stand.
    const TABLE: Table;
    /// What names one of them.
    type Key;

    /// The key of this record.
    fn key(&self) -> Self::Key;

    /// The key as it stands in the store.
    fn encode_key(key: &Self::Key) -> Vec<u8>;
}

/// The bytes of a record at rest.
pub(crate) fn encode<R: Record>(record: &R, version: Version) -> Result<Vec<u8>, StoreError> {
    let mut bytes = version.0.to_be_bytes().to_vec();
    serde_json::to_writer(&mut bytes, record)
        .map_err(|source| corrupt::<R>(&R::encode_key(&record.key()), source))?;
    Ok(bytes)
}

/// A record from its bytes at rest.
pub(crate) fn decode<R: Record>(key: &[u8], bytes: &[u8]) -> Result<Versioned<R>, StoreError> {
    let (version, json) = bytes.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    let value = serde_json::from_slice(json).map_err(|source| corrupt::<R>(key, source))?;
    Ok(Versioned { value, version: Version(u64::from_be_bytes(*version)) })
}

/// The version of a record at rest; `None` where the row is absent.
pub(crate) fn stored_version(bytes: &[u8]) -> Version {
    Version(bytes.first_chunk::<8>().map_or(0, |version| u64::from_be_bytes(*version)))
}

fn corrupt<R: Record>(key: &[u8], source: serde_json::Error) -> StoreError {
    StoreError::Corrupt { table: R::TABLE, key: data_encoding::HEXLOWER.encode(key), source }
}
