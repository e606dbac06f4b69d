//! Backups: everything the store holds at one moment, and if wanted the files around it, as one stream of octets that can be verified.
//!
//! The format is our own and says nothing of any backend, so a backup of one restores into another. [`encode`] writes it, [`decode`] reads it
//! and says where it is damaged, [`contents`] says whether what it holds makes sense: the journal's chain, every certificate, no serial
//! twice. Must never call a backup whole whose last block was not seen.
//!
//! ```text
//! head    "rollcall backup\n", version (2 octets), length (4), JSON, checksum of all that (4)
//! block   kind (1), table (1), length (4), number from 1 (8), payload, checksum of all that (4)
//! ```
//! Numbers are big-endian, checksums CRC-32. A block of rows (kind 1) has for each row the length of the key (2), of the value (4), key and
//! value; tables come in the order of their numbers, rows in the order of their keys. A block with a file (kind 2) has whether it is sealed
//! (1), the length of the name (2), name and content. The last block (kind 3) is JSON: how many rows of each table there are, and the SHA-256 of
//! every octet before it. A block of kind 4 has the reason, in words, why whoever made the backup broke off.

pub mod contents;
pub mod decode;
pub mod encode;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::store::Table;

/// How every backup begins.
const MAGIC: &[u8; 16] = b"rollcall backup\n";
/// The version of the format.
const VERSION: u16 = 1;
/// Octets of a block before its payload.
const BLOCK_HEAD: usize = 1 + 1 + 4 + 8;
/// Octets of a checksum.
const CHECKSUM: usize = 4;
/// Octets of rows after which a block is ended.
const FULL: usize = 256 * 1024;
/// The longest payload that is read.
pub(crate) const LONGEST: usize = 4 << 20;

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Rows = 1,
    File = 2,
    End = 3,
    BrokenOff = 4,
}

/// What the head says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The version of the program that made it.
    pub program: String,
    /// When it was begun.
    #[serde(with = "time::serde::rfc3339")]
    pub made: OffsetDateTime,
    /// The URL of the server.
    pub url: String,
}

/// A file that goes with the rows.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// Its path below the folder of the configuration, with `/`.
    pub name: String,
    /// Whether the content is encrypted with the passphrase of the backup.
    pub sealed: bool,
    /// The content.
    pub content: Vec<u8>,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("name", &self.name).field("sealed", &self.sealed).finish_non_exhaustive()
    }
}

/// What the last block says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Rows by the number of their table.
    pub rows: BTreeMap<u8, u64>,
    /// Files.
    pub files: u64,
    /// SHA-256 of every octet before the last block, hexadecimal.
    pub sha256: String,
}

impl Totals {
    /// All rows together.
    #[must_use]
    pub fn all_rows(&self) -> u64 {
        self.rows.values().sum()
    }
}

/// The table with this number.
fn table(number: u8) -> Option<Table> {
    Table::ALL.iter().copied().find(|table| table.number() == number)
}

#[cfg(test)]
mod tests;
