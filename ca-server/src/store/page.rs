//! Pages of a listing and the cursors between them.
//!
//! A cursor is the key of the last row seen; the next page begins strictly after it, so rows that come or go never repeat or hide
//! others. A client may send any text: what does not decode is refused, what decodes can only move within the listing it is used for.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;

use super::Row;

/// Some items, and where the next page begins if there may be more.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items; there may be none although more follow, when a filter passed none of the rows read.
    pub items: Vec<T>,
    /// What to ask for next; `None` at the end.
    pub next: Option<Cursor>,
}

/// The text is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this server")]
pub struct InvalidCursor;

/// A place in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(Vec<u8>);

impl Cursor {
    /// Longest text that is decoded.
    const MAX_TEXT: usize = 1024;

    /// The place after the row with this key.
    pub(crate) fn after(key: &[u8]) -> Self {
        Self(key.to_vec())
    }

    /// The place after the last row, if the page is full and there may be more.
    pub(crate) fn of_full_page(rows: &[Row], limit: usize) -> Option<Self> {
        rows.last().filter(|_| rows.len() >= limit).map(|(key, _)| Self::after(key))
    }

    /// The key of the last row seen.
    pub(crate) fn key(&self) -> Vec<u8> {
        self.0.clone()
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        if text.is_empty() || text.len() > Self::MAX_TEXT {
            return Err(InvalidCursor);
        }
        BASE64URL_NOPAD.decode(text.as_bytes()).map(Self).map_err(|_| InvalidCursor)
    }
}
