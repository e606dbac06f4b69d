//! Reads the policy folder: `profiles/*.toml` and `rules/*.cedar`, in the order of their names.

use std::path::{Path, PathBuf};

use policies::{Problem, Ruleset};

/// The policy folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyFilesError {
    /// A folder or file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The files were read and these things are wrong with them.
    #[error("the policy has {} problem(s), the first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    Invalid(Vec<Problem>),
}

/// Reads and parses the folder's files.
///
/// # Errors
/// [`PolicyFilesError`] with every problem; nothing of a faulty folder takes effect.
pub fn read(folder: &Path) -> Result<Ruleset, PolicyFilesError> {
    let profiles = texts(&folder.join("profiles"), "toml")?;
    let rules = texts(&folder.join("rules"), "cedar")?;
    Ruleset::parse(&profiles, &rules).map_err(PolicyFilesError::Invalid)
}

fn texts(folder: &Path, ending: &str) -> Result<Vec<(String, String)>, PolicyFilesError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| PolicyFilesError::Unreadable { path, source }
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        if path.extension().is_some_and(|found| found == ending) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).map_err(unreadable(&path))?;
            files.push((name, text));
        }
    }
    files.sort();
    Ok(files)
}
