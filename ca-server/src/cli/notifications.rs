//! `ca-server notifications`: webhooks, and how far each was told of what was done.

use clap::Subcommand;
use serde_json::json;

use super::certificates::segment;
use super::{Asking, Failure, output, serve};
use crate::admin::notifications::{Replay, TrialView, WebhookView};

/// What to do with webhooks.
#[derive(Debug, Subcommand)]
pub enum Notifications {
    /// List the webhooks: how far each is, and what was wrong
    List {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
    },
    /// Send an event of no meaning now, past what waits, and say what was answered
    Test {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// The webhook.
        name: String,
    },
    /// Tell the events of a journal entry and of all after it again, under the ids that they had
    #[command(after_help = "\
An entry that a receiver refuses for ever is passed over by naming the one after it: `list` shows the last entry that is done.")]
    Replay {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// The webhook.
        name: String,
        /// The number of the journal entry, as `ca-server log show` prints it.
        #[arg(long, value_name = "SEQ")]
        from: u64,
    },
    /// Tell a webhook nothing until it is resumed; nothing is lost meanwhile
    Pause {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// The webhook.
        name: String,
    },
    /// Go on where a webhook stopped, or try one again now that waits after a failure
    Resume {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// The webhook.
        name: String,
    },
}

/// Asks and prints.
pub(super) fn run(command: &Notifications) -> Result<(), Failure> {
    match command {
        Notifications::List { asking } => list(asking),
        Notifications::Test { asking, name } => test(asking, name),
        Notifications::Replay { asking, name, from } => {
            change(asking, name, "replay", &json!(Replay { from: *from }))
        }
        Notifications::Pause { asking, name } => change(asking, name, "pause", &json!({})),
        Notifications::Resume { asking, name } => change(asking, name, "resume", &json!({})),
    }
}

fn list(asking: &Asking) -> Result<(), Failure> {
    let views: Vec<WebhookView> =
        serve::ask(&asking.file, async |client| client.get("/notifications").await)?;
    if asking.json {
        output::json(&views);
        return Ok(());
    }
    let row = |view: &WebhookView| {
        vec![
            view.name.clone(),
            view.status.clone(),
            view.entry.to_string(),
            view.behind.to_string(),
            view.last_delivery.map_or_else(|| "-".to_owned(), output::time),
            view.problem.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = views.iter().map(row).collect();
    output::table(&["NAME", "STATUS", "ENTRY", "BEHIND", "LAST DELIVERY", "PROBLEM"], &rows);
    if views.is_empty() {
        output::note("there is no webhook; add [[notifications.webhook]] to ca.toml and restart the server");
    }
    Ok(())
}

fn test(asking: &Asking, name: &str) -> Result<(), Failure> {
    let path = format!("/notifications/{}/test", segment(name));
    let view: TrialView = serve::ask(&asking.file, async |client| client.post(&path, &json!({})).await)?;
    if asking.json {
        output::json(&view);
    }
    if !view.delivered {
        return Err(Failure::Webhook { name: view.name, answer: view.answer });
    }
    if !asking.json {
        output::line(&format!("{} took it: {}", view.name, view.answer));
    }
    Ok(())
}

fn change(asking: &Asking, name: &str, verb: &str, body: &serde_json::Value) -> Result<(), Failure> {
    let path = format!("/notifications/{}/{verb}", segment(name));
    let view: WebhookView = serve::ask(&asking.file, async |client| client.post(&path, body).await)?;
    if asking.json {
        output::json(&view);
    } else {
        output::line(&format!(
            "{} {} at entry {}, {} behind",
            view.name, view.status, view.entry, view.behind
        ));
    }
    Ok(())
}
