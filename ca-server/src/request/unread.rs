//! What becomes of a body that nobody read: over HTTP/2 it is read to its end, within bounds, so that the answer arrives.
//!
//! A handler that refuses before it reads drops the body. HTTP/2 then resets the stream while the client still sends, and clients such as curl throw the answer away with it: they see a
//! broken stream where a 401 was told. Must never wait for a body longer, or take more of it, than a refusal is worth, and never look at it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use http::Version;
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio_util::task::TaskTracker;

/// Octets that are taken after the answer; a client that goes on is cut off.
const MOST: usize = 256 * 1024;

/// How long a client may go on sending after its answer.
const LONGEST: Duration = Duration::from_secs(5);

/// The body of a request that a handler has, or had.
pub(super) struct Unread(Arc<Mutex<Body>>);

impl Unread {
    /// Keeps a hand on the body. Nothing is kept of HTTP/1.1, where the connection sees to it.
    pub(super) fn of(request: Request) -> (Request, Option<Self>) {
        if request.version() != Version::HTTP_2 {
            return (request, None);
        }
        let (head, body) = request.into_parts();
        if body.is_end_stream() {
            return (Request::from_parts(head, body), None);
        }
        let kept = Arc::new(Mutex::new(body));
        (Request::from_parts(head, Body::new(Shared(kept.clone()))), Some(Self(kept)))
    }

    /// Reads what is left, beside the answer. Only for when the handler has ended.
    pub(super) fn drain(self, tasks: &TaskTracker) {
        let mut body = Shared(self.0);
        if body.is_end_stream() {
            return;
        }
        let rest = async move {
            let mut taken = 0_usize;
            while let Some(Ok(frame)) = body.frame().await {
                taken = taken.saturating_add(frame.data_ref().map_or(0, Bytes::len));
                if taken > MOST {
                    return;
                }
            }
        };
        tasks.spawn(async { tokio::time::timeout(LONGEST, rest).await });
    }
}

/// A body that two have a hand on, of whom one reads at a time.
struct Shared(Arc<Mutex<Body>>);

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}
