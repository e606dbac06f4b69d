//! `ca-server eab`: external account binding keys (RFC 8555 §7.3.4), by which an operator lets a client register.

use std::time::Duration;

use clap::Subcommand;

use super::certificates::segment;
use super::{Asking, Failure, output, serve};
use crate::admin::views::{ExternalKeyView, NewExternalKey, Page};

/// What to do with external account binding keys.
#[derive(Debug, Subcommand)]
pub enum Eab {
    /// Make a key; its secret is shown this once
    Create {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// The authority it binds at. Default: the only one that clients reach over ACME.
        #[arg(long, value_name = "NAME")]
        authority: Option<String>,
        /// Tie it to names in this domain; may be given more than once.
        #[arg(long = "domain", value_name = "DOMAIN")]
        domains: Vec<String>,
        /// For how long it binds new accounts, such as 7days. Default: for good.
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
        expires_in: Option<Duration>,
        /// Let it bind more than one account.
        #[arg(long)]
        reusable: bool,
    },
    /// List keys, without their secrets
    List {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
    },
    /// Withdraw a key; accounts bound with it stay
    Revoke {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// The key id.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

/// Asks and prints.
pub(super) fn run(command: &Eab) -> Result<(), Failure> {
    match command {
        Eab::Create { asking, authority, domains, expires_in, reusable } => {
            let wanted = NewExternalKey {
                authority: authority.clone(),
                domains: domains.clone(),
                lifetime: expires_in.map(|time| time.as_secs()),
                reusable: *reusable,
            };
            create(asking, &wanted)
        }
        Eab::List { asking } => list(asking),
        Eab::Revoke { asking, kid } => {
            let path = format!("/external-keys/{}/revoke", segment(kid));
            let view: ExternalKeyView =
                serve::ask(&asking.file, async |client| client.post(&path, &serde_json::json!({})).await)?;
            if asking.json {
                output::json(&view);
            } else {
                output::line(&format!("revoked {}", view.kid));
            }
            Ok(())
        }
    }
}

fn create(asking: &Asking, wanted: &NewExternalKey) -> Result<(), Failure> {
    let view: ExternalKeyView =
        serve::ask(&asking.file, async |client| client.post("/external-keys", wanted).await)?;
    if asking.json {
        output::json(&view);
        return Ok(());
    }
    output::line(&format!("kid   {}", view.kid));
    output::line(&format!("key   {}", view.secret.as_deref().unwrap_or_default()));
    output::note("the key is not shown again; give both to the client (certbot: --eab-kid, --eab-hmac-key)");
    Ok(())
}

fn list(asking: &Asking) -> Result<(), Failure> {
    let page: Page<ExternalKeyView> =
        serve::ask(&asking.file, async |client| client.get("/external-keys").await)?;
    if asking.json {
        output::json(&page);
        return Ok(());
    }
    let row = |view: &ExternalKeyView| {
        let accounts = format!("{}{}", view.accounts.len(), if view.more_accounts { "+" } else { "" });
        vec![view.kid.clone(), view.authority.clone(), view.state.clone(), accounts, view.domains.join(" ")]
    };
    output::table(
        &["KID", "AUTHORITY", "STATE", "ACCOUNTS", "DOMAINS"],
        &page.items.iter().map(row).collect::<Vec<_>>(),
    );
    Ok(())
}
