//! Whether a connection is in use: requests begin and end on it, or its answers get through.
//!
//! Pings, headers that never end and answers that nobody reads are no use of it, whatever the protocol thinks of them.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Octets of a long answer that must get through in the time after which a connection counts as idle.
const PROGRESS: u64 = 64 * 1024;

/// What happens on one connection; clones see the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Usage(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Requests at work.
    running: AtomicUsize,
    /// Requests that began or ended.
    turns: AtomicU64,
    /// Octets written.
    written: AtomicU64,
}

/// A request at work, until dropped.
#[derive(Debug)]
pub(super) struct AtWork(Usage);

impl Usage {
    /// Says that a request begins.
    pub(super) fn request(&self) -> AtWork {
        self.0.running.fetch_add(1, Ordering::Relaxed);
        self.0.turns.fetch_add(1, Ordering::Relaxed);
        AtWork(self.clone())
    }

    /// Ends when the connection was not in use for `idle`; it may take twice as long to see that.
    pub(super) async fn until_idle(&self, idle: Duration) {
        let counts = &*self.0;
        let seen = || (counts.turns.load(Ordering::Relaxed), counts.written.load(Ordering::Relaxed));
        let (mut turns, mut written) = seen();
        loop {
            tokio::time::sleep(idle).await;
            let now = seen();
            let at_work = counts.running.load(Ordering::Relaxed) > 0;
            if !at_work && now.0 == turns && now.1.saturating_sub(written) < PROGRESS {
                return;
            }
            (turns, written) = now;
        }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let counts = &*self.0.0;
        counts.turns.fetch_add(1, Ordering::Relaxed);
        counts.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream that notes what is written.
#[derive(Debug)]
pub(super) struct Noted<S> {
    stream: S,
    usage: Usage,
}

impl<S> Noted<S> {
    /// `stream`, whose writes `usage` sees.
    pub(super) const fn new(stream: S, usage: Usage) -> Self {
        Self { stream, usage }
    }

    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(octets)) = &written {
            let octets = u64::try_from(*octets).unwrap_or(u64::MAX);
            self.usage.0.written.fetch_add(octets, Ordering::Relaxed);
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, octets);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(60);

    /// How many seconds it takes to be seen idle.
    async fn seconds(usage: &Usage) -> u64 {
        let began = tokio::time::Instant::now();
        usage.until_idle(IDLE).await;
        began.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_requests_is_idle_and_one_at_work_is_not() {
        let usage = Usage::default();
        assert_eq!(seconds(&usage).await, 60);
        let request = usage.request();
        let ends = async {
            tokio::time::sleep(Duration::from_secs(200)).await;
            drop(request);
        };
        let (idle, ()) = tokio::join!(seconds(&usage), ends);
        assert_eq!(idle, 300, "a whole minute after the one in which it ended");
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_answer_may_be_read_slowly_but_not_by_the_octet() {
        let usage = Usage::default();
        for (octets, expected) in [(PROGRESS, 660), (PROGRESS / 2, 60)] {
            let writes = async {
                for _ in 0..10 {
                    tokio::time::sleep(Duration::from_secs(59)).await;
                    usage.0.written.fetch_add(octets, Ordering::Relaxed);
                }
            };
            let (idle, ()) = tokio::join!(seconds(&usage), writes);
            assert_eq!(idle, expected);
        }
    }
}
