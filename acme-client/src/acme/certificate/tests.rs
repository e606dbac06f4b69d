//! Certificates: what is taken for a chain, alternates, and revocation both ways.

use data_encoding::BASE64;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::acme::script::{Reply, Script, at};

const PEM_CHAIN: &str = "application/pem-certificate-chain";

fn block(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64.encode(der))
}

fn chain() -> String {
    block("CERTIFICATE", b"leaf") + "\n" + &block("CERTIFICATE", b"issuer")
}

#[tokio::test]
async fn a_chain_is_asked_for_by_media_type_and_comes_with_its_alternates() {
    let other = block("CERTIFICATE", b"leaf") + &block("CERTIFICATE", b"other issuer");
    let script = Script::new([
        Reply::raw(200, PEM_CHAIN, chain())
            .with("link", format!("<{}>;rel=\"alternate\"", at("/cert/1/1")))
            .with("link", format!("<{}>;rel=\"index\"", at("/directory"))),
        Reply::raw(200, PEM_CHAIN, other),
    ]);
    let chains = script.account().await.certificate_chains(&at("/cert/1")).await.unwrap();
    assert_eq!(chains.len(), 2);
    assert_eq!(
        chains[0].certificates,
        [CertificateDer::from(&b"leaf"[..]), CertificateDer::from(&b"issuer"[..])]
    );
    assert_eq!(chains[0].pem, chain());
    assert_eq!(chains[1].url, at("/cert/1/1"));
    for seen in script.seen() {
        assert_eq!(seen.headers["accept"], PEM_CHAIN);
        assert!(seen.post_as_get);
    }
}

#[tokio::test]
async fn what_is_no_chain_is_not_taken_for_one() {
    let key = block("CERTIFICATE", b"leaf") + &block("PRIVATE KEY", b"key");
    let cut = chain().get(..chain().len() - 20).unwrap().to_owned();
    let long = block("CERTIFICATE", b"x").repeat(17);
    for (body, why) in [
        (String::new(), ChainError::Empty),
        ("<html>".to_owned(), ChainError::Empty),
        (key, ChainError::NotCertificates),
        (cut, ChainError::NotPem),
        (long, ChainError::TooLong),
    ] {
        let script = Script::new([Reply::raw(200, PEM_CHAIN, body)]);
        let error = script.account().await.certificate(&at("/cert/1")).await.unwrap_err();
        assert!(matches!(&error, CertificateError::Chain { why: found, .. } if *found == why), "{error}");
    }
    let script = Script::new([Reply::raw(200, "application/json", chain())]);
    let error = script.account().await.certificate(&at("/cert/1")).await.unwrap_err();
    assert!(matches!(error, CertificateError::Request(_)), "{error}");
}

#[tokio::test]
async fn revocation_by_account_names_the_certificate_and_the_reason() {
    let script = Script::new([Reply::raw(200, "", ""), Reply::raw(200, "", "")]);
    let account = script.account().await;
    let done = account.revoke(b"\x30\xff", Some(RevocationReason::Superseded)).await.unwrap();
    assert_eq!(done, Revocation::Revoked);
    account.revoke(b"\x30\xff", None).await.unwrap();
    let seen = script.seen();
    assert_eq!(seen[0].payload, json!({"certificate": "MP8", "reason": 4}));
    assert_eq!(seen[1].payload, json!({"certificate": "MP8"}));
    assert_eq!(seen[0].protected["kid"], at("/acct/1").as_str());
}

#[tokio::test]
async fn revocation_by_the_certificate_key_carries_that_key_and_no_account() {
    let script = Script::new([Reply::problem(400, "alreadyRevoked")]);
    let key = JwsKey::generate().unwrap();
    let client = script.client().await;
    let done = client
        .revoke_with_certificate_key(&key, b"\x30", Some(RevocationReason::KeyCompromise))
        .await
        .unwrap();
    assert_eq!(done, Revocation::AlreadyRevoked);
    let seen = &script.seen()[0];
    assert_eq!(seen.protected["jwk"], serde_json::to_value(key.jwk()).unwrap());
    assert!(seen.protected.get("kid").is_none());
}

proptest! {
    #[test]
    fn any_bytes_are_read_as_a_chain_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = parse_chain(&bytes);
    }
}
