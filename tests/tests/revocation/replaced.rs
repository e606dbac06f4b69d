//! An issuer that was replaced: its list and its OCSP answers go on for its certificates, beside those of the one that issues now.

use certs::verdict::Reason;
use http::StatusCode;
use rollcall_tests::revocation::fill;
use rollcall_tests::revocation::ocsp::Status;
use time::OffsetDateTime;

use crate::support::{builder, issuer, judged, list, number, post_about, serial};

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
