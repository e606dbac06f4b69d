//! A shell and its peer: what comes goes into the shell, each of its answers goes out before the next is made, and events between them.
//!
//! A peer that takes nothing in for longer than our patience is let go with its whole connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use russh::ChannelId;
use russh::server::Handle;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::shell::{Next, Shell};
use crate::room::device::Device;

/// Octets that are handed over at once: more would only wait in our memory.
const PIECE: usize = 32 * 1024;

/// What comes from a peer.
pub(super) type Received = mpsc::UnboundedReceiver<Zeroizing<Vec<u8>>>;

/// The other end of a shell.
pub(super) struct Peer {
    pub(super) channel: ChannelId,
    pub(super) handle: Handle,
    /// Octets that came and are not worked off.
    pub(super) waiting: Arc<AtomicUsize>,
    pub(super) patience: Duration,
    /// Ends the connection.
    pub(super) cut: CancellationToken,
    /// One of the shells that a connection may have.
    pub(super) _place: OwnedSemaphorePermit,
}

impl Peer {
    /// Whether the peer took it.
    async fn say(&self, text: String) -> bool {
        let mut rest = Bytes::from(text);
        while !rest.is_empty() {
            let piece = rest.split_to(rest.len().min(PIECE));
            match tokio::time::timeout(self.patience, self.handle.data(self.channel, piece)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return false,
                Err(_) => {
                    self.cut.cancel();
                    return false;
                }
            }
        }
        true
    }

    async fn leave(&self, status: u32) {
        let leaving = async {
            // The peer may be gone.
            let _ = self.handle.exit_status_request(self.channel, status).await;
            let _ = self.handle.eof(self.channel).await;
            let _ = self.handle.close(self.channel).await;
        };
        if tokio::time::timeout(self.patience, leaving).await.is_err() {
            self.cut.cancel();
        }
    }
}

/// What becomes of the connection after some input.
enum Flow {
    Stay,
    Leave(u32),
    Gone,
}

/// A shell, until either side has had enough.
pub(super) async fn converse(device: Device, mut shell: Shell, mut input: Received, peer: Peer) {
    let mut events = device.listen();
    if !peer.say(shell.banner()).await {
        return;
    }
    loop {
        tokio::select! {
            octets = input.recv() => {
                let Some(octets) = octets else { return peer.leave(0).await };
                let flow = take(&mut shell, &octets, &peer).await;
                peer.waiting.fetch_sub(octets.len(), Ordering::SeqCst);
                match flow {
                    Flow::Stay => {}
                    Flow::Leave(status) => return peer.leave(status).await,
                    Flow::Gone => return,
                }
            }
            change = events.recv() => match change {
                Ok(change) => if !peer.say(shell.told(&change)).await { return },
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }
}

/// A single command.
pub(super) async fn once(shell: Shell, line: Zeroizing<Vec<u8>>, peer: Peer) {
    let mut shell = shell.silent();
    match take(&mut shell, &line, &peer).await {
        Flow::Stay => peer.leave(0).await,
        Flow::Leave(status) => peer.leave(status).await,
        Flow::Gone => {}
    }
}

/// Each answer goes out before the next command is looked at: what one peer asks for is never gathered.
async fn take(shell: &mut Shell, octets: &[u8], peer: &Peer) -> Flow {
    if !peer.say(shell.feed(octets)).await {
        return Flow::Gone;
    }
    loop {
        match shell.next().await {
            Err(_) => return Flow::Leave(1),
            Ok(None) => return Flow::Stay,
            Ok(Some((said, next))) => {
                if !peer.say(said).await {
                    return Flow::Gone;
                }
                match next {
                    Next::Stay => {}
                    Next::Leave => return Flow::Leave(0),
                }
            }
        }
    }
}
