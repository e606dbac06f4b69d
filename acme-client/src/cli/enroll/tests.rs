//! `enroll device` against an authority in memory: what it takes for "already enrolled".

use clap::Parser;

use super::*;
use crate::{
    cli::{Arguments, Command, EnrollCommand, output::Output},
    pretend::{Cut, Setting},
    state::fault,
};

/// An authority whose clock is the machine's, since the command line reads that.
fn setting() -> Setting {
    let setting = Setting::new();
    let behind = SystemClock.now() - setting.agent().clock.now();
    setting.authority.wait(behind);
    setting
}

fn session(setting: &Setting) -> Session {
    Session {
        state: setting.state.clone(),
        connector: setting.authority.connector(),
        output: Output { json: true },
        quiet: true,
    }
}

async fn enroll(setting: &Setting, more: &str) -> Result<Ending, CliError> {
    let line = format!(
        "acme-client enroll device --ca https://ca.test/directory --name room-1.test --dns hook --dns-hook /bin/true \
         --dns-no-wait {more}"
    );
    let arguments = Arguments::try_parse_from(line.split_whitespace()).unwrap();
    let Command::Enroll { what: EnrollCommand::Device(device) } = arguments.command else {
        panic!("another command was parsed");
    };
    super::device(&session(setting), &device).await
}

fn profile_of_current(setting: &Setting) -> String {
    let current = setting.identity().current().unwrap().unwrap();
    setting.authority.with(|ledger| {
        let order = ledger.orders.iter().find(|order| {
            order.certificate.as_ref().is_some_and(|chain| chain.starts_with(&current.certificate))
        });
        order.unwrap().profile.as_str().unwrap_or_default().to_owned()
    })
}

#[tokio::test]
async fn a_kill_between_new_settings_and_the_new_order_is_not_taken_for_enrolled() {
    let mut kills = 0;
    for steps in 0.. {
        let setting = setting();
        enroll(&setting, "--profile old").await.unwrap();
        fault::arm(Some(steps));
        let killed = enroll(&setting, "--profile new").await.is_err();
        fault::arm(None);
        enroll(&setting, "--profile new").await.unwrap();
        assert_eq!(profile_of_current(&setting), "new", "step {steps}");
        if !killed {
            break;
        }
        kills += 1;
    }
    assert!(kills > 20, "only {kills} steps were cut");
}

#[tokio::test]
async fn an_order_of_new_settings_that_comes_to_nothing_leaves_the_old_certificate_and_no_claim_to_the_new() {
    let setting = setting();
    enroll(&setting, "--profile old").await.unwrap();
    setting.authority.cut(Some(Cut::Before(2)));
    enroll(&setting, "--profile new").await.unwrap_err();
    assert!(setting.identity().pending().unwrap().is_some(), "the order waits to be finished");
    setting.authority.cut(None);
    setting.authority.with(|ledger| ledger.refuse_proofs = true);
    enroll(&setting, "--profile new").await.unwrap_err();
    setting.authority.with(|ledger| ledger.refuse_proofs = false);
    assert_eq!(profile_of_current(&setting), "old");
    enroll(&setting, "--profile new").await.unwrap();
    assert_eq!(profile_of_current(&setting), "new");
}

#[tokio::test]
async fn a_generation_whose_origin_was_not_kept_counts_by_the_settings_beside_it() {
    let setting = setting();
    enroll(&setting, "--profile old").await.unwrap();
    let folder = setting.identity().current().unwrap().unwrap().folder;
    std::fs::remove_file(folder.join("origin.json")).unwrap();
    enroll(&setting, "--profile old").await.unwrap();
    assert_eq!(setting.authority.with(|ledger| ledger.orders.len()), 1, "ordered without need");
    enroll(&setting, "--profile new").await.unwrap();
    assert_eq!(profile_of_current(&setting), "new");
}

#[tokio::test]
async fn roots_are_kept_only_once_the_server_was_reached_with_them() {
    let setting = setting();
    let folder = tempfile::tempdir().unwrap();
    let roots = |name: &str| {
        let parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        let pem = parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem();
        let path = folder.path().join(name);
        std::fs::write(&path, &pem).unwrap();
        (format!("--root {}", path.display()), pem)
    };
    let kept = || setting.state.account(&ServerLabel::of(&setting.settings().directory)).roots().unwrap();
    let ((right, pem), (wrong, _)) = (roots("right"), roots("wrong"));
    enroll(&setting, &right).await.unwrap();
    assert_eq!(kept().unwrap(), pem.as_bytes());
    setting.authority.cut(Some(Cut::Before(0)));
    enroll(&setting, &wrong).await.unwrap_err();
    assert_eq!(kept().unwrap(), pem.as_bytes());
}
