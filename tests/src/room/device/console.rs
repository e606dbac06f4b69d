//! What a device writes on its console, one line for each thing that happens. Names of parameters, never their values; nothing of a body.

use std::sync::Arc;

use parking_lot::Mutex;

/// Lines kept.
const KEPT: usize = 1_000;

/// One line.
pub type Said = String;

type Listener = Arc<dyn Fn(&str) + Send + Sync>;

/// The console; clones are the same one.
#[derive(Clone, Default)]
pub struct Console {
    lines: Arc<Mutex<Vec<Said>>>,
    listener: Option<Listener>,
}

impl Console {
    /// One that also gives each line to `listener`.
    #[must_use]
    pub fn telling(listener: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { lines: Arc::default(), listener: Some(Arc::new(listener)) }
    }

    /// Writes a line.
    pub fn say(&self, line: String) {
        if let Some(listener) = &self.listener {
            listener(&line);
        }
        let mut lines = self.lines.lock();
        if lines.len() >= KEPT {
            lines.remove(0);
        }
        lines.push(line);
    }

    /// What was written, oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<Said> {
        self.lines.lock().clone()
    }
}
