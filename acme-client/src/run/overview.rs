//! What the agent knows of all its identities at one moment: for the service manager, the metrics file, and whoever asks.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::{
    renew::{Errand, Outlook, Standing},
    state::{IdentityDir, IdentityName},
};

/// How one identity stood when it was looked at last.
#[derive(Clone, Debug)]
pub struct Seen {
    /// How it stands, or why that cannot be read.
    pub standing: Result<Standing, String>,
    /// What it needs next, and when.
    pub next: Option<(OffsetDateTime, Errand)>,
}

impl Seen {
    /// Looks at what is stored.
    pub(super) fn look(identity: &IdentityDir, now: OffsetDateTime) -> Self {
        let standing = Standing::of(identity, now).map_err(|error| error.to_string());
        let next = standing.as_ref().ok().map(|standing| standing.next(now));
        Self { standing, next }
    }

    /// What is wrong with it, if something is.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        match &self.standing {
            Err(problem) => Some(problem),
            Ok(standing) if standing.record.failures > 0 => {
                Some(standing.record.last_error.as_ref().map_or("failed before", |error| &error.message))
            }
            Ok(_) => None,
        }
    }

    /// Whether a person has to sign in now.
    #[must_use]
    pub fn waits_for_sign_in(&self) -> bool {
        matches!(&self.standing, Ok(Standing { outlook: Outlook::SignInNow { .. }, .. }))
    }
}

/// What has happened since the agent began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Certificates obtained.
    pub renewals: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Runs of deploy hooks that failed.
    pub deploy_failures: u64,
}

/// All of it.
#[derive(Clone, Copy, Debug)]
pub struct Overview<'a> {
    /// The moment.
    pub now: OffsetDateTime,
    /// When the agent began.
    pub started: OffsetDateTime,
    /// The identities.
    pub identities: &'a BTreeMap<IdentityName, Seen>,
    /// What is next.
    pub next: Option<(OffsetDateTime, &'a IdentityName, Errand)>,
    /// What has happened so far.
    pub counts: Counts,
}

impl Overview<'_> {
    /// One line for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        let count = self.identities.len();
        let mut text = format!("{count} {}", if count == 1 { "identity" } else { "identities" });
        if let Some((at, name, errand)) = self.next {
            let at = at.to_offset(time::UtcOffset::UTC);
            let format = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
            let at = at.format(format).unwrap_or_default();
            text.push_str(&format!("; next {name} at {at} ({})", errand.as_str()));
        }
        let mut failing = self.identities.iter().filter_map(|(name, seen)| Some((name, seen.problem()?)));
        if let Some((name, problem)) = failing.next() {
            let problem: String = problem.chars().take(200).collect();
            text.push_str(&format!("; {} failing: {name}: {problem}", failing.count() + 1));
        }
        let waiting = self.identities.values().filter(|seen| seen.waits_for_sign_in()).count();
        if waiting > 0 {
            text.push_str(&format!("; {waiting} waiting for a sign-in"));
        }
        text
    }
}
