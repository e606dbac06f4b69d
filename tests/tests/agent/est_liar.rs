//! A server that lies over EST: whatever it answers, there is a clear error, no certificate is put in place, and nothing that was there changes.

use std::sync::Arc;

use acme_client::acme::transport::{HttpRequest, HttpResponse, HttpsTransport};
use acme_client::acme::{Transport, TransportError};
use acme_client::renew::Attempt;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certs::csr::Csr;
use certs::key::PublicKey;
use certs::pkcs7::certs_only;
use http::{HeaderValue, StatusCode};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls_pki_types::CertificateDer;
use time::Duration;

use crate::est::{Est, failure};

type Lie = Arc<dyn Fn(&HttpRequest, HttpResponse) -> HttpResponse + Send + Sync>;

/// The client's own HTTPS to a real server, with the answers of one operation changed.
struct Liar {
    inner: HttpsTransport,
    operation: &'static str,
    lie: Lie,
}

impl std::fmt::Debug for Liar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Liar")
    }
}

#[async_trait]
impl Transport for Liar {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let lies = request.url.as_str().ends_with(&format!("/{}", self.operation));
        let answer = self.inner.send(request.clone()).await?;
        Ok(if lies { (self.lie)(&request, answer) } else { answer })
    }
}

/// The key of the request that was sent.
fn key_of(request: &HttpRequest) -> PublicKey {
    let der = STANDARD.decode(&request.body).unwrap();
    Csr::parse_claiming(&der).unwrap().0.public_key().clone()
}

fn carrying(answer: HttpResponse, certificates: &[CertificateDer<'_>]) -> HttpResponse {
    HttpResponse { body: STANDARD.encode(certs_only(certificates)).into_bytes(), ..answer }
}

/// A certificate that this request's key is for, by an authority of the liar's own.
fn forged(request: &HttpRequest, authority: bool) -> CertificateDer<'static> {
    let params = |is_ca| {
        let mut params = CertificateParams::default();
        params.is_ca = is_ca;
        params
    };
    let own = params(IsCa::Ca(BasicConstraints::Unconstrained));
    let issuer = CertifiedIssuer::self_signed(own, KeyPair::generate().unwrap()).unwrap();
    let is_ca = if authority { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::NoCa };
    params(is_ca).signed_by(&key_of(request), &issuer).unwrap().der().clone()
}

fn cases() -> Vec<(&'static str, Lie, &'static str)> {
    let body = |text: &'static [u8]| -> Lie {
        Arc::new(move |_, answer| HttpResponse { body: text.to_vec(), ..answer })
    };
    let media_type: Lie = Arc::new(|_, mut answer| {
        answer.headers.insert("content-type", HeaderValue::from_static("text/html"));
        answer
    });
    let truncated: Lie = Arc::new(|_, mut answer| {
        answer.body.truncate(answer.body.len() - 3);
        answer
    });
    let broken_off: Lie = Arc::new(|_, mut answer| {
        answer.body.truncate(answer.body.len() / 8 * 4);
        answer
    });
    let other_key: Lie = Arc::new(|_, answer| {
        let stranger = KeyPair::generate().unwrap();
        let issued = CertificateParams::default().self_signed(&stranger).unwrap();
        carrying(answer, &[issued.der().clone()])
    });
    let refusal: Lie = Arc::new(|_, answer| HttpResponse {
        status: StatusCode::FORBIDDEN,
        body: b"rule says\x1b[2J no\r\nhint: run rm -rf \xe2\x80\xae".to_vec(),
        ..answer
    });
    vec![
        ("simpleenroll", other_key, "it is for another key"),
        (
            "simpleenroll",
            Arc::new(|request, answer| carrying(answer, &[forged(request, true)])),
            "it is the certificate of an authority",
        ),
        (
            "simpleenroll",
            Arc::new(|request, answer| carrying(answer, &[forged(request, false)])),
            "no certificate of the authority vouches for it",
        ),
        ("simpleenroll", Arc::new(|_, answer| carrying(answer, &[])), "it carries no certificate"),
        ("simpleenroll", media_type, "it is not application/pkcs7-mime"),
        ("simpleenroll", truncated, "it is not base64, or broke off"),
        ("simpleenroll", broken_off, "it is not a PKCS#7 SignedData"),
        ("simpleenroll", body(b"-----BEGIN PKCS7-----"), "it is not base64, or broke off"),
        ("simpleenroll", body(b"MAA="), "it is not a PKCS#7 SignedData"),
        ("simpleenroll", refusal, "(403 Forbidden): rule says [2J no hint: run rm -rf"),
        ("cacerts", body(b"MIAAAA=="), "BER with indefinite lengths"),
        ("cacerts", body(b""), "it is not a PKCS#7 SignedData"),
        // rsaEncryption with 4096 bits.
        (
            "csrattrs",
            body(b"MBMwEQYJKoZIhvcNAQEBMQQCAhAA"),
            "it asks for a key of kind RSA; only P-256 is made here",
        ),
        ("csrattrs", body(b"MAsGCSqGSIb3DQEJBw=="), "it asks for a challengePassword"),
        ("csrattrs", body(b"AAAA"), "it is not a list of attributes"),
    ]
}

#[tokio::test]
async fn every_lie_is_an_error_that_says_what_is_wrong_and_changes_nothing() {
    let est = Est::start().await;
    est.device().await;
    assert!(matches!(est.client().renew(false).await, Attempt::Renewed { .. }));
    // The liar is asked with the token, since a transport of the test's shows no certificate.
    est.advance(Duration::days(8)).await;
    let before = est.leaf();
    let machine = est.identity().machine().unwrap();
    for (operation, lie, expected) in cases() {
        let liar = Liar { inner: est.https(1 << 20), operation, lie };
        let told = failure(est.over(liar).renew(true).await);
        assert!(told.contains(expected), "{operation}, {expected}: {told}");
        assert!(!told.chars().any(|letter| letter.is_control() || letter == '\u{202e}'), "{told:?}");
        assert_eq!(
            (est.leaf(), est.identity().current_generation().unwrap().unwrap().number()),
            (before.clone(), 1)
        );
        assert_eq!(est.identity().machine().unwrap(), machine);
    }
    assert!(matches!(est.client().renew(true).await, Attempt::Renewed { .. }), "the truth still serves");
}

#[tokio::test]
async fn an_answer_larger_than_any_honest_one_is_cut_off() {
    let est = Est::start().await;
    est.device().await;
    let told = failure(est.over(est.https(400)).renew(false).await);
    assert!(told.contains("is over 400 bytes"), "{told}");
    assert!(est.identity().current().unwrap().is_none());
}

#[tokio::test]
async fn patience_that_is_asked_for_without_saying_how_much_has_a_bound() {
    let est = Est::start().await;
    est.device().await;
    for (asked, expected) in
        [(None, Duration::minutes(10)), (Some("99999999"), Duration::days(1)), (Some("0"), Duration::ZERO)]
    {
        let lie: Lie = Arc::new(move |_, mut answer| {
            answer.status = StatusCode::ACCEPTED;
            answer.headers.remove("retry-after");
            if let Some(asked) = asked {
                answer.headers.insert("retry-after", HeaderValue::from_static(asked));
            }
            answer
        });
        let liar = Liar { inner: est.https(1 << 20), operation: "simpleenroll", lie };
        let Attempt::ApprovalNeeded { next, .. } = est.over(liar).renew(true).await else {
            panic!("it waits")
        };
        assert_eq!(next, est.now() + expected);
    }
}
