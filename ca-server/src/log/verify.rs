//! Verifying the journal: every entry from the first, its number, its link to the one before, and its hash.
//!
//! Trusts nothing in the store. A journal that verifies may still have lost its newest entries: compare the head with one noted
//! elsewhere ([`Expected`]).

use std::fmt;
use std::str::FromStr;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

use super::chain::{Entry, EntryError, GENESIS, Hash};
use super::journal::JournalError;
use crate::store::{Range, Store, Table};

/// What is wrong with the first broken entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The entry does not have the number that follows the one before it: one is missing or was put in.
    #[error("expected entry {expected} but found entry {found}")]
    Sequence {
        /// The number that had to come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// The entry does not name the hash of the one before it.
    #[error("does not follow the entry before it")]
    Link,
    /// The entry was changed after it was sealed.
    #[error("its content does not match its hash")]
    Content,
    /// The row is no journal entry.
    #[error("is no journal entry")]
    Malformed,
    /// The entry is not the one that was noted elsewhere.
    #[error("is not the entry that was noted")]
    NotTheNoted,
    /// The journal ends before the entry that was noted elsewhere.
    #[error("is missing: the journal was cut off")]
    CutOff,
}

/// An entry noted elsewhere, that the journal must still have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

/// The text is no noted entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a journal entry's number and hash, as SEQ:HASH")]
pub struct NotNoted;

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, HEXLOWER.encode(&self.hash))
    }
}

impl FromStr for Expected {
    type Err = NotNoted;

    fn from_str(text: &str) -> Result<Self, NotNoted> {
        let (seq, hash) = text.split_once(':').ok_or(NotNoted)?;
        let hash = HEXLOWER_PERMISSIVE.decode(hash.as_bytes()).map_err(|_| NotNoted)?;
        let hash = hash.try_into().map_err(|_| NotNoted)?;
        Ok(Self { seq: seq.parse().map_err(|_| NotNoted)?, hash })
    }
}

/// What verification found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Entries that verify, counted from the first.
    pub verified: u64,
    /// Hash of the last entry that verifies; of no entry, [`GENESIS`].
    pub head: Hash,
    /// The first broken entry and what is wrong with it; `None` if the whole journal verifies.
    pub broken: Option<(u64, Fault)>,
}

impl Report {
    /// A journal of which nothing was seen yet.
    pub(crate) const fn of_nothing() -> Self {
        Self { verified: 0, head: GENESIS, broken: None }
    }

    /// Goes on with the row that comes next; an error is the number of the first broken entry, and what is wrong with it.
    pub(crate) fn follow(&mut self, key: &[u8], value: &[u8]) -> Result<(), (u64, Fault)> {
        let entry = follow(self, Entry::decode(key, value), None)?;
        (self.verified, self.head) = (entry.seq, entry.hash);
        Ok(())
    }

    /// The last entry that verifies, to be noted elsewhere; `None` if there is none.
    #[must_use]
    pub fn noted(&self) -> Option<Expected> {
        (self.verified > 0).then_some(Expected { seq: self.verified, hash: self.head })
    }
}

/// Entries read at a time.
const STEP: usize = 1000;

/// Verifies the whole journal, page by page.
///
/// # Errors
/// If the store fails. A broken journal is no error but a finding.
pub async fn verify(store: &Store, noted: Option<Expected>) -> Result<Report, JournalError> {
    let mut report = Report::of_nothing();
    let mut place: Option<Vec<u8>> = None;
    loop {
        let rows = store.scan(Range::of(Table::Journal).after(place.clone()).limit(STEP)).await?;
        for (key, value) in &rows {
            match follow(&report, Entry::decode(key, value), noted) {
                Ok(entry) => (report.verified, report.head) = (entry.seq, entry.hash),
                Err(broken) => return Ok(Report { broken: Some(broken), ..report }),
            }
        }
        if rows.len() < STEP {
            break;
        }
        place = rows.last().map(|(key, _)| key.clone());
        // Reading never waits for anything; others on this thread get their turn here.
        tokio::task::yield_now().await;
    }
    if let Some(noted) = noted.filter(|noted| noted.seq > report.verified) {
        report.broken = Some((noted.seq, Fault::CutOff));
    }
    Ok(report)
}

/// Whether `entry` may come after what `report` has verified.
fn follow(
    report: &Report,
    entry: Result<Entry, EntryError>,
    noted: Option<Expected>,
) -> Result<Entry, (u64, Fault)> {
    let expected = report.verified + 1;
    let entry = entry.map_err(|_| (expected, Fault::Malformed))?;
    let fault = if entry.seq != expected {
        Some(Fault::Sequence { expected, found: entry.seq })
    } else if entry.previous != report.head {
        Some(Fault::Link)
    } else if entry.hash != entry.expected_hash() {
        Some(Fault::Content)
    } else if noted.is_some_and(|noted| noted.seq == entry.seq && noted.hash != entry.hash) {
        Some(Fault::NotTheNoted)
    } else {
        None
    };
    fault.map_or(Ok(entry), |fault| Err((expected, fault)))
}

#[cfg(test)]
mod tests;
