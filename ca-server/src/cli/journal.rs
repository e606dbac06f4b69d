//! `ca-server log`: the journal, shown and verified.

use clap::Subcommand;
use url::form_urlencoded::Serializer;

use super::{Asking, Failure, Paging, output, serve};
use crate::admin::views::{EntryView, Page, VerificationView};
use crate::log::verify::Expected;

/// What to do with the journal.
#[derive(Debug, Subcommand)]
pub enum Log {
    /// Recompute the chain from its first entry
    Verify {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// The head that an earlier `log verify` printed, kept elsewhere: the journal must still have that entry.
        #[arg(long, value_name = "SEQ:HASH")]
        expect: Option<Expected>,
    },
    /// Show entries, oldest first
    Show {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// Only acts of this kind: intent, issued, abandoned, revoked, refused, …
        #[arg(long)]
        act: Option<String>,
        /// Only entries that name this serial, account or order.
        #[arg(long, value_name = "ID", allow_hyphen_values = true)]
        about: Option<String>,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
}

/// Asks and prints.
pub(super) fn run(command: &Log) -> Result<(), Failure> {
    match command {
        Log::Verify { asking, expect } => verify(asking, expect.as_ref()),
        Log::Show { asking, act, about, paging } => show(asking, act.as_deref(), about.as_deref(), paging),
    }
}

fn verify(asking: &Asking, expect: Option<&Expected>) -> Result<(), Failure> {
    let path = match expect {
        Some(noted) => format!("/journal/verify?expect={noted}"),
        None => "/journal/verify".to_owned(),
    };
    let view: VerificationView = serve::ask(&asking.file, async |client| client.get(&path).await)?;
    if asking.json {
        output::json(&view);
    } else if view.broken.is_none() {
        let head = view.noted.as_deref().unwrap_or("none");
        output::line(&format!("{} entries verified, head {head}", view.entries));
        output::note(
            "keep the head elsewhere; `log verify --expect HEAD` then notices a rewritten or cut journal",
        );
    }
    match view.broken {
        Some((entry, reason)) => Err(Failure::Journal { entry, reason }),
        None => Ok(()),
    }
}

fn show(asking: &Asking, act: Option<&str>, about: Option<&str>, paging: &Paging) -> Result<(), Failure> {
    let mut query = Serializer::new(String::new());
    query.append_pair("limit", &paging.limit.to_string());
    for (key, value) in [("act", act), ("about", about), ("after", paging.after.as_deref())] {
        if let Some(value) = value {
            query.append_pair(key, value);
        }
    }
    let path = format!("/journal?{}", query.finish());
    let page: Page<EntryView> = serve::ask(&asking.file, async |client| client.get(&path).await)?;
    if asking.json {
        output::json(&page);
        return Ok(());
    }
    for entry in &page.items {
        output::line(&format!("{:>6}  {}  {}", entry.seq, entry.at, entry.act));
    }
    if let Some(next) = page.next {
        output::note(&format!("more with --after {next}"));
    }
    Ok(())
}
