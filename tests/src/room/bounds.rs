//! How much a stranger may ask for: connections, octets, time. Held by every face.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections at once, over all faces.
pub(crate) const MOST_CONNECTIONS: usize = 128;
/// Longest request, message, line or body.
pub(crate) const LONGEST: usize = 128 * 1024;
/// Subscriptions of one connection.
pub(crate) const MOST_SUBSCRIPTIONS: usize = 50;

/// The bounds of one emulator.
#[derive(Clone)]
pub(crate) struct Bounds {
    /// How long a handshake, a head, a body or a sign-in may take.
    pub(crate) patience: Duration,
    /// How long a connection may say nothing.
    pub(crate) idle: Duration,
    places: Arc<Semaphore>,
}

impl Bounds {
    /// With this patience.
    #[must_use]
    pub(crate) fn new(patience: Duration, idle: Duration) -> Self {
        Self { patience, idle, places: Arc::new(Semaphore::new(MOST_CONNECTIONS)) }
    }

    /// A place for one connection, if there is one.
    #[must_use]
    pub(crate) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }
}
