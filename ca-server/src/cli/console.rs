//! `ca-server console`: letting people into the operators' console, seeing who is there, and signing everybody out.

use clap::Subcommand;
use serde_json::json;

use super::{Asking, Failure, output, serve};
use crate::admin::console::{ClosedView, LinkView};
use crate::admin::views::Page;
use crate::console::sessions::SessionView;

/// What to do.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
The console is off until `[console] listen` in ca.toml says where it is. Whoever uses the link may do everything there, in the name that it was made \
for; the journal says who did what. People sign in without a link where `[console] identity_providers` names where, and the policy permits `operate`.

To reach a console that listens on the server's own loopback address from elsewhere:
  ssh -L 14080:127.0.0.1:14080 ca.example.com")]
pub enum Console {
    /// Print a link that signs in whoever uses it first
    Open {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// The name that the journal is to say. Default: that of the user who runs this.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    /// List who is signed in
    Sessions {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
    },
    /// Sign everybody out, and make every link that was not used worthless
    Close {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
    },
}

/// Asks and prints.
pub(super) fn run(command: &Console) -> Result<(), Failure> {
    match command {
        Console::Open { asking, name } => open(asking, name.clone().unwrap_or_else(user)),
        Console::Sessions { asking } => sessions(asking),
        Console::Close { asking } => close(asking),
    }
}

/// Who runs this, as far as the environment says; whoever can open the socket may call himself as he likes.
fn user() -> String {
    let named = |variable| std::env::var(variable).ok().filter(|name| !name.trim().is_empty());
    ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(named).unwrap_or_else(|| "administrator".to_owned())
}

fn open(asking: &Asking, name: String) -> Result<(), Failure> {
    let wanted = json!({ "name": name });
    let link: LinkView =
        serve::ask(&asking.file, async |client| client.post("/console/links", &wanted).await)?;
    if asking.json {
        output::json(&link);
        return Ok(());
    }
    output::line(&link.url);
    let within = humantime::format_duration(std::time::Duration::from_secs(link.good_for));
    output::note(&format!(
        "good once, within {within} (until {}), as {}",
        output::time(link.expires),
        link.name
    ));
    Ok(())
}

fn sessions(asking: &Asking) -> Result<(), Failure> {
    let page: Page<SessionView> =
        serve::ask(&asking.file, async |client| client.get("/console/sessions").await)?;
    if asking.json {
        output::json(&page);
        return Ok(());
    }
    let row = |view: &SessionView| {
        vec![
            view.operator.clone(),
            view.means.clone(),
            view.address.clone(),
            output::time(view.began),
            output::time(view.seen),
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    output::table(&["OPERATOR", "BY", "ADDRESS", "SINCE", "LAST SEEN"], &rows);
    Ok(())
}

fn close(asking: &Asking) -> Result<(), Failure> {
    let closed: ClosedView =
        serve::ask(&asking.file, async |client| client.post("/console/close", &json!({})).await)?;
    if asking.json {
        output::json(&closed);
    } else {
        output::line(&format!("{} signed out", closed.ended));
    }
    Ok(())
}
