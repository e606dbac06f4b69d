//! Whether it may be: profiles and Cedar rules, external binding, CAA at issuance. Asked when an order is opened and again before signing.
//!
//! [`Policy`] holds the rules in force and replaces them as a whole. [`Admitted`] and [`Approval`] are the proofs that it said yes; nothing
//! else makes them. Every no names its rule, to the client and in the journal.

mod admit;
mod approve;
mod approve_internal;
mod refusal;
mod refusal_log;
mod repeated;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use policies::{Problem as Fault, Ruleset};

pub use admit::{Admitted, Asker, Wanted};
pub(crate) use admit::{asked_by, decided, proves};
pub use approve::{Approval, Candidate};
pub use approve_internal::InternalCandidate;
pub(crate) use refusal::summed_up;
pub use refusal::{Refusal, RefusalReason};
pub use refusal_log::{RefusalLog, Refused, Subject};
pub(crate) use repeated::Failure;
pub use repeated::Repeated;

/// Why the policy files were not taken; the rules in force stay in force.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A folder or file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The files are wrong.
    #[error("{} in the policy files, the first: {}", count(.0), first(.0))]
    Faulty(Vec<Fault>),
}

fn count(faults: &[Fault]) -> String {
    match faults.len() {
        1 => "one problem".to_owned(),
        more => format!("{more} problems"),
    }
}

fn first(faults: &[Fault]) -> String {
    faults.first().map(Fault::to_string).unwrap_or_default()
}

/// The profiles and rules in force. Cheap to clone; clones see a reload.
#[derive(Clone, Debug)]
pub struct Policy {
    current: Arc<ArcSwap<Ruleset>>,
    folder: Arc<Path>,
}

impl Policy {
    /// Reads `profiles/*.toml` and `rules/*.cedar` below `folder`.
    ///
    /// # Errors
    /// Every problem of every file.
    pub fn load(folder: &Path) -> Result<Self, PolicyError> {
        Ok(Self::of(read(folder)?, folder))
    }

    /// These rules, which a reload replaces by those in `folder`.
    #[must_use]
    pub fn of(ruleset: Ruleset, folder: &Path) -> Self {
        Self { current: Arc::new(ArcSwap::from_pointee(ruleset)), folder: folder.into() }
    }

    /// Reads the files again. If anything in them is wrong, the rules in force stay.
    ///
    /// # Errors
    /// Every problem of every file.
    pub fn reload(&self) -> Result<(), PolicyError> {
        self.current.store(Arc::new(read(&self.folder)?));
        Ok(())
    }

    /// The rules in force now; what was begun with them is finished with them.
    #[must_use]
    pub fn current(&self) -> Arc<Ruleset> {
        self.current.load_full()
    }
}

/// Reads and parses the files below `folder`.
///
/// # Errors
/// Every problem of every file; nothing of a faulty folder takes effect.
pub fn read(folder: &Path) -> Result<Ruleset, PolicyError> {
    let profiles = texts(folder, "profiles", "toml")?;
    let rules = texts(folder, "rules", "cedar")?;
    Ruleset::parse(&profiles, &rules).map_err(PolicyError::Faulty)
}

/// Names (with their folder) and texts of the files with this extension, by name.
fn texts(folder: &Path, part: &str, extension: &str) -> Result<Vec<(String, String)>, PolicyError> {
    let folder = folder.join(part);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| PolicyError::Read { path, source }
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(failed(&folder))? {
        let path = entry.map_err(failed(&folder))?.path();
        if path.extension().is_none_or(|it| it != extension) {
            continue;
        }
        let text = std::fs::read_to_string(&path).map_err(failed(&path))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        found.push((format!("{part}/{name}"), text));
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests;
