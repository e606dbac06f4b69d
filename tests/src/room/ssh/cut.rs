//! A stream that can be cut from outside: once its token is cancelled, whatever reads or writes it fails at once.
//!
//! The SSH library runs a connection in a task of its own and listens to nobody while keys are exchanged; this is how such a task ends when we say so.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// The stream. Reading and writing wait for the token each by itself, as they can be polled by different tasks.
pub(super) struct Cuttable<S> {
    stream: S,
    cut: CancellationToken,
    read: Pin<Box<WaitForCancellationFutureOwned>>,
    written: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<S> Cuttable<S> {
    /// Cut as soon as `cut` is cancelled.
    pub(super) fn new(stream: S, cut: CancellationToken) -> Self {
        let (read, written) = (cut.clone(), cut.clone());
        Self {
            stream,
            cut,
            read: Box::pin(read.cancelled_owned()),
            written: Box::pin(written.cancelled_owned()),
        }
    }
}

fn gone<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
}

impl<S: AsyncRead + Unpin> AsyncRead for Cuttable<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // A future that has ended is not to be polled again.
        if self.cut.is_cancelled() || self.read.as_mut().poll(context).is_ready() {
            return gone();
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Cuttable<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.cut.is_cancelled() || self.written.as_mut().poll(context).is_ready() {
            return gone();
        }
        Pin::new(&mut self.stream).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.cut.is_cancelled() || self.written.as_mut().poll(context).is_ready() {
            return gone();
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
