//! Talking to the person: numbered steps as they happen, each with the time it took; or, for programs, one JSON object at the end.

use std::io::Write as _;
use std::time::Instant;

use acme_client::progress::Progress;
use parking_lot::Mutex;
use time::OffsetDateTime;

use super::Failure;
use super::proof::Proof;

/// Tells.
pub(super) struct Teller {
    json: bool,
    began: Instant,
    step: Mutex<(u32, Instant)>,
}

impl Teller {
    /// To standard output; if that is kept for JSON, to standard error.
    pub(super) fn new(json: bool) -> Self {
        let began = Instant::now();
        Self { json, began, step: Mutex::new((0, began)) }
    }

    /// The first line.
    pub(super) fn title(&self, text: &str) {
        self.line(text);
    }

    /// A step begins.
    pub(super) fn step(&self, text: &str) {
        let mut step = self.step.lock();
        step.0 += 1;
        step.1 = Instant::now();
        self.line(&format!("\n{:>2}. {text}", step.0));
    }

    /// Something worth knowing within the step.
    pub(super) fn note(&self, text: &str) {
        self.line(&format!("    {text}"));
    }

    /// The step is over, with this result.
    pub(super) fn done(&self, text: &str) {
        let took = self.step.lock().1.elapsed();
        self.line(&format!("    => {text} ({} ms)", took.as_millis()));
    }

    /// All steps are over.
    pub(super) fn proof(&self, proof: &Proof) {
        self.line(&format!("\nIssued, verified and renewed in {:.1} s.", self.began.elapsed().as_secs_f64()));
        if self.json {
            let text = serde_json::to_string_pretty(proof).unwrap_or_default();
            // Whoever reads us has seen enough.
            let _ = writeln!(std::io::stdout().lock(), "{text}");
        }
    }

    /// What to try next.
    pub(super) fn invitation(&self, text: &str) {
        self.line(text);
    }

    /// What went wrong, and what to do.
    pub(super) fn failure(&self, failure: &Failure) {
        let mut err = std::io::stderr().lock();
        // There is nobody left to tell if that fails too.
        let _ = writeln!(err, "error: {}", failure.causes());
        let _ = writeln!(err, "hint: {}", failure.hint());
    }

    fn line(&self, text: &str) {
        // Whoever reads us has seen enough.
        let _ = if self.json {
            writeln!(std::io::stderr().lock(), "{text}")
        } else {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{text}").and_then(|()| out.flush())
        };
    }
}

impl Progress for Teller {
    fn step(&self, message: &str) {
        self.note(message);
    }

    fn note(&self, message: &str) {
        self.note(message);
    }
}

/// A moment, as people read it.
pub(super) fn moment(at: OffsetDateTime) -> String {
    let format = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    at.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_else(|_| at.to_string())
}
