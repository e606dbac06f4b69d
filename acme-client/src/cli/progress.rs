//! Progress for a person: a spinner on a terminal, plain lines elsewhere, nothing if quiet. Always on standard error.

use std::{
    io::{self, Write},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::progress::{Progress, Silent};

/// The kind of progress that fits.
pub(super) fn for_person(quiet: bool, moving: bool) -> Box<dyn Progress> {
    match (quiet, moving) {
        (true, _) => Box::new(Silent),
        (false, true) => Box::new(Spinner::start()),
        (false, false) => Box::new(Lines),
    }
}

/// One line per step.
struct Lines;

impl Progress for Lines {
    fn step(&self, message: &str) {
        let _ = writeln!(io::stderr().lock(), "{message}");
    }

    fn note(&self, message: &str) {
        let _ = writeln!(io::stderr().lock(), "  {message}");
    }
}

/// The present step moves; earlier ones stay above it.
struct Spinner {
    bar: ProgressBar,
}

impl Spinner {
    fn start() -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {wide_msg:.dim}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar }
    }

    fn settle(&self) {
        let done = self.bar.prefix();
        if !done.is_empty() {
            self.bar.println(format!("✓ {done}"));
        }
    }
}

impl Progress for Spinner {
    fn step(&self, message: &str) {
        self.settle();
        self.bar.set_prefix(message.to_owned());
        self.bar.set_message("");
    }

    fn note(&self, message: &str) {
        self.bar.set_message(message.to_owned());
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        // What was going on when it ended is told by the result or the error.
        self.bar.finish_and_clear();
    }
}
