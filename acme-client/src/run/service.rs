//! What the service manager is told (`sd_notify(3)`): ready, status, alive, stopping. Without one nobody is told, and nothing fails.
//!
//! The watchdog is answered from the loop that does the work, and not while one piece of work has taken longer than it can take.

use std::time::Duration;

use sd_notify::NotifyState;

/// The service manager, if there is one.
#[derive(Debug, Default)]
pub(super) struct Service {
    said: String,
    watchdog: Option<Duration>,
}

impl Service {
    pub(super) fn new() -> Self {
        Self { said: String::new(), watchdog: sd_notify::watchdog_enabled() }
    }

    /// How often it wants a sign of life; a third of the time after which it gives up.
    pub(super) fn beat(&self) -> Option<Duration> {
        self.watchdog.map(|limit| (limit / 3).max(Duration::from_millis(100)))
    }

    pub(super) fn ready(&self) {
        tell(&[NotifyState::Ready]);
    }

    pub(super) fn alive(&self) {
        if self.watchdog.is_some() {
            tell(&[NotifyState::Watchdog]);
        }
    }

    /// Says what is going on, unless it was said last.
    pub(super) fn status(&mut self, text: String) {
        if text != self.said {
            // A line break would begin another assignment.
            let line = text.replace(['\n', '\r'], " ");
            tell(&[NotifyState::Status(&line)]);
            self.said = text;
        }
    }

    pub(super) fn stopping(&mut self) {
        tell(&[NotifyState::Stopping]);
        self.status("ending".to_owned());
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager cannot be told");
    }
}
