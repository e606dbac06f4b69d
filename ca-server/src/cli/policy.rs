//! `ca-server policy`: tables of requests tried against the policy, and reloading it in the running server.

use std::path::PathBuf;

use clap::Subcommand;
use policies::table::{self, CaseResult, Table};

use super::{Asking, ConfigFile, Failure, output, serve};
use crate::config::load;
use crate::policy::{self, PolicyError};

/// What to do with the policy.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Try the requests of a table against the policy files
    Test {
        /// The configuration whose policy is meant.
        #[command(flatten)]
        file: ConfigFile,
        /// Print the results as JSON.
        #[arg(long)]
        json: bool,
        /// The table: `[[case]]` with name, identifier, profile, action, expect (see docs/policy.md).
        table: PathBuf,
    },
    /// Let the running server read its policy files again (as SIGHUP does)
    Reload {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
    },
}

/// Does it.
pub(super) fn run(command: &PolicyCommand) -> Result<(), Failure> {
    match command {
        PolicyCommand::Test { file, json, table } => test(file, *json, table),
        PolicyCommand::Reload { asking } => {
            let answer: serde_json::Value = serve::ask(&asking.file, async |client| {
                client.post("/reload", &serde_json::json!({})).await
            })?;
            if asking.json {
                output::json(&answer);
            } else {
                output::line("reloaded");
            }
            Ok(())
        }
    }
}

fn test(file: &ConfigFile, json: bool, path: &PathBuf) -> Result<(), Failure> {
    let config = load::load(&file.config)?;
    let ruleset = policy::read(&config.resolve(&config.policy.folder)).map_err(|error| unusable(&error))?;
    let text = std::fs::read_to_string(path).map_err(|source| Failure::File {
        action: "read",
        path: path.clone(),
        source,
    })?;
    let table = Table::parse(&path.display().to_string(), &text)
        .map_err(|problems| unusable(&PolicyError::Faulty(problems)))?;
    let results = table::run(&table, &ruleset.rules, &ruleset.profiles);
    let failed = results.iter().filter(|result| !result.passed).count();
    if json {
        let rows: Vec<_> = results.iter().map(as_json).collect();
        output::json(&rows);
    } else {
        for result in &results {
            tell(result);
        }
        output::note(&format!("{} passed, {failed} failed", results.len() - failed));
    }
    if failed == 0 { Ok(()) } else { Err(Failure::Cases { failed, all: results.len() }) }
}

fn tell(result: &CaseResult) {
    if result.passed {
        output::line(&format!("ok      {}", result.name));
    } else {
        output::line(&format!("FAILED  {} (line {})", result.name, result.line));
        output::line(&format!("        expected {}", result.expected));
        output::line(&format!("        came     {}", result.outcome));
    }
}

fn as_json(result: &CaseResult) -> serde_json::Value {
    serde_json::json!({
        "name": result.name, "line": result.line, "passed": result.passed,
        "expected": result.expected, "outcome": result.outcome,
    })
}

fn unusable(error: &PolicyError) -> Failure {
    if let PolicyError::Faulty(problems) = error {
        for problem in problems {
            output::note(&problem.to_string());
            output::note(&format!("    hint: {}", problem.hint));
        }
    }
    let hint = "mend each line above; docs/policy.md says how rules and tables are written".to_owned();
    Failure::Start { reason: error.to_string(), hint }
}
