//! Progress of what takes long: a line that moves on a terminal, nothing elsewhere. Always on standard error.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often the line is written anew.
const EVERY: Duration = Duration::from_millis(100);

/// A line that moves until it is dropped.
pub(super) struct Moving {
    bar: ProgressBar,
    told: Instant,
}

impl Moving {
    /// Begins with what is being done.
    pub(super) fn start(what: &'static str) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}: {wide_msg:.dim}") {
            bar.set_style(style);
        }
        bar.set_prefix(what);
        Self { bar, told: Instant::now() }
    }

    /// Says how far it has come.
    pub(super) fn tell(&mut self, how_far: impl FnOnce() -> String) {
        if self.told.elapsed() >= EVERY && !self.bar.is_hidden() {
            self.told = Instant::now();
            self.bar.set_message(how_far());
            self.bar.tick();
        }
    }
}

impl Drop for Moving {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
