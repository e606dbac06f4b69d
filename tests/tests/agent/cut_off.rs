//! Runs that are cut off, by a kill or by the network, and the runs after them: the same order is finished with the same key, once.

use std::sync::Arc;

use acme_client::renew::{Attempt, renew_identity};
use serde_json::json;

use crate::setting::{Device, Setting};
use crate::unkind::{Fault, Hurried, Unkind};

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_before_finalize_goes_on_with_the_same_order_and_the_same_key() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    // The hook runs between the order and finalize, and kills the client there.
    let killer = setting.script("killer", "kill -9 $PPID; sleep 1");
    let resolver = setting.dns.address().to_string();
    let killed = device.enroll_by(
        "room-1.corp.test",
        &["--dns", "hook", "--dns-hook", killer.to_str().unwrap(), "--dns-resolver", &resolver],
    );
    assert_eq!(killed.code, None, "it was not killed: {killed:?}");
    let identity = device.identity("room-1.corp.test");
    assert!(identity.current().unwrap().is_none());
    let (pending, key) = identity.pending().unwrap().unwrap();
    assert_eq!(device.run(&["status"]).with(0)["identities"][0]["pending"], true);
    let enrolled = device.enroll("room-1.corp.test", &[]).with(0);
    assert_eq!((&enrolled["resumed"], &enrolled["generation"]), (&json!(true), &json!(1)));
    assert_eq!(device.current("room-1.corp.test").1, *key, "it was finished with another key");
    let known = setting.certificates("room-1.corp.test");
    assert_eq!(known.len(), 1);
    let order = known[0]["order"].as_str().unwrap();
    assert!(pending.order.as_str().ends_with(order), "{} is not {order}", pending.order);
    assert!(identity.pending().unwrap().is_none());
}

/// A renewal that dies at request `number`; says whether it died.
async fn dies(device: &Device<'_>, number: u32, fault: Fault) -> bool {
    let unkind = Arc::new(Unkind::new(device.setting.transport(), [(number, fault)]).and_then_nothing());
    let library = device.over(unkind, Arc::new(Hurried::default()));
    let (_lock, _) = device.state.lock().unwrap();
    let report = renew_identity(library.agent(), &device.identity("room-1.corp.test"), true).await;
    match report.attempt {
        Attempt::Failed { .. } => true,
        Attempt::Renewed { .. } => false,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_dies_at_any_request_is_finished_by_the_next_and_issues_one_certificate() {
    let setting = Setting::start().await;
    let device = setting.device("device");
    device.enroll("room-1.corp.test", &[]).with(0);
    let (mut resumed, mut anew) = (0, 0);
    for number in 0.. {
        let mut died = false;
        for fault in [Fault::Lost, Fault::AnswerLost] {
            let (serial, _) = device.current("room-1.corp.test");
            let before = setting.certificates("room-1.corp.test").len();
            if !dies(&device, number, fault).await {
                continue;
            }
            died = true;
            assert_eq!(
                device.current("room-1.corp.test").0,
                serial,
                "a run that died changed the certificate"
            );
            let pending = device.identity("room-1.corp.test").pending().unwrap();
            device.run(&["renew", "--force"]).with(0);
            let (now, key) = device.current("room-1.corp.test");
            assert_ne!(now, serial);
            match pending {
                Some((_, waiting)) => {
                    assert_eq!(
                        *waiting, key,
                        "died at {number} ({fault:?}) and was finished with another key"
                    );
                    resumed += 1;
                }
                None => anew += 1,
            }
            let after = setting.certificates("room-1.corp.test").len();
            assert_eq!(
                after,
                before + 1,
                "died at {number} ({fault:?}): more than one certificate was issued"
            );
        }
        if !died {
            break;
        }
    }
    assert!(resumed >= 4 && anew >= 4, "{resumed} were resumed, {anew} begun anew");
}
