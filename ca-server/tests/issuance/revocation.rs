//! Who may revoke what, and what relying parties see of it.

use certs::chain::{RevocationList, TrustSetName, TrustSets};
use certs::key::{KeyKind, SigningKey};
use certs::verdict::{State, verdict};
use http::StatusCode;

use crate::device::{Device, acts, csr_by, revocation};
use crate::support::{Ca, Key};

async fn list(ca: &Ca) -> (Vec<u8>, String) {
    let reply = ca.get(&format!("{}/crl/external.crl", ca.base)).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    assert_eq!(reply.header("content-type"), "application/pkix-crl");
    (reply.body.to_vec(), reply.header("etag").to_owned())
}

#[tokio::test]
async fn its_own_account_revokes_a_certificate_once_and_the_next_list_says_so() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (_, chain) = device.enrol(&ca, &["room-1.corp.test"]).await;
    let (before, tag_before) = list(&ca).await;
    let reply = device.revoke(&ca, &chain[0], Some(4)).await;
    assert_eq!((reply.status, reply.body.len()), (StatusCode::OK, 0));
    assert_eq!(device.revoke(&ca, &chain[0], None).await.problem(), "alreadyRevoked");
    let (after, tag_after) = list(&ca).await;
    assert_ne!(tag_before, tag_after);
    assert_eq!(acts(&ca, "revoked").await, 1);

    let mut trust = TrustSets::new();
    trust.insert_pem("external".parse::<TrustSetName>().unwrap(), &ca.file("root.pem")).unwrap();
    let now = ca.running.app().clock.now();
    let state =
        |der: &[u8]| verdict(&chain, &trust, None, &[RevocationList::from_der(der).unwrap()], now).state;
    assert!(matches!(state(&before), State::VerifiedBy(_)));
    assert_eq!(state(&after), State::Unverified);
}

#[tokio::test]
async fn the_certified_key_revokes_its_certificate() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let signing = SigningKey::generate(KeyKind::P256).unwrap();
    let (_, order) = device.ready(&ca, &["room-1.corp.test"]).await;
    let csr = csr_by(&signing, &["room-1.corp.test"]);
    let order = device.finalize(&ca, &order, &csr).await.json();
    let chain = device.download(&ca, &order).await;

    let stranger = Key::p256();
    let url = ca.url("revoke-cert");
    let reply = ca.post_with_jwk(&url, &stranger, &revocation(&chain[0], Some(1))).await;
    assert_eq!(reply.problem(), "unauthorized");
    let pair = aws_lc_rs::signature::EcdsaKeyPair::from_pkcs8(
        &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        &signing.to_pkcs8_der().unwrap(),
    );
    let reply = ca.post_with_jwk(&url, &Key::P256(pair.unwrap()), &revocation(&chain[0], Some(1))).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
}

#[tokio::test]
async fn another_account_revokes_only_with_valid_authorizations_for_every_name() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (_, chain) = device.enrol(&ca, &["room-1.corp.test", "room-2.corp.test"]).await;
    let other = Device::register(&ca).await;
    assert_eq!(other.revoke(&ca, &chain[0], None).await.problem(), "unauthorized");
    other.ready(&ca, &["room-1.corp.test"]).await;
    assert_eq!(other.revoke(&ca, &chain[0], None).await.problem(), "unauthorized");
    other.ready(&ca, &["room-2.corp.test"]).await;
    assert_eq!(other.revoke(&ca, &chain[0], None).await.status, StatusCode::OK);
    // Whoever may not revoke it does not learn that it is revoked.
    let stranger = Device::register(&ca).await;
    assert_eq!(stranger.revoke(&ca, &chain[0], None).await.problem(), "unauthorized");
}

#[tokio::test]
async fn foreign_and_altered_certificates_and_forbidden_reasons_are_refused() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (_, chain) = device.enrol(&ca, &["room-1.corp.test"]).await;
    let mut altered = chain[0].to_vec();
    *altered.last_mut().unwrap() ^= 1;
    for der in [altered.as_slice(), &chain[1], b"garbage"] {
        let reply = device.revoke(&ca, der, None).await;
        assert_eq!((reply.status, reply.problem().as_str()), (StatusCode::NOT_FOUND, "malformed"));
    }
    for reason in [2, 6, 7, 8, 10, 99] {
        let reply = device.revoke(&ca, &chain[0], Some(reason)).await;
        assert_eq!(reply.problem(), "badRevocationReason", "{reason}");
        assert!(reply.json()["detail"].as_str().unwrap().contains("4 (superseded)"));
    }
    assert_eq!(acts(&ca, "revoked").await, 0);
}
