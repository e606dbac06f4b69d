//! Revocation lists (RFC 5280 §5): where certificates say they are, signed in time, split when large, numbered for good.

use std::time::Duration;

use certs::verdict::Reason;
use http::{Method, StatusCode};
use rollcall_tests::revocation::fill;
use time::OffsetDateTime;

use crate::support::{PUBLISHED, ask, builder, issuer, judged, list, number};

/// What the specification allows from a revocation to a list that shows it.
const IN_TIME: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_revocation_is_on_a_signed_list_within_a_minute_although_nobody_asks_for_one() {
    let ca = builder().start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let id = data_encoding::HEXLOWER.encode(issuer(&ca).subject_key_identifier());
    let lists = &ca.app().revocation_lists;
    assert_eq!(lists.last(&id).unwrap().entries, 0, "there is a list from the start");
    let mut signings = lists.signings();
    let _ = alice.revoke(issued.leaf(), Some(1)).await.expect(StatusCode::OK);
    tokio::time::timeout(IN_TIME, signings.changed()).await.unwrap().unwrap();
    assert_eq!(lists.last(&id).unwrap().entries, 1);
}

#[tokio::test]
async fn a_certificate_leads_to_its_issuers_list_over_plain_http_and_caches_may_keep_it_a_minute() {
    let ca = builder().start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let report = issued.report();
    let url = &report.crl_urls[0];
    assert!(url.starts_with(&format!("{PUBLISHED}/crl/")) && url.ends_with(".crl"), "{url}");
    let first = list(&ca, url).await;
    assert_eq!(first.header("content-type"), "application/pkix-crl");
    assert_eq!(first.header("cache-control"), "public, max-age=60");
    assert_eq!(judged(&ca, &issued, &first), None);
    for (name, value) in
        [("if-none-match", first.header("etag")), ("if-modified-since", first.header("last-modified"))]
    {
        let same = ask(&ca, Method::GET, url, &[(name, value)], Vec::new()).await;
        assert_eq!((same.status, same.body.len()), (StatusCode::NOT_MODIFIED, 0), "{name}");
    }
    let head = ask(&ca, Method::HEAD, url, &[], Vec::new()).await;
    assert_eq!(head.header("etag"), first.header("etag"));
    let _ = alice.revoke(issued.leaf(), Some(1)).await.expect(StatusCode::OK);
    let second = list(&ca, url).await;
    assert_eq!(judged(&ca, &issued, &second), Some(Reason::Revoked));
    assert!(number(&second) > number(&first));
    let over_tls = ca.http().get(&ca.url(url.strip_prefix(PUBLISHED).unwrap())).await;
    assert_eq!(over_tls.body, second.body, "the same over TLS");
    assert_eq!(list(&ca, "/crl/external.crl").await.body, second.body, "and by the authority's name");
}

#[tokio::test]
async fn nothing_else_is_served_over_plain_http() {
    let ca = builder().start().await;
    for path in ["/", "/metrics", "/health", "/acme/external/directory", "/sso/done", "/crl/x/3-of-16.crl"] {
        let reply = ask(&ca, Method::GET, path, &[], Vec::new()).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(reply.header("cache-control"), "no-store");
    }
    let account = ask(&ca, Method::POST, "/acme/external/new-account", &[], b"{}".to_vec()).await;
    assert_eq!((account.status, account.header("replay-nonce")), (StatusCode::NOT_FOUND, ""));
    for path in ["/roots/external.pem", "/issuer/external.crt"] {
        assert_eq!(ask(&ca, Method::GET, path, &[], Vec::new()).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn authorities_that_share_an_issuer_share_its_list() {
    let ca = builder().start().await;
    let (alice, bob) = (ca.register("alice").await, ca.register_at("unbound", "bob").await);
    let one = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let other = bob.issue(&ca.dns, &["room-2.corp.test"]).await;
    assert_eq!(one.report().crl_urls, other.report().crl_urls);
    let _ = bob.revoke(other.leaf(), None).await.expect(StatusCode::OK);
    let shown = list(&ca, &one.report().crl_urls[0]).await;
    assert_eq!((judged(&ca, &other, &shown), judged(&ca, &one, &shown)), (Some(Reason::Revoked), None));
}

#[tokio::test]
async fn a_large_list_is_split_and_each_certificate_keeps_the_place_that_it_names() {
    let ca = builder().sled().configure(|config| config.revocation.list_entries = 100).start().await;
    let alice = ca.register("alice").await;
    let early = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let (whole, now) = (early.report().crl_urls[0].clone(), OffsetDateTime::UNIX_EPOCH);
    let now = now + time::Duration::seconds(rollcall_tests::ca::START);
    let made = (0..101).map(|n| fill::revoked(fill::certificate("external", &issuer(&ca), n, now), now));
    fill::insert(&ca.app().store, made).await.unwrap();
    let before = list(&ca, &whole).await;
    // The list that was too large has been signed, and with it the decision to split.
    ca_server::status::lists::renew_all(ca.app()).await;
    let late = alice.issue(&ca.dns, &["room-2.corp.test"]).await;
    let shard = late.report().crl_urls[0].clone();
    assert!(shard.starts_with(whole.trim_end_matches(".crl")) && shard.ends_with("-of-16.crl"), "{shard}");
    let first = list(&ca, &shard).await;
    assert!(first.body.len() < before.body.len() / 4, "a shard is small");
    assert_eq!(judged(&ca, &late, &first), None);
    let _ = alice.revoke(late.leaf(), Some(1)).await.expect(StatusCode::OK);
    let _ = alice.revoke(early.leaf(), Some(1)).await.expect(StatusCode::OK);
    let (second, all) = (list(&ca, &shard).await, list(&ca, &whole).await);
    assert_eq!(judged(&ca, &late, &second), Some(Reason::Revoked), "its shard shows it");
    assert_eq!(judged(&ca, &early, &all), Some(Reason::Revoked), "whoever names the whole finds the whole");
    assert_eq!(judged(&ca, &early, &second), None, "a shard says nothing of those that name another place");
    let id = shard.rsplit_once('/').unwrap().1.trim_end_matches(".crl");
    for other in ["16-of-16", "0-of-17", "00-of-16"].map(|other| shard.replace(id, other)) {
        let reply = ask(&ca, Method::GET, &other, &[], Vec::new()).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{other}");
    }

    let ca = ca.restart().await;
    let third = list(&ca, &shard).await;
    assert!(number(&third) > number(&second), "numbers grow over restarts");
    let alice = alice.over(ca.http());
    let later = alice.issue(&ca.dns, &["room-3.corp.test"]).await;
    assert!(later.report().crl_urls[0].ends_with("-of-16.crl"), "so does the split stay");
}

#[tokio::test]
async fn a_revocation_changes_its_own_shard_and_no_other() {
    let ca = builder().configure(|config| config.revocation.list_entries = 100).start().await;
    let now = OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(rollcall_tests::ca::START);
    let made = (0..101).map(|n| fill::revoked(fill::certificate("external", &issuer(&ca), n, now), now));
    fill::insert(&ca.app().store, made).await.unwrap();
    ca_server::status::lists::renew_all(ca.app()).await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let shard = issued.report().crl_urls[0].clone();
    let (folder, _) = shard.rsplit_once('/').unwrap();
    let all = async || {
        let mut numbers = Vec::new();
        for index in 0..16 {
            let url = format!("{folder}/{index}-of-16.crl");
            numbers.push((url.clone(), number(&list(&ca, &url).await)));
        }
        numbers
    };
    let before = all().await;
    let _ = alice.revoke(issued.leaf(), Some(1)).await.expect(StatusCode::OK);
    let after = all().await;
    let changed: Vec<_> =
        before.iter().zip(&after).filter(|(one, other)| one != other).map(|(one, _)| &one.0).collect();
    assert_eq!(changed, [&shard]);
}

#[tokio::test]
async fn lists_are_signed_anew_at_half_their_life_and_never_with_a_number_twice() {
    let ca = builder().start().await;
    let first = list(&ca, "/crl/external.crl").await;
    ca.clock.advance(time::Duration::hours(11));
    assert_eq!(list(&ca, "/crl/external.crl").await.body, first.body);
    ca.clock.advance(time::Duration::hours(2));
    let second = list(&ca, "/crl/external.crl").await;
    ca.clock.advance(time::Duration::hours(-20));
    let third = list(&ca, "/crl/external.crl").await;
    let numbers = [&first, &second, &third].map(number);
    assert!(numbers[0] < numbers[1] && numbers[1] < numbers[2], "{numbers:?}");
}

#[tokio::test]
async fn a_shard_goes_on_speaking_for_certificates_that_name_it_where_it_was_before() {
    let ca = builder().sled().configure(|config| config.revocation.list_entries = 100).start().await;
    let now = OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(rollcall_tests::ca::START);
    let made = (0..101).map(|n| fill::revoked(fill::certificate("external", &issuer(&ca), n, now), now));
    fill::insert(&ca.app().store, made).await.unwrap();
    ca_server::status::lists::renew_all(ca.app()).await;
    let alice = ca.register("alice").await;
    let early = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let mut config = ca.config().clone();
    config.revocation.url = Some("http://moved.test/pki".parse().unwrap());
    let ca = ca.restart_with(config).await;
    let alice = alice.over(ca.http());
    let late = alice.issue(&ca.dns, &["room-2.corp.test"]).await;
    for issued in [&early, &late] {
        let url = issued.report().crl_urls[0].clone();
        assert!(url.ends_with("-of-16.crl"), "{url}");
        // The path of the new URL is served where relying parties come as well, in front of a proxy or behind it.
        let place = url.trim_start_matches("http://moved.test");
        assert_eq!(judged(&ca, issued, &list(&ca, place).await), None, "{url}");
        let _ = alice.revoke(issued.leaf(), Some(1)).await.expect(StatusCode::OK);
        assert_eq!(judged(&ca, issued, &list(&ca, place).await), Some(Reason::Revoked), "{url}");
    }
}
