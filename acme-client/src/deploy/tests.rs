//! Deploy hooks run by `/bin/sh`: what they are told, when they run again, how they are stopped.

use std::{fs, path::Path, time::Duration};

use time::macros::datetime;
use zeroize::Zeroizing;

use super::*;
use crate::{
    clock::FixedClock,
    state::{IdentityName, Issued, StateDir},
};

const NOON: FixedClock = FixedClock(datetime!(2026-11-22 12:00 UTC));

fn installed(folder: &Path) -> IdentityDir {
    let identity = StateDir::at(folder).identity(&IdentityName::parse("room-1").unwrap());
    install(&identity);
    identity
}

fn install(identity: &IdentityDir) {
    let pem = "-----BEGIN CERTIFICATE-----\nleaf\n-----END CERTIFICATE-----\n";
    identity.install(&Issued::from_chain(pem, Zeroizing::new("key\n".to_owned())).unwrap(), 5).unwrap();
}

fn hook(command: &str) -> DeploySettings {
    DeploySettings::new(command.to_owned())
}

#[tokio::test]
async fn a_hook_is_told_where_everything_is() {
    let folder = tempfile::tempdir().unwrap();
    let identity = installed(folder.path());
    let out = folder.path().join("out");
    let command = format!(
        "cat \"$ROLLCALL_CERTIFICATE\" \"$ROLLCALL_KEY\" > {0}; echo $ROLLCALL_IDENTITY $ROLLCALL_GENERATION >> {0}; \
         test -f \"$ROLLCALL_CHAIN\" -a -f \"$ROLLCALL_FULLCHAIN\" -a -d \"$ROLLCALL_CURRENT\"",
        out.display()
    );
    let outcome = deploy(&identity, Some(&hook(&command)), &NOON).await.unwrap();
    assert_eq!(outcome, Deployment::Succeeded);
    let text = fs::read_to_string(out).unwrap();
    assert!(text.contains("leaf") && text.ends_with("key\nroom-1 1\n"), "{text}");
}

#[tokio::test]
async fn a_hook_that_succeeded_runs_again_only_for_a_new_generation() {
    let folder = tempfile::tempdir().unwrap();
    let identity = installed(folder.path());
    let count = folder.path().join("count");
    let settings = hook(&format!("echo run >> {}", count.display()));
    assert_eq!(deploy(&identity, Some(&settings), &NOON).await.unwrap(), Deployment::Succeeded);
    assert_eq!(deploy(&identity, Some(&settings), &NOON).await.unwrap(), Deployment::AlreadyDone);
    install(&identity);
    assert_eq!(deploy(&identity, Some(&settings), &NOON).await.unwrap(), Deployment::Succeeded);
    assert_eq!(fs::read_to_string(count).unwrap().lines().count(), 2);
}

#[tokio::test]
async fn a_hook_that_failed_is_recorded_with_its_words_and_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let identity = installed(folder.path());
    let failing = hook("echo door is jammed >&2; exit 7");
    for attempt in 1..=2 {
        let Deployment::Failed(message) = deploy(&identity, Some(&failing), &NOON).await.unwrap() else {
            panic!("the hook cannot have succeeded");
        };
        assert!(message.contains("7") && message.contains("door is jammed"), "{message}");
        let record = identity.deploy().unwrap().unwrap();
        assert_eq!((record.outcome, record.attempts, record.at), (DeployOutcome::Failed, attempt, NOON.0));
    }
    assert_eq!(deploy(&identity, Some(&hook("true")), &NOON).await.unwrap(), Deployment::Succeeded);
    assert_eq!(identity.deploy().unwrap().unwrap().attempts, 3);
}

#[tokio::test]
async fn the_last_lines_of_a_failing_hook_are_shown_wherever_it_wrote_them() {
    let folder = tempfile::tempdir().unwrap();
    let identity = installed(folder.path());
    for (command, shown, hidden) in [
        (
            "seq 1 50; echo the port is taken; exit 1",
            "42\n43\n44\n45\n46\n47\n48\n49\n50\nthe port is taken",
            "41",
        ),
        ("echo talk; echo the port is taken >&2; exit 1", "saying: the port is taken", "talk"),
    ] {
        let outcome = deploy(&identity, Some(&hook(command)), &NOON).await.unwrap();
        let Deployment::Failed(message) = outcome else { panic!("the hook cannot have succeeded") };
        assert!(message.contains(shown) && !message.contains(hidden), "{message}");
    }
}

#[tokio::test]
async fn a_hook_that_hangs_is_killed_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let identity = installed(folder.path());
    let mark = folder.path().join("pid");
    let mut settings = hook(&format!("sleep 600 & echo $! > {}; echo waiting >&2; wait", mark.display()));
    // Long enough for a shell to start on a busy machine.
    settings.timeout = Duration::from_secs(3);
    let Deployment::Failed(message) = deploy(&identity, Some(&settings), &NOON).await.unwrap() else {
        panic!("the hook cannot have succeeded");
    };
    assert!(message.contains("longer than 3s") && message.contains("waiting"), "{message}");
    let child: i32 = fs::read_to_string(mark).unwrap().trim().parse().unwrap();
    let gone = |pid: i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        status.is_empty() || status.contains(") Z ")
    };
    // The signal is sent when `deploy` returns; the kernel may need a moment to bury the dead.
    assert!((0..1_000_000).any(|_| gone(child)), "the hook's child still runs");
}

#[tokio::test]
async fn nothing_runs_without_a_certificate_or_a_hook() {
    let folder = tempfile::tempdir().unwrap();
    let empty = StateDir::at(folder.path()).identity(&IdentityName::parse("empty").unwrap());
    assert_eq!(deploy(&empty, Some(&hook("false")), &NOON).await.unwrap(), Deployment::NotConfigured);
    let identity = installed(folder.path());
    assert_eq!(deploy(&identity, None, &NOON).await.unwrap(), Deployment::NotConfigured);
}
