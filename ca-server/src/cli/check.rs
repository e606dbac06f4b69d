//! `ca-server check`: everything that is wrong with a configuration, each with its key and a hint.

use super::{ConfigFile, Failure, output};
use crate::clock::{Clock as _, SystemClock};
use crate::config::load::{ConfigError, ConfigProblem};
use crate::config::{check, load};

/// Say everything that is wrong with a configuration; nothing is started or changed.
#[derive(Debug, clap::Args)]
pub struct CheckCommand {
    /// The file.
    #[command(flatten)]
    file: ConfigFile,
    /// Print the problems as JSON.
    #[arg(long)]
    json: bool,
}

/// Checks and tells.
pub(super) fn run(command: &CheckCommand) -> Result<(), Failure> {
    let path = &command.file.config;
    let problems = match load::load(path) {
        Ok(config) => check::check(&config, SystemClock.now()),
        Err(ConfigError::Invalid { problems, .. }) => problems,
        Err(error @ ConfigError::Unreadable { .. }) => return Err(error.into()),
    };
    tell(command, &problems);
    match problems.len() {
        0 => Ok(()),
        count => Err(Failure::Problems { path: path.clone(), count }),
    }
}

fn tell(command: &CheckCommand, problems: &[ConfigProblem]) {
    if command.json {
        output::json(&problems);
        return;
    }
    for problem in problems {
        output::line(&problem.to_string());
        output::line(&format!("    hint: {}", problem.hint));
    }
    if problems.is_empty() {
        output::line(&format!("{}: nothing wrong", command.file.config.display()));
    }
}
