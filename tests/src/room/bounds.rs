//! How much a stranger may ask for: connections, octets, time. Held by every face.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// Connections at once, over all faces.
pub(crate) const MOST_CONNECTIONS: usize = 128;
/// Longest request, message, line or body.
pub(crate) const LONGEST: usize = 128 * 1024;
/// Subscriptions of one connection.
pub(crate) const MOST_SUBSCRIPTIONS: usize = 50;
/// How long nobody is let in after that failed: without a free file descriptor it would fail again at once.
const PAUSE: Duration = Duration::from_millis(100);

/// The next connection; `None` once it is to stop.
pub(crate) async fn accept(
    listener: &TcpListener,
    stop: &CancellationToken,
) -> Option<(TcpStream, SocketAddr)> {
    tokio::select! {
        () = stop.cancelled() => None,
        accepted = first(|| listener.accept()) => Some(accepted),
    }
}

/// The first that does not fail, with a pause after each that does.
async fn first<A, F: Future<Output = io::Result<A>>>(accepting: impl Fn() -> F) -> A {
    loop {
        match accepting().await {
            Ok(accepted) => return accepted,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::ready;

    use super::*;

    #[tokio::test]
    async fn where_nobody_can_be_let_in_it_is_not_tried_without_pause() {
        let tries = Cell::new(0);
        let failing = || {
            tries.set(tries.get() + 1);
            assert!(tries.get() < 20, "it spins");
            ready(Err::<(), _>(io::Error::other("too many open files")))
        };
        assert!(tokio::time::timeout(PAUSE * 3, first(failing)).await.is_err());
    }
}
