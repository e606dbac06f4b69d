//! A clock for our client that shortens its waits: whatever pause it asks for, a moment passes. Time itself is real, so that its patience
//! ends when the server had all the time that it is given, not when it was asked often enough.

use std::time::{Duration, Instant, SystemTime};

use acme_client::acme::Clock;
use async_trait::async_trait;

/// Longest real pause: enough for a validation on this machine to go on.
const MOMENT: Duration = Duration::from_millis(3);

/// The clock.
#[derive(Debug)]
pub struct QuickClock {
    began: Instant,
}

impl Default for QuickClock {
    fn default() -> Self {
        Self { began: Instant::now() }
    }
}

#[async_trait]
impl Clock for QuickClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(super::START.unsigned_abs()) + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(MOMENT.min(duration)).await;
    }
}
