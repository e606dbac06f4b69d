//! OCSP (RFC 6960, RFC 5019, RFC 9654): what is good, revoked and unknown, who signs it, how long it is kept, and what is refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_server::order::model::CertificateStatus;
use ca_server::status::ocsp::renew_all;
use http::{Method, StatusCode};
use rollcall_tests::ca::TestCa;
use rollcall_tests::revocation::fill;
use rollcall_tests::revocation::ocsp::{Hash, Response, Status, request};
use serde::Deserialize;

use crate::support::{PUBLISHED, ask, builder, issuer, post, serial, status};

/// The path of a request.
fn path(request: &[u8]) -> String {
    let text = STANDARD.encode(request).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("/ocsp/external/{text}")
}

#[tokio::test]
async fn a_certificate_is_good_until_it_is_revoked_and_then_at_once_revoked_with_its_reason() {
    let ca = builder().start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    assert_eq!(issued.report().ocsp_urls, [format!("{PUBLISHED}/ocsp/external")]);
    assert_eq!(status(&ca, &issued).await.status(), &Status::Good);
    assert_eq!(status(&ca, &issued).await.status(), &Status::Good, "from the cache");
    let _ = alice.revoke(issued.leaf(), Some(1)).await.expect(StatusCode::OK);
    assert_eq!(status(&ca, &issued).await.status(), &Status::Revoked(Some(1)));
    for hash in [Hash::Sha1, Hash::Sha256] {
        let request = request(&issuer(&ca), &[&serial(&issued)], hash, None);
        for path in [path(&request), format!("/ocsp/external/{}", STANDARD.encode(&request))] {
            let reply = ask(&ca, Method::GET, &path, &[], Vec::new()).await;
            let signed = Response::read(&reply.body, &issuer(&ca)).signed();
            assert_eq!(signed.statuses, [(serial(&issued), Status::Revoked(Some(1)))], "{hash:?}");
        }
    }
    let over_tls =
        ca.http().get(&ca.url(&path(&request(&issuer(&ca), &[&serial(&issued)], Hash::Sha1, None)))).await;
    let signed = Response::read(&over_tls.body, &issuer(&ca)).signed();
    assert_eq!(signed.status(), &Status::Revoked(Some(1)), "the same over TLS");
}

#[tokio::test]
async fn no_reason_is_given_where_none_was() {
    let ca = builder().start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let _ = alice.revoke(issued.leaf(), None).await.expect(StatusCode::OK);
    assert_eq!(status(&ca, &issued).await.status(), &Status::Revoked(None));
}

#[tokio::test]
async fn what_was_never_issued_is_unknown_and_what_was_abandoned_is_revoked() {
    let ca = builder().start().await;
    let now = time::OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(rollcall_tests::ca::START);
    let of = |n, status| {
        let certificate = fill::certificate("external", &issuer(&ca), n, now);
        ca_server::order::model::Certificate { status, ..certificate }
    };
    let (open, abandoned) = (of(1, CertificateStatus::Intended), of(2, CertificateStatus::Abandoned));
    let serials = [open.serial, abandoned.serial];
    fill::insert(&ca.app().store, [open, abandoned]).await.unwrap();
    for (serial, expected) in [
        (&serials[0].as_bytes()[..], Status::Unknown),
        (&serials[1].as_bytes()[..], Status::Revoked(None)),
        (&[0x41; 20][..], Status::Unknown),
        (&[7][..], Status::Unknown),
    ] {
        assert_eq!(post(&ca, &[serial], None).await.signed().status(), &expected, "{serial:x?}");
    }
}

#[tokio::test]
async fn several_certificates_are_answered_together_for_one_request() {
    let ca = builder().start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let signed = post(&ca, &[&serial(&issued), &[7]], None).await.signed();
    assert_eq!(signed.statuses, [(serial(&issued), Status::Good), (vec![7], Status::Unknown)]);
}

#[tokio::test]
async fn an_answer_is_the_same_for_all_until_half_its_life_and_caches_are_told_so() {
    let ca = builder().start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let path = path(&request(&issuer(&ca), &[&serial(&issued)], Hash::Sha1, None));
    let first = ask(&ca, Method::GET, &path, &[], Vec::new()).await.expect(StatusCode::OK);
    assert_eq!(first.header("content-type"), "application/ocsp-response");
    assert_eq!(first.header("cache-control"), "max-age=60, public, no-transform, must-revalidate");
    let tag = first.header("etag").to_owned();
    for (name, value) in [("if-none-match", &*tag), ("if-modified-since", first.header("last-modified"))] {
        let same = ask(&ca, Method::GET, &path, &[(name, value)], Vec::new()).await;
        assert_eq!((same.status, same.body.len()), (StatusCode::NOT_MODIFIED, 0), "{name}");
    }
    ca.clock.advance(time::Duration::hours(5));
    assert_eq!(ask(&ca, Method::GET, &path, &[], Vec::new()).await.body, first.body);
    ca.clock.advance(time::Duration::hours(2));
    let second = ask(&ca, Method::GET, &path, &[], Vec::new()).await;
    assert_ne!(second.body, first.body);
    let times =
        |reply: &rollcall_tests::device::Reply| Response::read(&reply.body, &issuer(&ca)).signed().times;
    assert!(times(&first).0 < times(&second).0 && times(&second).0 < times(&second).1);
    let by_post = ask(&ca, Method::POST, "/ocsp/external", &[], b"0".to_vec()).await;
    assert_eq!(by_post.header("cache-control"), "no-store", "an answer without a signature is not kept");
}

#[tokio::test]
async fn a_nonce_is_ignored_unless_the_operator_wants_it_repeated() {
    let ca = builder().start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    assert_eq!(post(&ca, &[&serial(&issued)], Some(&[9; 32])).await.signed().nonce, None);
    let ca = builder().configure(|config| config.revocation.ocsp_nonce = true).start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    for nonce in [&[1; 1][..], &[9; 32], &[7; 128]] {
        let signed = post(&ca, &[&serial(&issued)], Some(nonce)).await.signed();
        assert_eq!(signed.nonce.as_deref(), Some(nonce));
        assert_eq!(signed.statuses, [(serial(&issued), Status::Good)]);
    }
    for nonce in [&[][..], &[9; 129]] {
        let refused = post(&ca, &[&serial(&issued)], Some(nonce)).await;
        assert_eq!(refused, Response::Failure(1), "{} octets", nonce.len());
    }
}

#[tokio::test]
async fn the_responder_is_renewed_by_itself_and_journalled_as_every_certificate() {
    let ca = builder().start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let first = status(&ca, &issued).await;
    let audit = ca.audit().await;
    assert_eq!(responders(&ca).await, 1, "three authorities here share one issuer");
    assert_eq!(audit.count("intent"), audit.count("issued"));
    ca.clock.advance(time::Duration::days(8));
    assert_eq!(status(&ca, &issued).await.responder, first.responder, "who asks has none issued");
    ca.store_faults.fail_all_commits(true);
    renew_all(ca.app()).await;
    ca.store_faults.fail_all_commits(false);
    assert_eq!(status(&ca, &issued).await.responder, first.responder, "what fails takes nothing away");
    ca.clock.advance(time::Duration::hours(7));
    renew_all(ca.app()).await;
    let second = status(&ca, &issued).await;
    assert_ne!(first.responder, second.responder);
    assert_eq!(responders(&ca).await, 2);
}

/// How many certificates of responders were begun.
async fn responders(ca: &TestCa) -> usize {
    let audit = ca.audit().await;
    audit.of_kind("intent").filter(|act| act["profile"] == "ocsp-responder").count()
}

#[tokio::test]
async fn where_no_responder_is_in_force_one_is_asked_for_once_in_half_a_minute_however_many_ask() {
    let ca = builder().start().await;
    ca.clock.advance(time::Duration::days(15));
    ca.store_faults.fail_all_commits(true);
    assert_eq!(post(&ca, &[&[7]], None).await, Response::Failure(3), "try later");
    ca.store_faults.fail_all_commits(false);
    for _ in 0..3 {
        assert_eq!(post(&ca, &[&[7]], None).await, Response::Failure(3));
    }
    assert_eq!(responders(&ca).await, 1, "the one of the start");
    ca.clock.advance(time::Duration::seconds(31));
    for _ in 0..3 {
        assert_eq!(post(&ca, &[&[7]], None).await.signed().status(), &Status::Unknown);
    }
    assert_eq!(responders(&ca).await, 2);
}

#[tokio::test]
async fn an_issuer_in_its_last_hours_does_not_issue_responders_again_and_again_and_none_after_its_end() {
    let ca = builder().start().await;
    let end = issuer(&ca).not_after();
    ca.clock.advance(end - time::Duration::hours(10) - ca_server::clock::Clock::now(&ca.clock));
    for hour in 0..10 {
        renew_all(ca.app()).await;
        assert_eq!(post(&ca, &[&[7]], None).await.signed().status(), &Status::Unknown, "{hour}");
        assert_eq!(responders(&ca).await, 2, "the one of the start and one to the end: {hour}");
        ca.clock.advance(time::Duration::hours(1));
    }
    renew_all(ca.app()).await;
    assert_eq!(post(&ca, &[&[7]], None).await, Response::Failure(6), "unauthorized: it speaks no more");
    assert_eq!(responders(&ca).await, 2);
}

/// A request as an attacker may send it.
#[derive(Deserialize)]
struct Attack {
    name: String,
    /// Hexadecimal.
    request: String,
    /// `OCSPResponseStatus`.
    answer: u8,
}

#[tokio::test]
async fn attacks_are_answered_without_a_signature() {
    let ca = builder().start().await;
    let attacks: Vec<Attack> = serde_json::from_str(include_str!("attacks.json")).unwrap();
    assert!(attacks.len() >= 10);
    let before = ca.snapshot().await;
    for Attack { name, request, answer } in attacks {
        let octets = data_encoding::HEXLOWER.decode(request.as_bytes()).unwrap();
        let mut ways = vec![("/ocsp/external".to_owned(), Method::POST, octets.clone())];
        if octets.len() < 4096 {
            ways.push((path(&octets), Method::GET, Vec::new()));
        }
        for (path, method, body) in ways {
            let reply = ask(&ca, method.clone(), &path, &[], body).await;
            if octets.is_empty() && method == Method::GET {
                continue;
            }
            assert_eq!(reply.status, StatusCode::OK, "{name} by {method}");
            assert_eq!(
                Response::read(&reply.body, &issuer(&ca)),
                Response::Failure(answer),
                "{name} by {method}"
            );
            assert_eq!(reply.header("cache-control"), "no-store", "{name}");
        }
    }
    assert_eq!(ca.snapshot().await, before);
    for path in ["/ocsp/external/%zz", "/ocsp/external/MA", "/ocsp/external/////"] {
        let reply = ask(&ca, Method::GET, path, &[], Vec::new()).await;
        assert_eq!(Response::read(&reply.body, &issuer(&ca)), Response::Failure(1), "{path}");
    }
}

#[tokio::test]
async fn a_store_that_fails_is_said_and_never_taken_for_good() {
    let ca = builder().start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    assert_eq!(status(&ca, &issued).await.status(), &Status::Good);
    ca.store_faults.fail_reads(true);
    assert_eq!(
        post(&ca, &[&serial(&issued)], None).await,
        Response::Failure(2),
        "a kept answer may be outdated"
    );
    assert_eq!(post(&ca, &[&[0x41; 20]], None).await, Response::Failure(2));
    ca.store_faults.fail_reads(false);
    assert_eq!(status(&ca, &issued).await.status(), &Status::Good);
}

#[tokio::test]
async fn without_ocsp_no_certificate_names_a_responder_and_none_answers() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    assert_eq!(issued.report().ocsp_urls, Vec::<String>::new());
    let request = request(&issuer(&ca), &[&serial(&issued)], Hash::Sha1, None);
    assert_eq!(ca.http().get(&ca.url(&path(&request))).await.status, StatusCode::NOT_FOUND);
    let ca = builder().start().await;
    let reply = ask(&ca, Method::POST, "/ocsp/nobody", &[], request).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
}
