//! `ca-server accounts`: who has registered, and withdrawing an account.

use clap::Subcommand;
use url::form_urlencoded::Serializer;

use super::certificates::segment;
use super::{Asking, Failure, Paging, output, serve};
use crate::admin::views::{AccountView, Page};

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub enum Accounts {
    /// List accounts
    List {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// Only in this status: valid, deactivated (by its holder), revoked (by an operator, with `deactivate`).
        #[arg(long)]
        status: Option<String>,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one account
    Show {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// Its id, the last part of its URL.
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Withdraw an account: it becomes revoked and can do nothing; its certificates stay
    Deactivate {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// Its id, the last part of its URL.
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
}

/// Asks and prints.
pub(super) fn run(command: &Accounts) -> Result<(), Failure> {
    match command {
        Accounts::List { asking, status, paging } => list(asking, status.as_deref(), paging),
        Accounts::Show { asking, id } => {
            let path = format!("/accounts/{}", segment(id));
            print(asking, &serve::ask(&asking.file, async |client| client.get(&path).await)?);
            Ok(())
        }
        Accounts::Deactivate { asking, id } => {
            let path = format!("/accounts/{}/deactivate", segment(id));
            print(
                asking,
                &serve::ask(&asking.file, async |client| client.post(&path, &serde_json::json!({})).await)?,
            );
            Ok(())
        }
    }
}

fn list(asking: &Asking, status: Option<&str>, paging: &Paging) -> Result<(), Failure> {
    let mut query = Serializer::new(String::new());
    query.append_pair("limit", &paging.limit.to_string());
    for (key, value) in [("status", status), ("after", paging.after.as_deref())] {
        if let Some(value) = value {
            query.append_pair(key, value);
        }
    }
    let path = format!("/accounts?{}", query.finish());
    let page: Page<AccountView> = serve::ask(&asking.file, async |client| client.get(&path).await)?;
    if asking.json {
        output::json(&page);
        return Ok(());
    }
    let row = |view: &AccountView| {
        let status = format!("{:?}", view.status).to_lowercase();
        vec![
            view.id.clone(),
            view.authority.clone(),
            status,
            view.created.date().to_string(),
            view.contact.join(" "),
        ]
    };
    output::table(
        &["ID", "AUTHORITY", "STATUS", "CREATED", "CONTACT"],
        &page.items.iter().map(row).collect::<Vec<_>>(),
    );
    if let Some(next) = page.next {
        output::note(&format!("more with --after {next}"));
    }
    Ok(())
}

fn print(asking: &Asking, view: &AccountView) {
    if asking.json {
        output::json(view);
        return;
    }
    let lines = [
        ("id", view.id.clone()),
        ("url", view.url.clone()),
        ("authority", view.authority.clone()),
        ("status", format!("{:?}", view.status).to_lowercase()),
        ("contact", view.contact.join(" ")),
        ("key", view.thumbprint.clone()),
        ("bound by", view.external_key.clone().unwrap_or_else(|| "nothing".to_owned())),
        ("created", view.created.to_string()),
    ];
    for (label, value) in lines {
        output::line(&format!("{label:10} {value}"));
    }
}
