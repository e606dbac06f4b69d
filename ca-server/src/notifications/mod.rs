//! Webhooks: what was done is told to whoever asked for it, signed, in order, at least once, and never in the way of whoever does it.
//!
//! The journal is the queue: each webhook has a follower that reads it from a durable place on and moves the place when the receiver said yes. So
//! nothing is lost in a crash, a receiver that is gone makes nothing grow, and one that is slow holds up only itself. What is told ahead of time,
//! or counted, is written into the journal first. Must never put a secret into a log, and never follow where a receiver points.

mod backoff;
mod deliver;
mod endpoint;
mod event;
pub mod expiring;
pub(crate) mod follow;
mod load;
pub(crate) mod place;
mod secret;

use std::sync::Arc;

pub use endpoint::{Endpoint, Seen};
pub use load::{LoadError, load, problems};
pub(crate) use place::{Paused, Place};
pub use secret::{SecretFault, Secrets};

use crate::config::notifications::EventKind;

/// The webhooks of a server.
#[derive(Debug, Default)]
pub struct Notifications(Vec<Arc<Endpoint>>);

impl Notifications {
    /// These.
    pub(crate) fn new(endpoints: Vec<Endpoint>) -> Self {
        Self(endpoints.into_iter().map(Arc::new).collect())
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.0.iter()
    }

    /// The one of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Arc<Endpoint>> {
        self.0.iter().find(|endpoint| endpoint.name() == name)
    }

    /// Whether any of them is told of this.
    #[must_use]
    pub fn wants(&self, kind: EventKind) -> bool {
        self.0.iter().any(|endpoint| endpoint.wants(kind))
    }

    /// Reads the files with the secrets again: all of them, or none is taken.
    ///
    /// # Errors
    /// The first that cannot be used; the old ones stay.
    pub fn reload(&self) -> Result<(), LoadError> {
        let read: Result<Vec<_>, _> = self.0.iter().map(|endpoint| endpoint.read_secrets()).collect();
        for (endpoint, secrets) in self.0.iter().zip(read?) {
            endpoint.take_secrets(secrets);
        }
        Ok(())
    }
}
