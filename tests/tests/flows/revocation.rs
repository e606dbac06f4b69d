//! Revocation (RFC 8555 §7.6): by whom, what it leaves behind, and what it must not tell.

use ca_server::clock::Clock as _;
use certs::chain::{RevocationList, TrustSets};
use certs::verdict::{Reason, verdict};
use http::StatusCode;
use rollcall_tests::ca::TestCa;
use rollcall_tests::device::{AccountKey, Device, Issued, Reply, revocation};

/// Asks with the bare key instead of an account.
async fn revoke_by_key(device: &Device, key: &AccountKey, der: &[u8]) -> Reply {
    let url = device.resource("revoke-cert");
    device
        .draft(&url, &revocation(der, Some(1)))
        .without("kid")
        .header("jwk", key.jwk())
        .signed_by(key)
        .send()
        .await
}

async fn is_on_list(ca: &TestCa, issued: &Issued) -> bool {
    let list = ca.http().get(&ca.url("/crl/external.crl")).await.expect(StatusCode::OK);
    let list = RevocationList::from_der(&list.body).unwrap();
    let mut trust = TrustSets::new();
    trust.insert_pem("devices".parse().unwrap(), ca.root_pem()).unwrap();
    let verdict = verdict(&issued.chain, &trust, None, &[list], ca.clock.now());
    verdict.reason == Some(Reason::Revoked)
}

#[tokio::test]
async fn the_account_that_obtained_it_revokes_it_once() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    assert!(!is_on_list(&ca, &issued).await);
    let _ = alice.revoke(issued.leaf(), Some(4)).await.expect(StatusCode::OK);
    assert!(is_on_list(&ca, &issued).await, "the list shows it at once");
    let problem = alice.revoke(issued.leaf(), None).await.problem();
    assert_eq!((problem.status, problem.kind.as_str()), (400, "alreadyRevoked"));
    let audit = ca.audit().await;
    let revoked: Vec<_> = audit.of_kind("revoked").collect();
    assert_eq!(revoked.len(), 1);
    assert_eq!(revoked[0]["reason"], 4);
}

#[tokio::test]
async fn whoever_has_the_key_of_the_certificate_revokes_it_without_an_account() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let key = AccountKey::of_certificate(&issued.key);
    let _ = revoke_by_key(&alice, &key, issued.leaf()).await.expect(StatusCode::OK);
    assert!(is_on_list(&ca, &issued).await);
    assert_eq!(ca.audit().await.of_kind("revoked").next().unwrap()["by"], "certificate key");
}

#[tokio::test]
async fn the_key_of_the_certificate_revokes_it_even_after_its_account_was_given_up() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let _ =
        alice.post(alice.url(), &serde_json::json!({"status": "deactivated"})).await.expect(StatusCode::OK);
    let problem = alice.revoke(issued.leaf(), None).await.problem();
    assert_eq!(problem.status, 401);
    let key = AccountKey::of_certificate(&issued.key);
    let _ = revoke_by_key(&alice, &key, issued.leaf()).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn an_account_that_holds_authorizations_for_all_the_names_revokes_it() {
    let ca = TestCa::start().await;
    let (alice, bob) = (ca.register("alice").await, ca.register("bob").await);
    let issued = alice.issue(&ca.dns, &["room-1.corp.test", "room-2.corp.test"]).await;
    bob.prove(&ca.dns, &bob.new_order(&["room-1.corp.test"]).await).await;
    let problem = bob.revoke(issued.leaf(), None).await.problem();
    assert_eq!((problem.status, problem.kind.as_str()), (403, "unauthorized"), "one name is not all");
    bob.prove(&ca.dns, &bob.new_order(&["room-2.corp.test"]).await).await;
    let _ = bob.revoke(issued.leaf(), None).await.expect(StatusCode::OK);
    assert!(is_on_list(&ca, &issued).await);
}

#[tokio::test]
async fn others_are_refused_alike_before_and_after_it_was_revoked() {
    let ca = TestCa::start().await;
    let (alice, bob) = (ca.register("alice").await, ca.register("bob").await);
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let foreign = AccountKey::p256();
    let before = (
        bob.revoke(issued.leaf(), None).await.problem(),
        revoke_by_key(&bob, &foreign, issued.leaf()).await.problem(),
    );
    let _ = alice.revoke(issued.leaf(), None).await.expect(StatusCode::OK);
    let after = (
        bob.revoke(issued.leaf(), None).await.problem(),
        revoke_by_key(&bob, &foreign, issued.leaf()).await.problem(),
    );
    for (before, after) in [(before.0, after.0), (before.1, after.1)] {
        assert_eq!((before.status, before.kind.as_str()), (403, "unauthorized"));
        assert_eq!(before.document, after.document, "the refusal must not tell that it is revoked");
    }
    assert_eq!(ca.audit().await.count("revoked"), 1);
}

#[tokio::test]
async fn what_is_no_certificate_of_ours_is_not_revoked() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let mut changed = issued.leaf().to_vec();
    *changed.last_mut().unwrap() ^= 1;
    let before = ca.snapshot().await;
    for der in [changed.as_slice(), issued.chain[1].as_ref(), b"nonsense"] {
        let problem = alice.revoke(der, None).await.problem();
        assert_eq!((problem.status, problem.kind.as_str()), (404, "malformed"));
    }
    assert_eq!(ca.snapshot().await, before);
}

#[tokio::test]
async fn reasons_that_a_holder_cannot_give_are_refused_with_those_he_can() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    for reason in [2, 6, 7, 8, 10, 11, 255] {
        let problem = alice.revoke(issued.leaf(), Some(reason)).await.problem();
        assert_eq!(problem.kind, "badRevocationReason", "{reason}");
        assert!(problem.detail.contains("allowed are"), "{}", problem.detail);
    }
    assert!(!is_on_list(&ca, &issued).await);
}
