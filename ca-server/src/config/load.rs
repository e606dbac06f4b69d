//! Reads `ca.toml` and says everything that is wrong with it, not only the first thing.
//!
//! Reads files; decides nothing about their meaning (`check` does). Must never start a server on a file it did not wholly understand.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize as _, Serialize};

use super::{Config, probe};

/// One thing wrong with a configuration, with the key it stands at and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigProblem {
    /// The dotted key, such as `dns.timeout`, or the file.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl ConfigProblem {
    /// A problem at `key`.
    pub fn new(key: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into(), hint: hint.into() }
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file was read and these things are wrong with it.
    #[error("{path} has {} problem(s)", problems.len())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Every problem found.
        problems: Vec<ConfigProblem>,
    },
}

/// Reads the file and its sections; paths in it are then relative to its folder.
///
/// # Errors
/// [`ConfigError`] with every problem of form; whether files and keys fit together is for [`super::check::check`].
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    parse(&text, &folder).map_err(|problems| ConfigError::Invalid { path: path.to_owned(), problems })
}

/// Parses the text of a configuration whose relative paths start at `folder`.
///
/// # Errors
/// Every problem of form.
pub fn parse(text: &str, folder: &Path) -> Result<Config, Vec<ConfigProblem>> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| vec![syntax(text, &error)])?;
    let problems = probe::problems(&table);
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut config = Config::deserialize(table)
        .map_err(|error| vec![ConfigProblem::new("ca.toml", error.message(), "see docs/configuration.md")])?;
    folder.clone_into(&mut config.folder);
    Ok(config)
}

fn syntax(text: &str, error: &toml::de::Error) -> ConfigProblem {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    ConfigProblem::new(
        format!("line {line}"),
        error.message().lines().next().unwrap_or("not TOML").to_owned(),
        "the file must be TOML; a text value needs quotes, a list brackets",
    )
}
