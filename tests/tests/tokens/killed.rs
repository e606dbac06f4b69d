//! The agent killed at every step of a renewal: the pair is valid at each moment, and the token holds no more keys than are needed and one.
//!
//! The kill falls on each fsync in turn, which every change of the state directory has, so it falls between any two steps of it; the making and
//! the destroying of keys in the token lie between such steps.

use std::process::Command;

use rollcall_tests::foreign::program;

use crate::setting::{NAME, Setting, done};

const KEEP: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_killed_at_any_step_leaves_a_valid_pair_and_no_litter() {
    let Some(strace) = program("strace") else { return };
    let Some(setting) = Setting::start().await else { return };
    done(&setting.enroll(&setting.hsm.store("agent"), &["--keep", "2"]));
    let mut kills = 0;
    for step in 1_u32.. {
        let plain = setting.agent(&["renew", "--force", "--name", NAME]);
        let mut killed = Command::new(&strace);
        killed.args([
            "-f",
            "-qq",
            "-e",
            "trace=fsync",
            "-e",
            &format!("inject=fsync:signal=KILL:when={step}"),
            "-o",
            "/dev/null",
        ]);
        killed.arg(plain.get_program()).args(plain.get_args());
        killed.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let ended = killed.output().unwrap();
        setting.assert_pair();
        let keys = setting.hsm.private_keys("agent").unwrap().len();
        // One for each generation kept, one that is pending or was just pruned, one that was being made.
        assert!(keys <= KEEP + 2, "step {step}: {keys} keys");
        if ended.status.success() {
            break;
        }
        kills += 1;
        assert!(step < 400, "it never ends: {}", String::from_utf8_lossy(&ended.stderr));
    }
    assert!(kills >= 10, "{kills} kills say little");
    done(&setting.agent(&["renew", "--force", "--name", NAME]).output().unwrap());
    setting.assert_pair();
    let generations = setting.identity().generations().unwrap().len();
    assert_eq!(setting.hsm.private_keys("agent").unwrap().len(), generations, "only what is needed is left");
    let noted = setting.identity().token_keys().unwrap();
    assert_eq!(noted.len(), generations);
}
