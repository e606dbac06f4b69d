//! The metrics file, for Prometheus (text exposition format 0.0.4), as the node exporter's textfile collector reads it.
//!
//! Written beside its place and renamed, so that a reader never sees half of it. It names identities and times, never a secret, and may be read by all.

use std::{
    fmt::Write as _,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use time::OffsetDateTime;

use super::overview::{Overview, Seen};
use crate::renew::Outlook;

/// Writes the file anew.
pub(super) fn write(path: &Path, overview: &Overview<'_>) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(beside);
    let written = || -> io::Result<()> {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&beside)?;
        // Whatever the umask says: the collector is another user.
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
        file.write_all(text(overview).as_bytes())?;
        fs::rename(&beside, path)
    };
    let outcome = written();
    if outcome.is_err() {
        // Of no use to anybody now.
        let _ = fs::remove_file(&beside);
    }
    outcome
}

/// A value of one identity, if it has one.
type Value = fn(&Seen) -> Option<i128>;

/// The gauges of one identity: name, help, value.
const GAUGES: &[(&str, &str, Value)] = &[
    ("certificate_not_after_seconds", "End of the certificate in use, in seconds since 1970", |seen| {
        seen.standing.as_ref().ok()?.leaf.as_ref().map(|leaf| seconds(leaf.not_after))
    }),
    (
        "certificate_not_before_seconds",
        "Beginning of the certificate in use, in seconds since 1970",
        |seen| seen.standing.as_ref().ok()?.leaf.as_ref().map(|leaf| seconds(leaf.not_before)),
    ),
    ("next_attempt_seconds", "When something is done next, in seconds since 1970", |seen| {
        seen.next.map(|(at, _)| seconds(at))
    }),
    ("last_success_seconds", "Last renewal, in seconds since 1970", |seen| {
        seen.standing.as_ref().ok()?.record.last_success.map(seconds)
    }),
    ("failures", "Failures since the last success", |seen| {
        seen.standing.as_ref().ok().map(|standing| i128::from(standing.record.failures))
    }),
    ("deploy_pending", "1 if the deploy hook has not succeeded for the certificate in use", |seen| {
        seen.standing.as_ref().ok().map(|standing| i128::from(standing.deploy.is_some()))
    }),
    ("sign_in_needed", "1 if a person has to sign in now", |seen| {
        seen.standing.as_ref().ok().map(|_| i128::from(seen.waits_for_sign_in()))
    }),
    ("sign_in_needed_from_seconds", "When a person will have to sign in, in seconds since 1970", |seen| {
        match seen.standing.as_ref().ok()?.outlook {
            Outlook::SignInFrom(at) => Some(seconds(at)),
            Outlook::Unattended | Outlook::SignInNow { .. } => None,
        }
    }),
    ("unreadable", "1 if what is stored of the identity cannot be read", |seen| {
        Some(i128::from(seen.standing.is_err()))
    }),
];

fn seconds(at: OffsetDateTime) -> i128 {
    i128::from(at.unix_timestamp())
}

/// The whole file.
fn text(overview: &Overview<'_>) -> String {
    let mut text = String::new();
    for (name, help, value) in GAUGES {
        heading(&mut text, name, help, "gauge");
        for (identity, seen) in overview.identities {
            if let Some(value) = value(seen) {
                // Writing into a string cannot fail.
                let _ = writeln!(
                    text,
                    "acme_client_{name}{{identity=\"{}\"}} {value}",
                    escaped(identity.as_str())
                );
            }
        }
    }
    let counts = overview.counts;
    let count = i128::try_from(overview.identities.len()).unwrap_or(i128::MAX);
    for (name, help, kind, value) in [
        ("identities", "Identities kept here", "gauge", count),
        (
            "started_seconds",
            "When the agent began, in seconds since 1970",
            "gauge",
            seconds(overview.started),
        ),
        (
            "looked_seconds",
            "When this file was written, in seconds since 1970",
            "gauge",
            seconds(overview.now),
        ),
        ("renewals_total", "Certificates obtained since the agent began", "counter", counts.renewals.into()),
        ("failures_total", "Attempts that failed since the agent began", "counter", counts.failures.into()),
        (
            "deploy_failures_total",
            "Runs of deploy hooks that failed since the agent began",
            "counter",
            counts.deploy_failures.into(),
        ),
    ] {
        heading(&mut text, name, help, kind);
        let _ = writeln!(text, "acme_client_{name} {value}");
    }
    text
}

fn heading(text: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(text, "# HELP acme_client_{name} {help}.\n# TYPE acme_client_{name} {kind}");
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use time::macros::datetime;

    use super::*;
    use crate::{run::overview::Counts, state::IdentityName};

    #[test]
    fn the_file_is_replaced_whole_and_may_be_read_by_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rollcall.prom");
        fs::write(&path, "something older and longer than what is to come".repeat(1000)).unwrap();
        let seen = Seen { standing: Err("gone".to_owned()), next: None };
        let identities = BTreeMap::from([(IdentityName::parse("room-1").unwrap(), seen)]);
        let now = datetime!(2026-11-22 12:00 UTC);
        let counts = Counts { renewals: 3, failures: 2, deploy_failures: 1 };
        let overview = Overview { now, started: now, identities: &identities, next: None, counts };
        write(&path, &overview).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("acme_client_unreadable{identity=\"room-1\"} 1\n"), "{text}");
        assert!(text.contains("acme_client_renewals_total 3\n") && !text.contains("older"), "{text}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with("acme_client_") && value.parse::<i64>().is_ok(), "{line}");
        }
        assert!(write(&folder.path().join("absent/rollcall.prom"), &overview).is_err());
    }
}
