//! `ca-server authority list`: what issues, what issued before, and until when each is needed.

use super::super::{Asking, Failure, output, serve};
use crate::admin::views::{AuthorityView, IssuerState};

/// Asks and prints.
pub(super) fn run(asking: &Asking) -> Result<(), Failure> {
    let all: Vec<AuthorityView> = serve::ask(&asking.file, async |client| client.get("/authorities").await)?;
    if asking.json {
        output::json(&all);
        return Ok(());
    }
    for authority in &all {
        let until = output::time(authority.root_not_after);
        output::line(&format!("authority {}: root {}, until {until}", authority.name, authority.root));
        for issuer in &authority.issuers {
            let (state, note) = match issuer.state {
                IssuerState::Present => ("present ", String::new()),
                IssuerState::Replaced => match issuer.last_certificate_ends {
                    Some(end) => ("replaced", format!("; its last certificate ends {}", output::time(end))),
                    None => ("replaced", "; no certificate of it is valid, so it retires soon".to_owned()),
                },
                IssuerState::Retired => {
                    let since =
                        issuer.retired.map_or_else(String::new, |at| format!(" on {}", output::time(at)));
                    ("retired ", format!("; it retired{since}: its files may be moved away"))
                }
            };
            let until = output::time(issuer.not_after);
            output::line(&format!("  {state} {} {}, until {until}{note}", issuer.id, issuer.name));
        }
    }
    Ok(())
}
