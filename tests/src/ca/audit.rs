//! The journal as a test reads it: acts in order, counted by kind.

use ca_server::log::chain::Entry;
use ca_server::log::journal::{Selection, read};
use ca_server::store::Store;
use serde_json::Value;

/// The whole journal at one moment.
#[derive(Clone, Debug)]
pub struct Audit {
    acts: Vec<Value>,
}

impl Audit {
    pub(super) async fn of(store: &Store) -> Self {
        let page = read(store, Selection::default(), usize::MAX).await.expect("the journal can be read");
        let parse = |entry: &Entry| serde_json::from_str(&entry.act).expect("an act is JSON");
        Self { acts: page.entries.iter().map(parse).collect() }
    }

    /// How many acts there are of this kind: `intent`, `issued`, `refused`, `revoked`, …
    #[must_use]
    pub fn count(&self, kind: &str) -> usize {
        self.of_kind(kind).count()
    }

    /// The acts of this kind, oldest first.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.acts.iter().filter(move |act| act["act"] == kind)
    }

    /// How many acts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.acts.len()
    }

    /// Whether nothing was done yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.acts.is_empty()
    }
}
