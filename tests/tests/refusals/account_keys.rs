//! Account keys that are not taken: unsupported, weak, off their curve, or sent with their private part.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rollcall_tests::ca::TestCa;
use rollcall_tests::device::AccountKey;
use serde_json::{Value, json};

use crate::support::{assert_helpful, assert_unchanged};

fn with(jwk: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut changed = jwk.clone();
    changed[name] = value.into();
    changed
}

/// An RSA key of this many octets; nobody has its private part.
fn rsa(octets: usize) -> Value {
    let mut modulus = vec![0xc3; octets];
    modulus[octets - 1] |= 1;
    json!({"kty": "RSA", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode(modulus)})
}

/// Key, algorithm claimed, name of the case, what the refusal must speak of.
fn cases() -> Vec<(Value, &'static str, &'static str, &'static str)> {
    let good = AccountKey::p256().jwk();
    let zero = URL_SAFE_NO_PAD.encode([0_u8; 32]);
    vec![
        (rsa(128), "RS256", "RSA of 1024 bits", "1024"),
        (rsa(255), "RS256", "RSA of 2040 bits", "2040"),
        (rsa(1024), "RS256", "RSA of 8192 bits", "8192"),
        (with(&rsa(256), "e", "AQ"), "RS256", "RSA with exponent 1", "exponent"),
        (with(&good, "d", "AAAA"), "ES256", "a private key", "private"),
        (with(&good, "x", zero.as_str()), "ES256", "a point off the curve", "curve"),
        (with(&good, "x", "AAAA"), "ES256", "a short coordinate", "`x`"),
        (with(&good, "y", Value::Null), "ES256", "half a point", "`y`"),
        (with(&good, "crv", "P-521"), "ES256", "another curve", "P-256"),
        (with(&good, "crv", "secp256k1"), "ES256", "a curve of coins", "P-256"),
        (with(&good, "kty", "oct"), "ES256", "a secret key", "type"),
        (json!({"kty": "oct", "k": "AAAA"}), "ES256", "a MAC key", "private"),
        (json!({}), "ES256", "no key at all", "kty"),
    ]
}

#[tokio::test]
async fn every_bad_key_is_refused_with_what_is_wrong_with_it() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let stranger = ca.stranger("external", "stranger");
    let url = stranger.resource("new-account");
    let before = ca.snapshot().await;
    for (jwk, alg, what, word) in cases() {
        let draft = stranger.draft(&url, &json!({})).header("jwk", jwk).header("alg", alg);
        let problem = draft.send().await.problem();
        assert_eq!(
            (problem.status, problem.kind.as_str()),
            (400, "badPublicKey"),
            "{what}: {}",
            problem.document
        );
        assert!(problem.detail.contains(word), "{what}: {:?} does not speak of {word:?}", problem.detail);
        assert_helpful(&alice, &problem, what).await;
    }
    assert_unchanged(&ca, &before, "a refused key").await;
}

#[tokio::test]
async fn contacts_are_refused_one_by_one() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let cases = [
        (json!(["mailto:a@corp.test,b@corp.test"]), "invalidContact"),
        (json!(["mailto:a@corp.test?subject=x"]), "invalidContact"),
        (json!(["mailto:"]), "invalidContact"),
        (json!(["https://corp.test/contact"]), "unsupportedContact"),
        (json!(["mailto:a@corp.test", "tel:+1"]), "unsupportedContact"),
        (json!(vec!["mailto:a@corp.test"; 11]), "invalidContact"),
        (json!("mailto:a@corp.test"), "malformed"),
        (json!([1]), "malformed"),
    ];
    let before = ca.snapshot().await;
    for (contact, kind) in cases {
        let problem = alice.post(alice.url(), &json!({"contact": contact})).await.problem();
        assert_eq!(problem.kind, kind, "{contact}");
        assert_helpful(&alice, &problem, &contact.to_string()).await;
    }
    assert_unchanged(&ca, &before, "a refused contact").await;
}

#[tokio::test]
async fn a_status_that_an_account_cannot_take_changes_nothing() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let before = ca.snapshot().await;
    for status in ["revoked", "valid", "pending", ""] {
        let reply = alice.post(alice.url(), &json!({"status": status})).await;
        assert_eq!(reply.json()["status"], "valid", "RFC 8555 section 7.3.2 ignores {status:?}: {reply}");
    }
    assert_eq!(ca.snapshot().await, before);
}
