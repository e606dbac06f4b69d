//! `ca-server approvals`: certificates that wait for an administrator, where a profile says `needs-approval = true`.

use clap::Subcommand;
use serde_json::json;
use url::form_urlencoded::Serializer;

use super::certificates::segment;
use super::{Asking, Failure, Paging, output, serve};
use crate::admin::approvals::ApprovalView;
use crate::admin::views::Page;

/// What to do with them.
#[derive(Debug, Subcommand)]
pub enum Approvals {
    /// List the requests, decided or not
    List {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Let one certificate be issued for the account, the key and the names that the id stands for
    Approve {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// Its id, as listed.
        id: String,
    },
    /// Let none be issued for the key that the id names
    Deny {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// Its id, as listed.
        id: String,
    },
}

/// Asks and prints.
pub(super) fn run(command: &Approvals) -> Result<(), Failure> {
    match command {
        Approvals::List { asking, paging } => list(asking, paging),
        Approvals::Approve { asking, id } => decide(asking, id, "approve"),
        Approvals::Deny { asking, id } => decide(asking, id, "deny"),
    }
}

fn list(asking: &Asking, paging: &Paging) -> Result<(), Failure> {
    let mut query = Serializer::new(String::new());
    query.append_pair("limit", &paging.limit.to_string());
    if let Some(after) = &paging.after {
        query.append_pair("after", after);
    }
    let path = format!("/approvals?{}", query.finish());
    let page: Page<ApprovalView> = serve::ask(&asking.file, async |client| client.get(&path).await)?;
    if asking.json {
        output::json(&page);
        return Ok(());
    }
    let row = |view: &ApprovalView| {
        vec![
            view.id.clone(),
            if view.issued.is_some() { "issued".to_owned() } else { view.decision.clone() },
            view.profile.clone(),
            view.identifiers.join(" "),
            output::time(view.asked),
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    output::table(&["ID", "DECISION", "PROFILE", "IDENTIFIERS", "ASKED"], &rows);
    if let Some(next) = page.next {
        output::note(&format!("more with --after {next}"));
    }
    Ok(())
}

fn decide(asking: &Asking, id: &str, verb: &str) -> Result<(), Failure> {
    let path = format!("/approvals/{}/{verb}", segment(id));
    let view: ApprovalView = serve::ask(&asking.file, async |client| client.post(&path, &json!({})).await)?;
    if asking.json {
        output::json(&view);
    } else {
        output::line(&format!("{} {} {}", view.decision, view.id, view.identifiers.join(" ")));
    }
    Ok(())
}
