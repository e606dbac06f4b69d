//! A clock for our client that shortens its waits: what it asks for passes at once, what really passes is a moment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use acme_client::acme::Clock;
use async_trait::async_trait;

/// Longest real pause: enough for a validation on this machine to go on.
const MOMENT: Duration = Duration::from_millis(3);

/// The clock; it remembers what it was asked to wait for.
#[derive(Debug, Default)]
pub struct QuickClock {
    waited_ms: AtomicU64,
}

#[async_trait]
impl Clock for QuickClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(super::START.unsigned_abs()) + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.waited_ms.load(Ordering::SeqCst))
    }

    async fn sleep(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.waited_ms.fetch_add(millis, Ordering::SeqCst);
        tokio::time::sleep(MOMENT.min(duration)).await;
    }
}
