//! EST requests that must be refused: each with its status and its reason in words, none with a certificate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certs::inspect::inspect_certificate;
use rcgen::{CertificateParams, DnType, KeyPair};
use rollcall_tests::internal::InternalCa;
use rollcall_tests::internal::est::{Answer, Identity, PKCS10, Wanted, key, request};
use serde_json::json;
use time::Duration;

/// A device with a certificate.
struct Enrolled {
    it: InternalCa,
    key: KeyPair,
    token: String,
    held: rustls_pki_types::CertificateDer<'static>,
    account: String,
}

impl Enrolled {
    async fn new() -> Self {
        let it = InternalCa::start().await;
        it.organisation("Corp").await;
        it.verified_domain("Corp", "corp.test").await;
        it.prefer("Corp", "corp.test").await;
        let key = key();
        let (account, token) = it.activated_for_est("Corp", &key).await;
        let csr = request(&key, &Wanted::default());
        let answer = it.enroll(None, "simpleenroll", Some(&format!("Bearer {token}")), &csr).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let held = answer.certificates()[0].clone();
        Self { it, key, token, held, account }
    }

    fn identity(&self) -> Identity<'_> {
        Identity { certificate: self.held.clone(), key: &self.key }
    }

    /// Re-enrols with the certificate and an unchanged subject.
    async fn again(&self) -> Answer {
        let wanted = Wanted { common_name: Some("corp.test"), ..Wanted::default() };
        self.it.enroll(Some(&self.identity()), "simplereenroll", None, &request(&key(), &wanted)).await
    }

    async fn intents(&self) -> usize {
        self.it.ca.audit().await.count("intent")
    }
}

#[track_caller]
fn assert_refused(what: &str, answer: &Answer, status: u16, reason: &str) {
    assert_eq!(answer.status, status, "{what}: {answer:?}");
    assert!(answer.body.contains(reason), "{what}: {:?} does not say {reason:?}", answer.body);
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"), "{what}");
    assert!(answer.head.len() <= 1024, "{what}: {}", answer.head);
    assert_eq!(answer.header("www-authenticate").is_some(), status == 401, "{what}: {}", answer.head);
}

#[tokio::test]
async fn a_body_that_is_no_request_is_refused_with_the_reason() {
    let device = Enrolled::new().await;
    let good = STANDARD.encode(request(&device.key, &Wanted::default()));
    let der = |wanted: Wanted<'_>| STANDARD.encode(request(&device.key, &wanted));
    let pem = format!("-----BEGIN CERTIFICATE REQUEST-----\n{good}\n-----END CERTIFICATE REQUEST-----\n");
    let more = STANDARD.encode([request(&device.key, &Wanted::default()), vec![0]].concat());
    let mut forged = request(&device.key, &Wanted::default());
    *forged.last_mut().unwrap() ^= 1;
    let password = Some("bind-me");
    let cases = [
        ("no body", String::new(), 400, "empty"),
        ("no base64", "M-A=".to_owned(), 400, "not base64"),
        ("the octets", "0\u{1}\u{2}".to_owned(), 400, "not base64"),
        ("PEM", pem, 400, "PEM"),
        ("no PKCS#10", STANDARD.encode([0x30, 0]), 400, "PKCS#10"),
        ("something behind", more, 400, "1 octets follow"),
        ("another's signature", STANDARD.encode(&forged), 400, "signature"),
        ("a certificate", STANDARD.encode(&device.held), 400, "PKCS#10"),
        ("CA:TRUE", der(Wanted { authority: true, ..Wanted::default() }), 400, "CA certificate"),
        (
            "a password",
            der(Wanted { challenge_password: password, ..Wanted::default() }),
            400,
            "challengePassword",
        ),
        (
            "a critical extension",
            der(Wanted { critical: Some(&[1, 3, 9]), ..Wanted::default() }),
            400,
            "critical",
        ),
        ("another's name", der(Wanted { names: &["boss.test"], ..Wanted::default() }), 400, "boss.test"),
        (
            "another's common name",
            der(Wanted { common_name: Some("boss.test"), ..Wanted::default() }),
            400,
            "boss.test",
        ),
        ("a huge body", "A".repeat(200_000), 413, "octets"),
    ];
    let before = device.intents().await;
    let authorization = format!("Bearer {}", device.token);
    for (what, body, status, reason) in cases {
        let headers = [PKCS10, ("Authorization", authorization.as_str())];
        let answer =
            device.it.est(None, "POST /.well-known/est/simpleenroll", &headers, body.as_bytes()).await;
        assert_refused(what, &answer, status, reason);
    }
    let headers = [("Content-Type", "application/json"), ("Authorization", authorization.as_str())];
    let answer = device.it.est(None, "POST /.well-known/est/simpleenroll", &headers, good.as_bytes()).await;
    assert_refused("another type", &answer, 415, "application/pkcs10");
    assert_eq!(device.intents().await, before);
    // An empty password is none (RFC 7030 §3.5).
    let empty = request(&device.key, &Wanted { challenge_password: Some(""), ..Wanted::default() });
    let answer = device.it.enroll(None, "simpleenroll", Some(&authorization), &empty).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn without_a_good_token_the_answer_says_which_kinds_are_taken() {
    let device = Enrolled::new().await;
    let csr = request(&device.key, &Wanted::default());
    let other = request(&key(), &Wanted::default());
    let bearer = format!("Bearer {}", device.token);
    let jwt = "Bearer eyJhbGciOiJub25lIn0.e30.";
    let unknown = format!("Bearer rd_{}", "A".repeat(43));
    let before = device.intents().await;
    for (what, authorization, csr, status, reason) in [
        ("none", None, &csr, 401, "no access token"),
        ("a scheme that is not known", Some("Digest a=b"), &csr, 401, "no access token"),
        ("a password in no base64", Some("Basic !"), &csr, 401, "not base64"),
        ("a token that nobody issued", Some(unknown.as_str()), &csr, 401, "not known"),
        ("alg none", Some(jwt), &csr, 401, "none"),
        ("another key than the token's", Some(bearer.as_str()), &other, 403, "another key"),
    ] {
        let answer = device.it.enroll(None, "simpleenroll", authorization, csr).await;
        assert_refused(what, &answer, status, reason);
        if status == 401 {
            assert!(answer.head.contains("Bearer realm=") && answer.head.contains("Basic realm="), "{what}");
        }
    }
    // A certificate in TLS is no token, and a token no certificate.
    let answer = device.it.enroll(Some(&device.identity()), "simpleenroll", None, &csr).await;
    assert_refused("a certificate at simpleenroll", &answer, 401, "no access token");
    let answer = device.it.enroll(None, "simplereenroll", Some(&bearer), &csr).await;
    assert_refused("a token at simplereenroll", &answer, 403, "TLS client certificate");
    let answer = device.it.enroll(None, "external/simpleenroll", Some(&bearer), &csr).await;
    assert_refused("the other authority", &answer, 404, "over ACME");
    assert_eq!(device.intents().await, before);
}

#[tokio::test]
async fn other_names_than_the_certificates_are_refused_at_re_enrolment() {
    let device = Enrolled::new().await;
    let before = device.intents().await;
    let account = device.account.as_str();
    let subject = "is not the certificate's";
    for (what, common_name, names, reason) in [
        ("no subject", None, &[][..], subject),
        ("another subject", Some("boss.test"), &[][..], subject),
        ("other names", Some("corp.test"), &["boss.test"][..], "subject alternative names"),
        ("fewer names", Some("corp.test"), &[account][..], "subject alternative names"),
        (
            "more names",
            Some("corp.test"),
            &[account, "corp.test", "boss.test"][..],
            "subject alternative names",
        ),
    ] {
        let csr = request(&key(), &Wanted { common_name, names, ..Wanted::default() });
        let answer = device.it.enroll(Some(&device.identity()), "simplereenroll", None, &csr).await;
        assert_refused(what, &answer, 400, reason);
    }
    assert_eq!(device.intents().await, before);
    assert_eq!(device.it.ca.audit().await.count("refused"), 5);
}

#[tokio::test]
async fn an_account_with_new_names_enrols_anew_with_its_token() {
    let device = Enrolled::new().await;
    device.it.ca.dns.add_zone("new.test");
    device.it.verified_domain("Corp", "new.test").await;
    device.it.prefer("Corp", "new.test").await;
    let answer = device.again().await;
    assert_refused("renamed", &answer, 403, "the account is now");
    assert!(answer.body.contains("new.test"), "{}", answer.body);
    let csr = request(&device.key, &Wanted::default());
    let answer =
        device.it.enroll(None, "simpleenroll", Some(&format!("Bearer {}", device.token)), &csr).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_certificate_that_is_over_or_revoked_enrols_nobody() {
    let device = Enrolled::new().await;
    assert_eq!(device.again().await.status, 200);
    let serial = inspect_certificate(&device.held).unwrap().serial;
    device.it.tell(&format!("/certificates/{serial}/revoke"), json!({"reason": 0})).await;
    assert_refused("revoked", &device.again().await, 403, "in force");

    let device = Enrolled::new().await;
    device.it.ca.clock.advance(Duration::days(8));
    assert_refused("expired", &device.again().await, 403, "in force");
}

#[tokio::test]
async fn a_deactivated_account_enrols_nobody() {
    let device = Enrolled::new().await;
    let id = device.account.trim_start_matches("urn:uuid:").to_owned();
    device.it.tell(&format!("/devices/{id}/deactivate"), json!({})).await;
    assert_refused("deactivated", &device.again().await, 403, "deactivated");
    assert_eq!(device.intents().await, 1);
}

#[tokio::test]
async fn certificates_of_others_enrol_nobody() {
    let device = Enrolled::new().await;
    // One with the very names, of an authority that anybody can make.
    let forger = key();
    let mut parameters = CertificateParams::new(vec!["corp.test".to_owned()]).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, "corp.test");
    let forged = parameters.self_signed(&forger).unwrap().der().clone();
    let identity = Identity { certificate: forged, key: &forger };
    let wanted = Wanted { common_name: Some("corp.test"), ..Wanted::default() };
    let answer = device.it.enroll(Some(&identity), "simplereenroll", None, &request(&forger, &wanted)).await;
    assert_refused("self-signed", &answer, 403, "not one of this authority");
    // A person's: people show a token.
    let key = key();
    let token = format!("Bearer {}", device.it.issuer.token(&device.it.claims("alice")));
    let csr = request(&key, &Wanted::default());
    let answer = device.it.enroll(None, "simpleenroll", Some(&token), &csr).await;
    let identity = Identity { certificate: answer.certificates()[0].clone(), key: &key };
    let answer = device.it.enroll(Some(&identity), "simplereenroll", None, &csr).await;
    assert_refused("a person's", &answer, 403, "only devices");
    // Who shows a stranger's certificate can still read what is everybody's.
    let answer = device.it.est(Some(&identity), "GET /.well-known/est/cacerts", &[], b"").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn what_is_none_of_its_operations_is_refused_in_text_under_each_form_of_the_path() {
    let it = InternalCa::start().await;
    for (line, status, reason) in [
        ("GET /.well-known/est", 404, "EST offers cacerts"),
        ("GET /.well-known/est/", 404, "EST offers cacerts"),
        ("POST /.well-known/est/serverkeygen", 404, "EST offers cacerts"),
        ("POST /.well-known/est/internal/fullcmc", 404, "EST offers cacerts"),
        ("GET /internal/.well-known/est/CACerts", 404, "EST offers cacerts"),
        ("GET /.well-known/est/a/b/c", 404, "EST offers cacerts"),
        ("GET /.well-known/est/simpleenroll", 405, "GET is not allowed"),
        ("POST /.well-known/est/internal/cacerts", 405, "POST is not allowed"),
        ("DELETE /internal/.well-known/est/csrattrs", 405, "DELETE is not allowed"),
    ] {
        let answer = it.est(None, line, &[], b"").await;
        assert_refused(line, &answer, status, reason);
        assert_eq!(answer.header("allow").is_some(), status == 405, "{line}: {}", answer.head);
    }
    // Beside EST the form stays as it is.
    for line in ["GET /.well-known/estate", "GET /internal/certificates"] {
        let answer = it.est(None, line, &[], b"").await;
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{line}: {answer:?}");
    }
}
