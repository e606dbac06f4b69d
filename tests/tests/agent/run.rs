//! `run` against the real server: it is told and tells, gives way, takes up what is new, survives hooks and disks, and ends when it should.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use acme_client::state::StateError;
use serde_json::json;

use crate::daemon::{Daemon, make_due};
use crate::setting::{Setting, keys};

const NAME: &str = "room-1.corp.test";

/// The administrator revokes a certificate, so that the server wants it replaced at once.
fn revoke(setting: &Setting, serial: &str) {
    setting.ask(&["certificates", "revoke", serial]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_what_it_does_takes_up_new_identities_and_ends_in_order() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    device.enroll(NAME, &[]).with(0);
    make_due(&device.identity(NAME));
    let metrics = setting.folder.path().join("rollcall.prom");
    let mut daemon = Daemon::start(&device, &["--metrics-file", metrics.to_str().unwrap()]);
    assert_eq!(daemon.hears("READY="), "READY=1");
    let worked = daemon.wait_for("worked");
    assert_eq!(keys(&worked), ["at", "event", "next", "result"]);
    assert_eq!(
        (&worked["result"]["status"], &worked["result"]["generation"], &worked["result"]["identity"]),
        (&json!("renewed"), &json!(2), &json!(NAME))
    );
    let status = daemon.hears("STATUS=1 identity; next room-1.corp.test at ");
    assert!(status.ends_with("(asks for a window)"), "{status}");
    assert_eq!(daemon.hears("WATCHDOG="), "WATCHDOG=1");
    // Between its renewals anybody may write, and what is new is taken up without being told.
    device.enroll("room-2.corp.test", &[]).with(0);
    let asked = daemon.wait_until(|line| line["result"]["identity"] == "room-2.corp.test");
    assert_eq!(asked["result"]["status"], "not_due", "{asked}");
    daemon.hears("STATUS=2 identities; next ");
    let text = fs::read_to_string(&metrics).unwrap();
    for part in [
        "acme_client_certificate_not_after_seconds{identity=\"room-2.corp.test\"} ",
        "acme_client_failures{identity=\"room-1.corp.test\"} 0\n",
        "acme_client_renewals_total 1\n",
    ] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    let status = device.run(&["status"]).with(0);
    assert_eq!(keys(&status["agent"]), ["looked", "next", "process", "started"]);
    assert_eq!(status["agent"]["process"], daemon.child.id());
    daemon.signal("TERM");
    daemon.hears("STOPPING=");
    daemon.wait_for("ended");
    assert_eq!(daemon.ended(), Some(0));
    assert_eq!(device.run(&["status"]).with(0)["agent"], json!(null), "its record stays behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_agent_is_refused_and_a_killed_one_leaves_no_lock() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    let mut first = Daemon::start(&device, &[]);
    let refused = device.run(&["run"]).with(1);
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("an agent already runs on state directory"), "{message}");
    assert!(message.contains(&format!("process {}", first.child.id())), "{message}");
    assert!(refused["error"]["hint"].as_str().unwrap().contains("SIGHUP"), "{refused}");
    first.child.kill().unwrap();
    first.ended();
    let mut second = Daemon::start(&device, &[]);
    second.signal("INT");
    assert_eq!(second.ended(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_makes_it_check_now_whatever_failed_before() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    device.enroll(NAME, &[]).with(0);
    let (file, (serial, _)) = (device.identity(NAME).path().join("identity.toml"), device.current(NAME));
    let good = fs::read_to_string(&file).unwrap();
    // Nobody answers there: port 9 is for discarding.
    let away = good.replace(&setting.server.url, "https://localhost:9");
    assert_ne!(away, good);
    fs::write(&file, away).unwrap();
    make_due(&device.identity(NAME));
    let mut daemon = Daemon::start(&device, &[]);
    let failed = daemon.wait_for("worked");
    assert_eq!(failed["result"]["status"], "failed", "{failed}");
    daemon.hears("STATUS=1 identity; next room-1.corp.test at ");
    let status = device.run(&["status"]).with(0);
    let renewal = &status["identities"][0]["renewal"];
    assert_eq!((&renewal["failures"], &renewal["reason"]), (&json!(1), &json!("failed before")));
    assert_eq!(renewal["next_attempt"], failed["result"]["next"]);
    assert!(renewal["last_error"]["message"].as_str().is_some(), "{renewal}");
    fs::write(&file, good).unwrap();
    revoke(&setting, &serial);
    daemon.signal("HUP");
    let renewed = daemon.wait_for("worked");
    assert_eq!(renewed["result"]["status"], "renewed", "{renewed}");
    assert_ne!(device.current(NAME).0, serial);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_hangs_delays_nobody_and_does_not_outlive_the_agent() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    let mark = setting.folder.path().join("child");
    let hangs = format!("sleep 1000 & echo $! > {}; wait", mark.display());
    device.enroll(NAME, &[]).with(0);
    device.enroll("room-2.corp.test", &[]).with(0);
    let identity = device.identity(NAME);
    let mut settings = identity.settings().unwrap();
    settings.deploy = Some(acme_client::state::DeploySettings::new(hangs));
    identity.store_settings(&settings).unwrap();
    make_due(&device.identity("room-2.corp.test"));
    let mut daemon = Daemon::start(&device, &["--parallel", "2"]);
    let worked = daemon.wait_for("worked");
    assert_eq!(worked["result"]["identity"], "room-2.corp.test", "it waited for the other's hook: {worked}");
    let begun = Instant::now();
    while fs::read_to_string(&mark).unwrap_or_default().trim().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the hook did not begin");
        std::thread::yield_now();
    }
    let child = fs::read_to_string(&mark).unwrap();
    daemon.signal("TERM");
    daemon.hears("STOPPING=");
    // Once more means: at once.
    daemon.signal("TERM");
    assert_eq!(daemon.ended(), Some(0));
    let gone = || {
        let status = fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
        status.is_empty() || status.contains(") Z ")
    };
    let begun = Instant::now();
    while !gone() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the hook's child still runs");
        std::thread::yield_now();
    }
    assert!(device.state.lock().is_ok(), "the lock stays behind");
}

/// The agent in a mount namespace of its own, its state directory on a disk so small that it can be filled.
fn on_a_small_disk(device: &crate::setting::Device<'_>) -> Command {
    let inner = device.command(&["run"]);
    let state = device.state.path();
    let program: Vec<String> = std::iter::once(inner.get_program())
        .chain(inner.get_args())
        .map(|part| format!("'{}'", part.to_str().unwrap()))
        .collect();
    let script = format!(
        "cp -a '{0}' '{0}.copy' && mount -t tmpfs -o size=1m,mode=700 tmpfs '{0}' && cp -a '{0}.copy/.' '{0}' && exec {1}",
        state.display(),
        program.join(" ")
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script]).env_remove("ROLLCALL_STATE").env_remove("RUST_LOG");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_orders_nothing_and_is_got_over_when_there_is_room() {
    let mount = "d=$(mktemp -d) && mount -t tmpfs tmpfs $d";
    let possible =
        Command::new("unshare").args(["--mount", "sh", "-c", mount]).stderr(Stdio::null()).status();
    if !possible.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("ROLLCALL_INTEROP").is_none_or(|value| value != "require"));
        eprintln!("skipped: no disk can be mounted here (unshare --mount)");
        return;
    }
    let setting = Setting::start().await;
    let device = setting.device("device");
    device.enroll(NAME, &[]).with(0);
    let mut daemon = Daemon::begin(on_a_small_disk(&device));
    daemon.wait_for("worked");
    let folder = daemon.sees(device.state.path());
    let identity = acme_client::state::StateDir::at(&folder).find_identity(NAME).unwrap();
    revoke(&setting, &device.current(NAME).0);
    let fill = folder.join("fill");
    let full = fs::write(&fill, vec![0; 2 << 20]).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    daemon.signal("HUP");
    let failed = daemon.wait_for("worked");
    assert_eq!(failed["result"]["status"], "failed", "{failed}");
    let error = failed["result"]["error"].as_str().unwrap();
    assert!(error.contains("cannot write") && error.contains("No space left"), "{error}");
    assert_eq!(setting.certificates(NAME).len(), 1);
    let pair = identity.current().unwrap().unwrap();
    assert_eq!(pair.generation.number(), 1, "the pair in use is as it was");
    fs::remove_file(&fill).unwrap();
    daemon.signal("HUP");
    let renewed = daemon.wait_until(|line| line["result"]["status"] == "renewed");
    assert_eq!(renewed["result"]["generation"], 2);
    assert_eq!(setting.certificates(NAME).len(), 2, "an order of the full disk's time was finished as well");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_makes_the_agent_wait_and_it_is_no_failure() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    device.enroll(NAME, &[]).with(0);
    make_due(&device.identity(NAME));
    let (lock, _) = device.state.lock().unwrap();
    let mut daemon = Daemon::start(&device, &[]);
    let waits = daemon.wait_for("trouble");
    assert!(waits["problem"].as_str().unwrap().contains("is in use by process"), "{waits}");
    assert!(matches!(device.state.lock(), Err(StateError::Busy { .. })));
    drop(lock);
    let renewed = daemon.wait_for("worked");
    assert_eq!(renewed["result"]["status"], "renewed", "{renewed}");
    assert_eq!(device.identity(NAME).renewal().unwrap().failures, 0);
}
