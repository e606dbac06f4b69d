//! Reading the journal: entries in order, in pages, forwards or from the newest back.
//!
//! Reading verifies nothing; [`super::verify`] does. Entries are written by the store alone, when a batch with acts commits.

use super::chain::{Entry, EntryError};
use crate::store::{Range, Store, StoreError, Table};

/// Why the journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row is no journal entry.
    #[error(transparent)]
    Entry(#[from] EntryError),
}

/// Which entries to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selection<'a> {
    /// Only entries strictly after (or, newest first, before) this sequence number.
    pub after: Option<u64>,
    /// From the newest back.
    pub newest_first: bool,
    /// Only acts of this kind, as `act` spells it: `intent`, `issued`, `refused`, …
    pub kind: Option<&'a str>,
    /// Only entries whose text contains this: a serial, an account id, a name.
    pub containing: Option<&'a str>,
}

impl Selection<'_> {
    fn passes(&self, entry: &Entry) -> bool {
        self.containing.is_none_or(|text| entry.act.contains(text))
            && self.kind.is_none_or(|kind| entry.act.starts_with(&format!(r#"{{"act":"{kind}""#)))
    }
}

/// Entries that pass, and where to go on.
#[derive(Clone, Debug)]
pub struct JournalPage {
    /// The entries.
    pub entries: Vec<Entry>,
    /// What to put into [`Selection::after`] for the next page; `None` at the end.
    pub next: Option<u64>,
}

/// Rows read at a time.
const STEP: usize = 500;
/// Most rows that one page of a filtered reading looks at.
const MOST_ROWS_READ: usize = 20_000;

/// Reads at most `limit` entries. One call looks at a bounded number of rows, so a page may have fewer although more follow.
///
/// # Errors
/// If the store fails or holds something else than entries.
pub async fn read(store: &Store, wanted: Selection<'_>, limit: usize) -> Result<JournalPage, JournalError> {
    let (mut entries, mut place, mut looked_at) = (Vec::new(), wanted.after, 0);
    loop {
        let after = place.map(|seq| seq.to_be_bytes().to_vec());
        let range = Range::of(Table::Journal).after(after).limit(STEP.min(limit.max(1)));
        let range = if wanted.newest_first { range.backwards() } else { range };
        let step = range.limit;
        let rows = store.scan(range).await?;
        looked_at += rows.len();
        for (key, value) in &rows {
            let entry = Entry::decode(key, value)?;
            place = Some(entry.seq);
            if wanted.passes(&entry) {
                entries.push(entry);
            }
            if entries.len() >= limit {
                return Ok(JournalPage { entries, next: place });
            }
        }
        if rows.len() < step {
            return Ok(JournalPage { entries, next: None });
        }
        if looked_at >= MOST_ROWS_READ {
            return Ok(JournalPage { entries, next: place });
        }
        // Reading never waits for anything; others on this thread get their turn here.
        tokio::task::yield_now().await;
    }
}

/// The newest entry.
///
/// # Errors
/// If the store fails or holds something else than entries.
pub async fn newest(store: &Store) -> Result<Option<Entry>, JournalError> {
    let selection = Selection { newest_first: true, ..Selection::default() };
    Ok(read(store, selection, 1).await?.entries.pop())
}
