//! Writes a backup, a few blocks at a time.
//!
//! Decides where blocks end. Must never be asked for anything after the end.

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;

use super::{CHECKSUM, FULL, File, Head, Kind, LONGEST, MAGIC, Totals, VERSION};
use crate::store::{Row, StoreError, Table};

/// Why something cannot stand in a backup.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// It is longer than the format, or any reader, takes.
    #[error("{what} has {octets} octets, more than a backup can hold")]
    TooLong {
        /// What.
        what: String,
        /// How many.
        octets: usize,
    },
    /// The head or the totals cannot be written as JSON.
    #[error("cannot write JSON")]
    Json(#[from] serde_json::Error),
}

impl From<EncodeError> for StoreError {
    fn from(error: EncodeError) -> Self {
        Self::Backend(Box::new(error))
    }
}

/// A backup that is being written. Each call gives the octets that come next.
pub struct Encoder {
    number: u64,
    digest: Context,
    totals: Totals,
}

impl Encoder {
    /// Begins; gives the octets of the head too.
    ///
    /// # Errors
    /// [`EncodeError`]
    pub fn begin(head: &Head) -> Result<(Self, Vec<u8>), EncodeError> {
        let text = serde_json::to_vec(head)?;
        let mut octets = MAGIC.to_vec();
        octets.extend_from_slice(&VERSION.to_be_bytes());
        octets.extend_from_slice(&length("the head", text.len())?.to_be_bytes());
        octets.extend_from_slice(&text);
        octets.extend_from_slice(&crc32fast::hash(&octets).to_be_bytes());
        let mut digest = Context::new(&SHA256);
        digest.update(&octets);
        Ok((Self { number: 0, digest, totals: Totals::default() }, octets))
    }

    /// Rows of one table, in as many blocks as they need.
    ///
    /// # Errors
    /// [`EncodeError`]
    pub fn rows(&mut self, table: Table, rows: &[Row]) -> Result<Vec<u8>, EncodeError> {
        let (mut octets, mut payload) = (Vec::new(), Vec::new());
        for (key, value) in rows {
            let too_long = |octets| EncodeError::TooLong { what: format!("a row of {table:?}"), octets };
            let key_length = u16::try_from(key.len()).map_err(|_| too_long(key.len()))?;
            let value_length = u32::try_from(value.len()).map_err(|_| too_long(value.len()))?;
            payload.extend_from_slice(&key_length.to_be_bytes());
            payload.extend_from_slice(&value_length.to_be_bytes());
            payload.extend_from_slice(key);
            payload.extend_from_slice(value);
            if payload.len() >= FULL {
                self.block(Kind::Rows, table.number(), &payload, &mut octets)?;
                payload.clear();
            }
        }
        if !payload.is_empty() {
            self.block(Kind::Rows, table.number(), &payload, &mut octets)?;
        }
        *self.totals.rows.entry(table.number()).or_default() += rows.len() as u64;
        Ok(octets)
    }

    /// A file.
    ///
    /// # Errors
    /// [`EncodeError`] if it is too large.
    pub fn file(&mut self, file: &File) -> Result<Vec<u8>, EncodeError> {
        let name_length = u16::try_from(file.name.len()).map_err(|_| EncodeError::TooLong {
            what: "a file's name".to_owned(),
            octets: file.name.len(),
        })?;
        let mut payload = vec![u8::from(file.sealed)];
        payload.extend_from_slice(&name_length.to_be_bytes());
        payload.extend_from_slice(file.name.as_bytes());
        payload.extend_from_slice(&file.content);
        if payload.len() > LONGEST {
            return Err(EncodeError::TooLong { what: file.name.clone(), octets: payload.len() });
        }
        let mut octets = Vec::new();
        self.block(Kind::File, 0, &payload, &mut octets)?;
        self.totals.files += 1;
        Ok(octets)
    }

    /// The last block, without which a backup is not whole; and the digest that stands in it.
    ///
    /// # Errors
    /// [`EncodeError`]
    pub fn end(mut self) -> Result<(Vec<u8>, String), EncodeError> {
        self.totals.sha256 = HEXLOWER.encode(self.digest.clone().finish().as_ref());
        let text = serde_json::to_vec(&self.totals)?;
        let mut octets = Vec::new();
        self.block(Kind::End, 0, &text, &mut octets)?;
        Ok((octets, self.totals.sha256))
    }

    /// Says why it is not brought to its end.
    ///
    /// # Errors
    /// [`EncodeError`]
    pub fn broken_off(mut self, why: &str) -> Result<Vec<u8>, EncodeError> {
        let mut octets = Vec::new();
        self.block(Kind::BrokenOff, 0, why.as_bytes(), &mut octets)?;
        Ok(octets)
    }

    fn block(
        &mut self,
        kind: Kind,
        table: u8,
        payload: &[u8],
        octets: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.number += 1;
        let begin = octets.len();
        octets.reserve(payload.len() + super::BLOCK_HEAD + CHECKSUM);
        octets.extend_from_slice(&[kind as u8, table]);
        octets.extend_from_slice(&length("a block", payload.len())?.to_be_bytes());
        octets.extend_from_slice(&self.number.to_be_bytes());
        octets.extend_from_slice(payload);
        let checksum = crc32fast::hash(octets.get(begin..).unwrap_or_default());
        octets.extend_from_slice(&checksum.to_be_bytes());
        self.digest.update(octets.get(begin..).unwrap_or_default());
        Ok(())
    }
}

fn length(what: &str, octets: usize) -> Result<u32, EncodeError> {
    u32::try_from(octets).map_err(|_| EncodeError::TooLong { what: what.to_owned(), octets })
}
