//! How far a webhook was told, as the store keeps it: one small row for each, whatever its receiver does.
//!
//! Written now and then and not after each delivery: what was delivered after the last writing is delivered again after a crash, under the same id.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::store::{Batch, Record, Store, StoreError, Table, Version};

/// Why nothing is delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Paused {
    /// `by an operator`, `the receiver answered 410 Gone`.
    pub(crate) why: String,
    /// Since when.
    #[serde(with = "time::serde::timestamp")]
    pub(crate) since: OffsetDateTime,
}

/// The row of a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// Its name.
    name: String,
    /// The last journal entry that needs no further delivery.
    seq: u64,
    /// Whether it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paused: Option<Paused>,
}

/// How the keys of these rows begin.
pub(crate) const KEY: &[u8] = b"webhook:";

impl Record for Row {
    const TABLE: Table = Table::Meta;
    type Key = String;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn encode_key(key: &String) -> Vec<u8> {
        [KEY, key.as_bytes()].concat()
    }
}

/// A webhook's place in the journal, and how much of it the store knows.
#[derive(Debug)]
pub(crate) struct Place {
    row: Row,
    stored: Option<(Row, Version)>,
    /// Grows when an operator moves or stops it: what was under way for an earlier one does not count.
    pub(crate) generation: u64,
}

impl Place {
    /// The place that the store knows; without one, at the end of the journal, `newest`.
    pub(crate) async fn open(store: &Store, name: &str, newest: u64) -> Result<Self, StoreError> {
        let stored = store.load::<Row>(&name.to_owned()).await?;
        let fresh = || Row { name: name.to_owned(), seq: newest, paused: None };
        let row = stored.as_ref().map_or_else(fresh, |stored| stored.value.clone());
        Ok(Self { row, stored: stored.map(|stored| (stored.value, stored.version)), generation: 0 })
    }

    /// The last entry that needs no further delivery.
    pub(crate) const fn seq(&self) -> u64 {
        self.row.seq
    }

    /// Whether it is paused, and why.
    pub(crate) const fn paused(&self) -> Option<&Paused> {
        self.row.paused.as_ref()
    }

    /// Everything up to `seq` is done.
    pub(crate) const fn advance(&mut self, seq: u64) {
        self.row.seq = seq;
    }

    /// An operator moves it.
    pub(crate) const fn jump(&mut self, seq: u64) {
        self.row.seq = seq;
        self.generation += 1;
    }

    /// Stops or goes on.
    pub(crate) fn pause(&mut self, paused: Option<Paused>) {
        self.row.paused = paused;
        self.generation += 1;
    }

    /// Whether the store knows an older place.
    pub(crate) fn is_ahead(&self) -> bool {
        self.stored.as_ref().is_none_or(|(row, _)| *row != self.row)
    }

    /// The row as it is.
    pub(crate) fn row(&self) -> Row {
        self.row.clone()
    }

    /// Takes back what could not be made durable.
    pub(crate) fn put_back(&mut self, row: Row) {
        self.row = row;
        self.generation += 1;
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if others with the same store write it at the same time, again and again; or if the store fails.
    pub(crate) async fn save(&mut self, store: &Store) -> Result<(), StoreError> {
        if !self.is_ahead() {
            return Ok(());
        }
        match self.write(store).await {
            // Another server with the same store wrote it: what it wrote is written over, once, from its version.
            Err(StoreError::Stale(_)) => {
                let stored = store.load::<Row>(&self.row.name).await?;
                self.stored = stored.map(|stored| (stored.value, stored.version));
                self.write(store).await
            }
            written => written,
        }
    }

    async fn write(&mut self, store: &Store) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        let version = match &self.stored {
            Some((_, version)) => {
                batch.replace(*version, &self.row)?;
                version.next()
            }
            None => {
                batch.insert(&self.row)?;
                Version::FIRST
            }
        };
        store.commit(batch).await?;
        self.stored = Some((self.row.clone(), version));
        Ok(())
    }
}
