//! What serves once, an approval or a token, gives one certificate, and gives it again to who did not get it.

use ca_server::clock::Clock as _;
use ca_server::log::recover::recover;
use policies::profiles::SHIPPED;
use rollcall_tests::ca::TestCa;
use rollcall_tests::internal::est::{Wanted, key, request};
use rollcall_tests::internal::{InternalCa, csr, new_key};
use serde_json::json;
use time::Duration;

async fn with_approval() -> InternalCa {
    let (_, text) = SHIPPED.iter().find(|(name, _)| *name == "internal-device.toml").unwrap();
    let text = text.replace("needs-approval = false", "needs-approval = true");
    let it = InternalCa::build(TestCa::builder().file("policy/profiles/internal-device.toml", &text), |_| {})
        .await;
    it.organisation("Corp").await;
    it
}

async fn single_use() -> InternalCa {
    let it = InternalCa::start_with(|config| config.token_issuer[0].single_use = true).await;
    it.organisation("Corp").await;
    it
}

async fn approve(it: &InternalCa) {
    let requests = it.ask("/approvals?limit=10").await;
    let id = requests["items"][0]["id"].as_str().unwrap().to_owned();
    it.tell(&format!("/approvals/{id}/approve"), json!({})).await;
}

/// Resolves what was left open, as the server does some time later.
async fn recovered(it: &InternalCa) -> (usize, usize) {
    let (app, now) = (it.ca.app(), it.ca.clock.now() + Duration::minutes(10));
    let recovered = recover(&app.store, &app.authorities, now, now).await.unwrap();
    (recovered.completed, recovered.abandoned)
}

#[tokio::test]
async fn who_did_not_get_the_answer_gets_the_certificate_that_was_approved_when_it_asks_again() {
    let it = with_approval().await;
    let key = key();
    let (_, token) = it.activated_for_est("Corp", &key).await;
    let bearer = format!("Bearer {token}");
    let csr = request(&key, &Wanted::default());
    let enroll = async || it.enroll(None, "simpleenroll", Some(&bearer), &csr).await;
    assert_eq!(enroll().await.status, 202);
    approve(&it).await;
    let first = enroll().await;
    assert_eq!(first.status, 200, "{first:?}");
    for _ in 0..2 {
        let again = enroll().await;
        assert_eq!((again.status, again.certificates()), (200, first.certificates()), "{again:?}");
    }
    assert_eq!(it.ca.audit().await.count("intent"), 1);
    assert!(it.ask("/approvals?limit=10").await["items"][0]["issued"].is_string());
    // What comes later is a renewal, and waits for a word of its own.
    it.ca.clock.advance(Duration::days(3));
    assert_eq!(enroll().await.status, 202);
    approve(&it).await;
    let renewed = enroll().await;
    assert_ne!(renewed.certificates(), first.certificates());
}

#[tokio::test]
async fn an_approval_whose_certificate_was_revoked_gives_no_other() {
    let it = with_approval().await;
    let key = key();
    let (_, token) = it.activated_for_est("Corp", &key).await;
    let bearer = format!("Bearer {token}");
    let csr = request(&key, &Wanted::default());
    let enroll = async || it.enroll(None, "simpleenroll", Some(&bearer), &csr).await;
    enroll().await;
    approve(&it).await;
    let leaf = enroll().await.certificates()[0].clone();
    let serial = certs::inspect::inspect_certificate(&leaf).unwrap().serial;
    it.tell(&format!("/certificates/{serial}/revoke"), json!({"reason": 4})).await;
    assert_eq!(enroll().await.status, 202);
}

#[tokio::test]
async fn an_outcome_that_cannot_be_stored_costs_no_administrators_word() {
    let it = with_approval().await;
    let key = key();
    let (_, token) = it.activated_for_est("Corp", &key).await;
    let bearer = format!("Bearer {token}");
    let csr = request(&key, &Wanted::default());
    let enroll = async || it.enroll(None, "simpleenroll", Some(&bearer), &csr).await;
    enroll().await;
    approve(&it).await;
    // The intent commits; the outcome does not.
    it.ca.store_faults.fail_commit_after(1);
    assert_eq!(enroll().await.status, 500);
    let open = enroll().await;
    assert_eq!((open.status, open.header("retry-after")), (202, Some("5")), "{open:?}");
    assert_eq!(recovered(&it).await, (0, 1));
    assert_eq!(enroll().await.status, 200, "nobody is asked a second time");
}

#[tokio::test]
async fn a_token_that_serves_once_gives_the_same_key_the_same_certificate_and_another_key_none() {
    let it = single_use().await;
    let token = it.issuer.token(&it.claims("alice"));
    let body = json!({"csr": csr(&new_key(), &[])});
    let ask = async |body| it.post("certificates", Some(&token), body).await;
    let first = ask(&body).await;
    assert_eq!(first.status, 200, "{first}");
    let again = ask(&body).await;
    assert_eq!((again.status.as_u16(), again.text()), (200, first.text()));
    let other = ask(&json!({"csr": csr(&new_key(), &[])})).await;
    assert_eq!(other.status, 401, "{other}");
    let audit = it.ca.audit().await;
    assert_eq!((audit.count("intent"), audit.count("refused")), (1, 1));
}

#[tokio::test]
async fn a_token_that_serves_once_serves_again_if_nothing_came_of_it_for_the_same_key_alone() {
    let it = single_use().await;
    let token = it.issuer.token(&it.claims("alice"));
    let body = json!({"csr": csr(&new_key(), &[])});
    let ask = async |body| it.post("certificates", Some(&token), body).await;
    it.ca.store_faults.fail_commit_after(1);
    assert_eq!(ask(&body).await.status, 500);
    let open = ask(&body).await;
    assert_eq!((open.status.as_u16(), open.header("retry-after")), (503, "5"), "{open}");
    assert_eq!(recovered(&it).await, (0, 1));
    let other = json!({"csr": csr(&new_key(), &[])});
    assert_eq!(ask(&other).await.status, 401);
    let first = ask(&body).await;
    assert_eq!(first.status, 200, "{first}");
    assert_eq!(ask(&body).await.text(), first.text());
}

#[tokio::test]
async fn an_activation_that_committed_is_answered_even_if_nothing_can_be_read_from_then_on() {
    for preferred in [false, true] {
        let it = InternalCa::start().await;
        it.organisation("Corp").await;
        it.verified_domain("Corp", "corp.test").await;
        if preferred {
            it.prefer("Corp", "corp.test").await;
        }
        let code = it.device_code("Corp").await;
        it.ca.store_faults.fail_reads_after_next_commit();
        let body = json!({"code": code["code"], "csr": csr(&new_key(), &[])});
        let reply = it.post("devices/activate", None, &body).await;
        it.ca.store_faults.fail_reads(false);
        assert_eq!(reply.status, 201, "{reply}");
        let answer = reply.json();
        assert_eq!(answer["organisation"], "Corp");
        assert_eq!(answer.get("domain"), preferred.then_some(&json!("corp.test")));
    }
}
