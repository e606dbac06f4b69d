//! EST (RFC 7030) as clients see it: what everybody may read, enrolment on a token in each of its forms, re-enrolment with the certificate in use.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_server::ids::AuthorityName;
use certs::inspect::inspect_certificate;
use certs::issuer::Issuer;
use rollcall_tests::internal::est::{Answer, Identity, Wanted, key, request};
use rollcall_tests::internal::{InternalCa, chain};

/// What a client with small buffers needs of every answer.
fn assert_small_and_whole(answer: &Answer) {
    assert!(answer.head.len() <= 1024, "{} octets of head:\n{}", answer.head.len(), answer.head);
    assert!(answer.head.starts_with("HTTP/1.1 "), "{}", answer.head);
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()), "{answer:?}");
    assert_eq!(answer.header("transfer-encoding"), None);
    assert!(!answer.body.contains(['\r', '\n']), "one line: {}", answer.body);
}

#[tokio::test]
async fn the_authorities_certificates_are_everybodys_under_each_form_of_the_path() {
    let it = InternalCa::start().await;
    for path in [
        "/.well-known/est/cacerts",
        "/.well-known/est/internal/cacerts",
        "/internal/.well-known/est/cacerts",
        "/.well-known/est/external/cacerts",
    ] {
        let answer = it.est(None, &format!("GET {path}"), &[], b"").await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_small_and_whole(&answer);
        assert_eq!(answer.header("content-type"), Some("application/pkcs7-mime"));
        assert_eq!(answer.header("content-transfer-encoding"), Some("base64"));
        let given = answer.certificates();
        assert_eq!(given[0], chain(it.ca.root_pem())[0], "the root first");
        assert!(given.len() >= 2, "and the intermediate");
    }
    for path in ["/.well-known/est/nobody/cacerts", "/nobody/.well-known/est/cacerts"] {
        let answer = it.est(None, &format!("GET {path}"), &[], b"").await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    }
}

#[tokio::test]
async fn the_attributes_say_p256_and_sha256_and_belong_to_the_authority_that_enrols() {
    let it = InternalCa::start().await;
    let answer = it.est(None, "GET /.well-known/est/csrattrs", &[], b"").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/csrattrs")));
    assert_small_and_whole(&answer);
    let expected = "MCEwFQYHKoZIzj0CATEKBggqhkjOPQMBBwYIKoZIzj0EAwI=";
    assert_eq!(answer.body, expected);
    let answer = it.est(None, "GET /.well-known/est/external/csrattrs", &[], b"").await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("external enrols over ACME"), "{}", answer.body);
}

#[tokio::test]
async fn a_device_enrols_on_its_token_however_it_is_sent() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let key = key();
    let (account, token) = it.activated_for_est("Corp", &key).await;
    let csr = request(&key, &Wanted::default());
    for authorization in [
        format!("Bearer {token}"),
        format!("Bearer {}", STANDARD.encode(&token)),
        format!("Basic {}", STANDARD.encode(format!(":{token}"))),
        format!("Basic {}", STANDARD.encode(format!("room-1:{token}"))),
    ] {
        let before = it.ca.audit().await;
        let answer = it.enroll(None, "simpleenroll", Some(&authorization), &csr).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_small_and_whole(&answer);
        assert_eq!(answer.header("content-type"), Some("application/pkcs7-mime; smime-type=certs-only"));
        let issued = answer.certificates();
        assert_eq!(issued.len(), 1, "only the certificate that was issued");
        assert_eq!(inspect_certificate(&issued[0]).unwrap().names, [format!("uri:{account}")]);
        let after = it.ca.audit().await;
        assert_eq!(after.count("intent"), before.count("intent") + 1);
        assert_eq!(after.count("issued"), before.count("issued") + 1);
    }
}

#[tokio::test]
async fn a_person_enrols_on_an_access_token() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    it.verified_domain("Corp", "corp.test").await;
    let token = it.token("alice", "alice@corp.test");
    let authorization = format!("Bearer {token}");
    let answer = it
        .enroll(None, "internal/simpleenroll", Some(&authorization), &request(&key(), &Wanted::default()))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let names = inspect_certificate(&answer.certificates()[0]).unwrap().names;
    assert!(names.contains(&"email:alice@corp.test".to_owned()), "{names:?}");
}

#[tokio::test]
async fn a_device_enrols_again_with_its_certificate_for_the_same_key_and_for_a_new_one() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    it.verified_domain("Corp", "corp.test").await;
    it.prefer("Corp", "corp.test").await;
    let first = key();
    let (account, token) = it.activated_for_est("Corp", &first).await;
    let authorization = format!("Bearer {token}");
    let answer =
        it.enroll(None, "simpleenroll", Some(&authorization), &request(&first, &Wanted::default())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let held = Identity { certificate: answer.certificates()[0].clone(), key: &first };
    let second = key();
    let names = ["corp.test", account.as_str()];
    let same = Wanted { common_name: Some("corp.test"), names: &names, ..Wanted::default() };
    let bare = Wanted { common_name: Some("corp.test"), ..Wanted::default() };
    for (key, wanted) in [(&first, &same), (&second, &same), (&second, &bare)] {
        let answer = it.enroll(Some(&held), "simplereenroll", None, &request(key, wanted)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_small_and_whole(&answer);
        let old = inspect_certificate(&held.certificate).unwrap();
        let new = inspect_certificate(&answer.certificates()[0]).unwrap();
        assert_eq!((&new.names, &new.subject), (&old.names, &old.subject));
        assert_ne!(new.serial, old.serial);
    }
    // The new certificate serves for the next time, and needs no token.
    let answer = it.enroll(Some(&held), "simplereenroll", None, &request(&second, &same)).await;
    let next = Identity { certificate: answer.certificates()[0].clone(), key: &second };
    let answer = it.enroll(Some(&next), "simplereenroll", None, &request(&key(), &same)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn tls_asks_for_certificates_of_every_chain_that_cacerts_gives() {
    let it = InternalCa::start_with(|config| {
        let external = &config.authority[&"external".parse::<AuthorityName>().unwrap()];
        let chains = external.alternate_chains.clone();
        config.authority.get_mut(&config.internal.authority.clone()).unwrap().alternate_chains = chains;
    })
    .await;
    let given = it.est(None, "GET /.well-known/est/cacerts", &[], b"").await.certificates();
    assert!(given.len() >= 3, "root, issuer, and the other chain: {}", given.len());
    let asked = it.asked_for().await;
    for certificate in given {
        let subject = Issuer::from_chain(vec![certificate]).unwrap().subject_der().to_vec();
        assert!(asked.contains(&subject), "clients with a chain to it would show nothing");
    }
}
