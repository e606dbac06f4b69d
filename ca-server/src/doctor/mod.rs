//! What is wrong with a server, or soon will be: its files, keys and certificates, its store and journal, its clock and disk, and whom it asks.
//!
//! Looks at everything and changes nothing. A running server is asked over its admin socket, the store of a stopped one is opened. Each
//! finding says what to do. Must never show a secret.

mod files;
mod kept;
mod notified;
mod outside;
mod published;

use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;

use crate::admin::client::{AdminClient, AdminError};
use crate::admin::views::StatusView;
use crate::config::{Config, check};

pub(crate) use kept::{key_of as row_key, text as misfit_text};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// As it should be.
    Fine,
    /// It will be wrong if nobody does anything.
    Warning,
    /// It is wrong now.
    Wrong,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it belongs to: `config`, `files`, `certificates`, `store`, `journal`, `clock`, `disk`, `dns`, `lists`,
    /// `notifications`, `server`.
    pub area: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found.
    pub what: String,
    /// What to do; empty if nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

/// The findings so far.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn fine(&mut self, area: &'static str, what: impl Into<String>) {
        self.0.push(Finding { area, level: Level::Fine, what: what.into(), hint: String::new() });
    }

    fn warning(&mut self, area: &'static str, what: impl Into<String>, hint: impl Into<String>) {
        self.0.push(Finding { area, level: Level::Warning, what: what.into(), hint: hint.into() });
    }

    fn wrong(&mut self, area: &'static str, what: impl Into<String>, hint: impl Into<String>) {
        self.0.push(Finding { area, level: Level::Wrong, what: what.into(), hint: hint.into() });
    }
}

/// Looks at everything, as of `now`; says from time to time what is being looked at.
pub async fn examine(config: &Config, now: OffsetDateTime, tell: &mut dyn FnMut(&str)) -> Vec<Finding> {
    let mut found = Findings::default();
    tell("configuration");
    configuration(config, now, &mut found);
    files::examine(config, now, &mut found);
    tell("name servers");
    outside::resolvers(config, &mut found).await;
    outside::disk(config, &mut found);
    tell("server");
    let client = AdminClient::new(config);
    let running = match client.get::<StatusView>("/status").await {
        Ok(status) => server(config, &status, &mut found),
        Err(error) => stopped(&error, &mut found),
    };
    match running {
        Some(true) => {
            kept::of_running(&client, now, tell, &mut found).await;
            tell("revocation lists");
            published::lists(config, &client, now, &mut found).await;
            notified::webhooks(&client, now, &mut found).await;
        }
        Some(false) => kept::of_stopped(config, now, tell, &mut found).await,
        None => {}
    }
    found.0
}

fn configuration(config: &Config, now: OffsetDateTime, found: &mut Findings) {
    let problems = check::check(config, now);
    if problems.is_empty() {
        found.fine("config", "the configuration and the files that it names fit together");
    }
    for problem in problems {
        found.wrong("config", problem.to_string(), problem.hint);
    }
}

fn server(config: &Config, status: &StatusView, found: &mut Findings) -> Option<bool> {
    let url = config.url.to_string();
    if status.health == "ok" {
        found.fine("server", format!("it runs since {}, version {}", status.started, status.version));
    } else {
        found.wrong("server", status.health.clone(), "look at the server's log");
    }
    if status.version != env!("CARGO_PKG_VERSION") {
        let what = format!("it has version {}, this program {}", status.version, env!("CARGO_PKG_VERSION"));
        found.warning("server", what, "restart it to run the version that is installed");
    }
    if status.url != url {
        let what = format!("it was started with the URL {}, the configuration says {url}", status.url);
        found.warning("server", what, "restart it, or put the configuration back");
    }
    Some(true)
}

/// `None` if nobody may look at its store either.
fn stopped(error: &AdminError, found: &mut Findings) -> Option<bool> {
    match error {
        AdminError::NotRunning { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
            found.wrong("server", error.to_string(), error.hint());
            None
        }
        AdminError::NotRunning { .. } => {
            found.fine("server", "it does not run; its store is looked at instead");
            Some(false)
        }
        AdminError::Broken { .. } | AdminError::Refused { .. } => {
            found.wrong("server", error.to_string(), error.hint());
            None
        }
    }
}

/// A time ahead, in days.
fn days_until(end: OffsetDateTime, now: OffsetDateTime) -> i64 {
    (end - now).whole_days()
}

/// How long a single look from outside may take.
const PATIENCE: Duration = Duration::from_secs(15);
