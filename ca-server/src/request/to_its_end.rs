//! Work that goes on when nobody waits for it any more.
//!
//! A request is worked on by the task of its connection, which costs no switch of threads. When that task lets go of it, because the client hung up or the time was over, the rest becomes
//! a task of its own. Must never be made outside the runtime, nor hold what only the connection may have.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// A future that is finished whether or not it is polled to its end here.
pub(super) struct ToItsEnd<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    work: Option<Pin<Box<F>>>,
}

impl<F> ToItsEnd<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    /// Finishes this.
    pub(super) fn new(work: F) -> Self {
        Self { work: Some(Box::pin(work)) }
    }
}

impl<F> Future for ToItsEnd<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // Polled again after its end, it waits for ever.
        let Some(work) = self.work.as_mut() else { return Poll::Pending };
        let output = std::task::ready!(work.as_mut().poll(context));
        self.work = None;
        Poll::Ready(output)
    }
}

impl<F> Drop for ToItsEnd<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    fn drop(&mut self) {
        // Without a runtime the process is at its end, and what is durable is taken up by the next one.
        if let (Some(work), Ok(runtime)) = (self.work.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_that_is_let_go_of_halfway_is_finished_all_the_same() {
        let (gate, done) = (Arc::new(Notify::new()), Arc::new((AtomicBool::new(false), Notify::new())));
        let (wait, tell) = (gate.clone(), done.clone());
        let work = ToItsEnd::new(async move {
            wait.notified().await;
            tell.0.store(true, Ordering::SeqCst);
            tell.1.notify_one();
        });
        assert!(tokio::time::timeout(Duration::from_secs(1), work).await.is_err());
        assert!(!done.0.load(Ordering::SeqCst));
        gate.notify_one();
        done.1.notified().await;
        assert!(done.0.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn work_that_ends_gives_what_it_gives() {
        assert_eq!(ToItsEnd::new(async { 7 }).await, 7);
    }
}
