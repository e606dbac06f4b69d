//! Resolvers that are slow, silent, failing or dishonest: nothing is proven by a lie, and a failure says what was asked where.

use std::time::Duration;

use ca_server::config::DnssecMode;
use rollcall_tests::ca::{Builder, TestCa};
use rollcall_tests::device::{Device, challenge};
use rollcall_tests::dns::{Fault, Transport};
use serde_json::Value;

/// An authority that tries once and soon gives up.
fn hasty() -> Builder {
    TestCa::builder().configure(|config| {
        config.challenge.attempts = 1;
        config.challenge.timeout = Duration::from_secs(30);
        config.dns.timeout = Duration::from_secs(2);
    })
}

async fn prove(ca: &TestCa, alice: &Device, name: &str) -> Value {
    let order = alice.new_order(&[name]).await;
    let url = order.authorizations().remove(0);
    alice.publish(&ca.dns, &alice.read(&url).await, "dns-01");
    alice.answer(&url, "dns-01").await
}

#[tokio::test]
async fn what_does_not_change_the_answer_does_not_harm() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let faults = [
        ("slow", Fault::Slow(Duration::from_millis(200))),
        ("truncate", Fault::Truncate),
        ("forge", Fault::ForgeFirst),
    ];
    for (label, fault) in faults {
        ca.dns.fault(fault);
        let settled = prove(&ca, &alice, &format!("{label}.corp.test")).await;
        assert_eq!(settled["status"], "valid", "{label}: {settled}");
        ca.dns.honest();
    }
}

#[tokio::test]
async fn lies_and_silence_prove_nothing_and_the_problem_names_the_question_and_the_server() {
    let ca = hasty().start().await;
    let alice = ca.register("alice").await;
    let faults = [
        ("silent", Fault::Silent, "dns"),
        ("servfail", Fault::ServFail, "dns"),
        ("refused", Fault::Refused, "dns"),
        ("nx", Fault::NxDomain, "incorrectResponse"),
        ("id", Fault::WrongId, "dns"),
        ("question", Fault::WrongQuestion, "dns"),
        ("garbage", Fault::Garbage, "dns"),
        ("huge", Fault::Huge(400), "incorrectResponse"),
    ];
    for (label, fault, kind) in faults {
        let name = format!("{label}.corp.test");
        ca.dns.fault_at(&format!("_acme-challenge.{name}"), fault);
        let settled = prove(&ca, &alice, &name).await;
        assert_eq!(settled["status"], "invalid", "{label}: {settled}");
        let error = &challenge(&settled, "dns-01")["error"];
        let found = error["type"].as_str().unwrap();
        assert!(found.ends_with(kind) || (label == "huge" && found.ends_with("dns")), "{label}: {error}");
        let detail = error["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("_acme-challenge.{name}")), "{label}: {detail}");
        assert!(detail.contains(&ca.dns.address().to_string()), "{label}: {detail}");
    }
    assert_eq!(ca.audit().await.count("intent"), 0);
}

#[tokio::test]
async fn a_datagram_that_lost_the_letter_case_is_not_believed_and_the_question_is_asked_over_tcp() {
    for (randomized, transport) in [(true, Transport::Tcp), (false, Transport::Udp)] {
        let ca = hasty().configure(move |config| config.dns.case_randomization = randomized).start().await;
        let alice = ca.register("alice").await;
        ca.dns.fault(Fault::LowerCase);
        // With so many letters that they are not all lower case by chance.
        assert_eq!(prove(&ca, &alice, "a-room-of-many-letters.corp.test").await["status"], "valid");
        let asked = ca.dns.queries().into_iter().rfind(|asked| asked.kind == "TXT").unwrap();
        assert_eq!(asked.transport, transport, "randomized: {randomized}");
    }
}

#[tokio::test]
async fn a_passing_failure_is_tried_again_without_anybody_asking() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    ca.dns.fault_times(1, Fault::ServFail);
    let settled = prove(&ca, &alice, "room-1.corp.test").await;
    assert_eq!(settled["status"], "valid", "{settled}");
}

#[tokio::test]
async fn with_dnssec_only_answers_that_verify_to_our_anchor_are_believed() {
    let ca = hasty().domain("signed.test").start().await;
    let anchor = ca.dns.sign("signed.test");
    std::fs::write(ca.folder().join("anchors.txt"), anchor).unwrap();
    let mut config = ca.config().clone();
    config.dns.dnssec = DnssecMode::Opportunistic;
    config.dns.trust_anchors = Some("anchors.txt".into());
    let ca = ca.restart_with(config).await;
    let alice = ca.register("alice").await;
    assert_eq!(prove(&ca, &alice, "good.signed.test").await["status"], "valid");
    for (label, fault) in [("bad", Fault::BadSignatures), ("none", Fault::NoSignatures)] {
        ca.dns.fault(fault);
        let settled = prove(&ca, &alice, &format!("{label}.signed.test")).await;
        assert_eq!(settled["status"], "invalid", "{label}: {settled}");
        ca.dns.honest();
    }
}
