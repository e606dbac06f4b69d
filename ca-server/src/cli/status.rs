//! `ca-server status`: how the running server is doing.

use super::{Asking, Failure, output};
use crate::admin::views::StatusView;

/// Asks and prints.
pub(super) fn run(asking: &Asking) -> Result<(), Failure> {
    let status: StatusView = super::serve::ask(&asking.file, async |client| client.get("/status").await)?;
    if asking.json {
        output::json(&status);
        return Ok(());
    }
    output::line(&format!("ca-server {} at {}: {}", status.version, status.url, status.health));
    output::line(&format!("running since {}", output::time(status.started)));
    for authority in &status.authorities {
        let directory = authority.directory.as_deref().unwrap_or("not reached over ACME");
        output::line(&format!("authority {}: {directory}", authority.name));
        let until = output::time(authority.issuer_not_after);
        output::line(&format!("  issuer {}, until {until}", authority.issuer));
    }
    output::line(&format!(
        "journal: {} entries; validations waiting: {}",
        status.journal_entries, status.validations_waiting
    ));
    Ok(())
}
