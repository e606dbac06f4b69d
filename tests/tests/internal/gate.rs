//! The gate is one: every way to a signature is recorded before, asked of the rules, and limited.

use rollcall_tests::ca::TestCa;
use rollcall_tests::internal::{InternalCa, csr, new_key};
use serde_json::json;
use time::Duration;

/// What forbids everything.
pub(crate) const NOBODY: &str = "@id(\"nobody\")\n@reason(\"closed today\")\nforbid (principal, action == Action::\"issue\", resource);\n";

/// Every kind of holder with its token, and the key it must be used with.
async fn holders(it: &InternalCa) -> Vec<(&'static str, String, String)> {
    let key = new_key();
    let person = it.issuer.token(&it.claims("alice"));
    let (_, device) = it.activated("Corp", &key).await;
    let guest = it.post("guests", None, &json!({})).await.json()["token"].as_str().unwrap().to_owned();
    vec![
        ("person", person, csr(&new_key(), &[])),
        ("device", device, csr(&key, &[])),
        ("guest", guest, csr(&new_key(), &[])),
    ]
}

#[tokio::test]
async fn every_kind_of_holder_is_recorded_before_and_after_the_signature() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    for (who, token, csr) in holders(&it).await {
        let before = it.ca.audit().await;
        let reply = it.post("certificates", Some(&token), &json!({"csr": csr})).await;
        assert_eq!(reply.status, 200, "{who}: {reply}");
        let after = it.ca.audit().await;
        assert_eq!(after.count("intent"), before.count("intent") + 1, "{who}");
        assert_eq!(after.count("issued"), before.count("issued") + 1, "{who}");
    }
}

#[tokio::test]
async fn a_rule_that_forbids_stops_every_kind_of_holder_before_the_key_is_asked() {
    let builder = TestCa::builder().file("policy/rules/nobody.cedar", NOBODY);
    let it = InternalCa::build(builder, |_| {}).await;
    it.organisation("Corp").await;
    for (who, token, csr) in holders(&it).await {
        let before = it.ca.audit().await.count("refused");
        let reply = it.post("certificates", Some(&token), &json!({"csr": csr})).await;
        assert_eq!(reply.status, 403, "{who}: {reply}");
        assert!(reply.json()["detail"].as_str().unwrap().contains("rule `nobody`"), "{who}: {reply}");
        assert_eq!(it.ca.audit().await.count("refused"), before + 1, "{who}");
    }
    assert_eq!(it.ca.audit().await.count("intent"), 0);
}

#[tokio::test]
async fn a_rule_can_speak_of_one_organisation() {
    let builder = TestCa::builder();
    let it = InternalCa::build(builder, |_| {}).await;
    let organisation = it.organisation("Corp").await;
    let rule = format!(
        "@id(\"not-corp\")\nforbid (principal in Organisation::\"{}\", action == Action::\"issue\", resource);\n",
        organisation["id"].as_str().unwrap()
    );
    std::fs::write(it.ca.folder().join("policy/rules/not-corp.cedar"), rule).unwrap();
    it.ca.running().reload().await.unwrap();
    for (who, token, csr) in holders(&it).await {
        let reply = it.post("certificates", Some(&token), &json!({"csr": csr})).await;
        assert_eq!(reply.status, if who == "guest" { 200 } else { 403 }, "{who}: {reply}");
    }
}

#[tokio::test]
async fn every_kind_of_holder_has_a_limit_of_rate() {
    let it = InternalCa::start_with(|config| config.internal.certificates_per_hour = 2).await;
    it.organisation("Corp").await;
    for (who, token, csr) in holders(&it).await {
        let mut statuses = Vec::new();
        for _ in 0..3 {
            statuses.push(it.post("certificates", Some(&token), &json!({"csr": csr})).await.status.as_u16());
        }
        assert_eq!(statuses, [200, 200, 429], "{who}");
    }
}

#[tokio::test]
async fn an_intent_left_open_by_a_crash_is_abandoned_and_listed() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    // The intent commits; the outcome does not.
    it.ca.store_faults.fail_commit_after(1);
    let reply = it.certificate(&it.issuer.token(&it.claims("alice"))).await;
    assert_eq!(reply.status, 500, "{reply}");
    it.ca.clock.advance(Duration::minutes(10));
    let (app, now) = (it.ca.app(), ca_server::clock::Clock::now(&it.ca.clock));
    let recovered = ca_server::log::recover::recover(&app.store, &app.authorities, now, now).await.unwrap();
    assert_eq!((recovered.completed, recovered.abandoned), (0, 1));
    assert_eq!(it.ca.audit().await.count("abandoned"), 1);
}
