//! An issuer that was replaced: its list and its OCSP answers go on for its certificates, beside those of the one that issues now.

use ca_server::config::Config;
use ca_server::status::retire::{Looked, look};
use certs::verdict::Reason;
use http::{Method, StatusCode};
use rollcall_tests::ca::TestCa;
use rollcall_tests::revocation::fill;
use rollcall_tests::revocation::ocsp::{Response, Status};
use time::OffsetDateTime;

use crate::support::{ask, builder, issuer, judged, list, number, post_about, serial};

#[tokio::test]
async fn lists_and_answers_of_a_replaced_issuer_go_on_and_those_of_the_new_one_are_there_at_once() {
    let ca = builder().start().await;
    let alice = ca.register("alice").await;
    let early = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let kept = alice.issue(&ca.dns, &["room-2.corp.test"]).await;
    let old = ca.replace_issuer().await;
    let late = alice.issue(&ca.dns, &["room-3.corp.test"]).await;
    let new = issuer(&ca);
    let lists = [&early, &late].map(|issued| issued.report().crl_urls[0].clone());
    assert_ne!(lists[0], lists[1]);
    for (issued, by) in [(&early, &old), (&kept, &old), (&late, &new)] {
        let said = post_about(&ca, by, &[&serial(issued)], None).await.signed();
        assert_eq!(said.status(), &Status::Good);
    }
    let crossed = post_about(&ca, &new, &[&serial(&early)], None).await.signed();
    assert_eq!(crossed.status(), &Status::Unknown, "the new one never signed it");

    let _ = alice.revoke(early.leaf(), Some(1)).await.expect(StatusCode::OK);
    let said = post_about(&ca, &old, &[&serial(&early)], None).await.signed();
    assert_eq!(said.status(), &Status::Revoked(Some(1)));
    let (of_old, of_new) = (list(&ca, &lists[0]).await, list(&ca, &lists[1]).await);
    assert_eq!(judged(&ca, &early, &of_old), Some(Reason::Revoked));
    assert_eq!((judged(&ca, &kept, &of_old), judged(&ca, &late, &of_new)), (None, None));
    assert_eq!(
        list(&ca, "/crl/external.crl").await.body,
        of_new.body,
        "the name of the authority is the present one's"
    );

    // Both are signed on, each with its own numbers.
    ca.clock.advance(time::Duration::hours(13));
    ca_server::status::lists::renew_all(ca.app()).await;
    for (url, before) in [(&lists[0], &of_old), (&lists[1], &of_new)] {
        assert!(number(&list(&ca, url).await) > number(before));
    }
}

#[tokio::test]
async fn certificates_go_on_naming_shards_after_the_files_were_read_again() {
    let ca = builder().configure(|config| config.revocation.list_entries = 100).start().await;
    let now = OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(rollcall_tests::ca::START);
    let made = (0..101).map(|n| fill::revoked(fill::certificate("external", &issuer(&ca), n, now), now));
    fill::insert(&ca.app().store, made).await.unwrap();
    ca_server::status::lists::renew_all(ca.app()).await;
    ca.app().reload_authorities().await.unwrap();
    let alice = ca.register_at("unbound", "alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    assert!(issued.report().crl_urls[0].ends_with("-of-16.crl"), "whichever authority of the issuer it is");
    ca.replace_issuer().await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    assert!(!issued.report().crl_urls[0].contains("-of-"), "the list of a new issuer is short");
}

/// How an issuer stands, as `GET /authorities` tells the operator.
fn is_retired(ca: &TestCa, id: &str) -> bool {
    ca.app().authorities.retired(id).is_some()
}

#[tokio::test]
async fn an_issuer_retires_by_itself_once_its_last_certificate_has_ended_and_not_before() {
    let configure = |config: &mut Config| config.metrics_listen = Some("127.0.0.1:0".parse().unwrap());
    let ca = builder().configure(configure).sled().start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let url = issued.report().crl_urls[0].clone();
    let old = ca.replace_issuer().await;
    let id = data_encoding::HEXLOWER.encode(old.subject_key_identifier());
    let end = issued.report().not_after;
    let mut looked = Looked::default();
    // Its responder's certificate lives twice as long, and does not count.
    let answer = async |ca: &TestCa| post_about(ca, &old, &[&serial(&issued)], None).await;
    for (at, over) in [(end - time::Duration::hours(1), false), (end + time::Duration::hours(23), false)] {
        ca.clock.advance(at - ca_server::clock::Clock::now(&ca.clock));
        look(ca.app(), &mut looked).await.unwrap();
        assert_eq!(is_retired(&ca, &id), over, "{at}");
        assert_eq!(answer(&ca).await.signed().status(), &Status::Good);
        assert_eq!(ask(&ca, Method::GET, &url, &[], Vec::new()).await.status, StatusCode::OK, "{at}");
    }
    let shown = async |name: &str| {
        let url = format!("http://{}/metrics", ca.running().metrics_address().unwrap());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let text = client.get(url).send().await.unwrap().text().await.unwrap();
        let begin = format!("{name}{{issuer=\"{id}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&begin).map(str::to_owned)).unwrap_or_default()
    };
    let times = [
        "rollcall_revocation_list_this_update_seconds",
        "rollcall_revocation_list_next_update_seconds",
        "rollcall_ocsp_responder_not_after_seconds",
    ];
    for name in times {
        assert!(shown(name).await.parse::<f64>().is_ok_and(f64::is_finite), "{name}");
    }
    ca.clock.advance(time::Duration::hours(2));
    look(ca.app(), &mut looked).await.unwrap();
    assert!(is_retired(&ca, &id));
    for name in times {
        assert_eq!(shown(name).await, "NaN", "{name}: no alert for what nobody signs any more");
    }
    assert_eq!(answer(&ca).await, Response::Failure(6), "unauthorized: nobody answers for it");
    assert_eq!(ask(&ca, Method::GET, &url, &[], Vec::new()).await.status, StatusCode::NOT_FOUND);
    let certificate = ask(&ca, Method::GET, &format!("/issuer/{id}.crt"), &[], Vec::new()).await;
    assert_eq!(certificate.status, StatusCode::OK, "its certificate may be looked at for ever");
    let retirements = async |ca: &TestCa| {
        let audit = ca.audit().await;
        audit.of_kind("operation").filter(|act| act["what"].as_str().unwrap().contains("retired")).count()
    };
    assert_eq!(retirements(&ca).await, 1);

    let ca = ca.restart().await;
    assert!(is_retired(&ca, &id), "it stays so");
    look(ca.app(), &mut Looked::default()).await.unwrap();
    assert_eq!(retirements(&ca).await, 1, "and is told of once");
    assert!(ca.app().authorities.issuers().all(|issuer| issuer.issuer_id() != id));
}

#[tokio::test]
async fn a_retired_issuer_whose_files_take_their_place_again_is_in_service_again() {
    let ca = builder().start().await;
    let old = ca.replace_issuer().await;
    let id = data_encoding::HEXLOWER.encode(old.subject_key_identifier());
    look(ca.app(), &mut Looked::default()).await.unwrap();
    assert!(is_retired(&ca, &id), "it never issued anything");
    for (from, to) in [(".pem", "issuing.pem"), (".key.pem", "issuing.key")] {
        std::fs::copy(ca.folder().join(format!("replaced/{id}{from}")), ca.folder().join(to)).unwrap();
    }
    ca.app().reload_authorities().await.unwrap();
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    assert_eq!(post_about(&ca, &old, &[&serial(&issued)], None).await.signed().status(), &Status::Good);
    look(ca.app(), &mut Looked::default()).await.unwrap();
    assert_eq!(judged(&ca, &issued, &list(&ca, &issued.report().crl_urls[0]).await), None);
    ca.replace_issuer().await;
    look(ca.app(), &mut Looked::default()).await.unwrap();
    assert!(!is_retired(&ca, &id), "now it has a certificate out");
}

/// Entries of the journal about a retirement that was taken back.
async fn taken_back(ca: &TestCa, why: &str) -> usize {
    let audit = ca.audit().await;
    audit.of_kind("operation").filter(|act| act["what"].as_str().unwrap().contains(why)).count()
}

#[tokio::test]
async fn a_clock_that_was_ahead_retires_nobody_for_good() {
    let ca = builder().sled().start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let old = ca.replace_issuer().await;
    let id = data_encoding::HEXLOWER.encode(old.subject_key_identifier());
    let url = issued.report().crl_urls[0].clone();
    let ahead = time::Duration::days(100);
    for time in ["first", "second"] {
        ca.clock.advance(ahead);
        look(ca.app(), &mut Looked::default()).await.unwrap();
        assert!(is_retired(&ca, &id), "{time}");
        ca.clock.advance(-ahead);
        look(ca.app(), &mut Looked::default()).await.unwrap();
        assert!(!is_retired(&ca, &id), "{time}");
        assert_eq!(judged(&ca, &issued, &list(&ca, &url).await), None);
    }
    assert_eq!(taken_back(&ca, "the clock was ahead").await, 2);
    ca.clock.advance(ahead);
    look(ca.app(), &mut Looked::default()).await.unwrap();
    ca.clock.advance(-ahead);
    let ca = ca.restart().await;
    assert!(!is_retired(&ca, &id), "nor does the next start believe it");
    assert_eq!(taken_back(&ca, "the clock was ahead").await, 3);
    assert_eq!(judged(&ca, &issued, &list(&ca, &url).await), None);
}

#[tokio::test]
async fn an_issuer_that_retired_although_it_has_certificates_is_found_out_by_the_next_start() {
    let ca = builder().start().await;
    let old = ca.replace_issuer().await;
    let id = data_encoding::HEXLOWER.encode(old.subject_key_identifier());
    let mut looked = Looked::default();
    look(ca.app(), &mut looked).await.unwrap();
    assert!(is_retired(&ca, &id));
    let now = ca_server::clock::Clock::now(&ca.clock);
    let holder = ca_server::ids::AccountId::fresh(now).unwrap();
    let left = fill::certificate("external", &old, 1, now);
    let left = ca_server::order::model::Certificate { account: Some(holder), ..left };
    fill::insert(&ca.app().store, [left]).await.unwrap();
    look(ca.app(), &mut Looked::default()).await.unwrap();
    assert!(!is_retired(&ca, &id), "as the first look of every start does");
    assert_eq!(taken_back(&ca, "certificates of it are still valid").await, 1);
}
