//! Opening and listing orders: what is refused, and how it is said.

use ca_server::order::model::{Account, ExternalKey};
use ca_server::store::Batch;
use ca_server::store::tables::{accounts, external_keys};
use http::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::device::{Device, acts, csr, dns};
use crate::support::Ca;

async fn refused(ca: &Ca, device: &Device, payload: Value) -> (String, Value) {
    let reply = device.post(ca, &ca.url("new-order"), &payload).await;
    (reply.problem(), reply.json())
}

#[tokio::test]
async fn a_name_outside_the_policy_is_rejected_and_journalled_with_its_rule() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let payload = json!({"identifiers": dns(&["a.corp.test", "b.other.test"])});
    let (problem, body) = refused(&ca, &device, payload).await;
    assert_eq!(problem, "rejectedIdentifier");
    assert!(body["detail"].as_str().unwrap().contains("b.other.test"), "{body}");
    assert_eq!(body["subproblems"][0]["identifier"]["value"], "b.other.test");
    assert_eq!(body["subproblems"].as_array().unwrap().len(), 1);
    assert_eq!(acts(&ca, "refused").await, 1);
}

#[tokio::test]
async fn an_account_that_is_refused_without_end_leaves_few_entries_and_their_count() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let names: Vec<String> = (0..9).map(|number| format!("room-{number}.other.test")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let payload = json!({"identifiers": dns(&names)});
    for _ in 0..50 {
        assert_eq!(refused(&ca, &device, payload.clone()).await.0, "rejectedIdentifier");
    }
    assert_eq!(acts(&ca, "refused").await, 10);
    ca.clock.advance(time::Duration::minutes(1));
    refused(&ca, &device, payload).await;
    let newest = ca_server::log::journal::newest(&ca.running.app().store).await.unwrap().unwrap();
    let act: Value = serde_json::from_str(&newest.act).unwrap();
    assert_eq!((act["act"].as_str(), act["left_out"].as_u64()), (Some("refused"), Some(40)), "{act}");
}

#[tokio::test]
async fn what_an_account_may_ask_for_in_an_hour_is_limited_by_default_too() {
    let limits = ca_server::config::LimitsConfig::default();
    assert!(limits.orders_per_hour > 0 && limits.account_changes_per_hour > 0);
    let ca = Ca::start_with("", |config| config.limits.orders_per_hour = 1).await;
    let device = Device::register(&ca).await;
    let (_, order) = device.order(&ca, &["a.corp.test"]).await;
    let again = device.post(&ca, &ca.url("new-order"), &json!({"identifiers": dns(&["b.corp.test"])})).await;
    assert_eq!((again.status, again.problem().as_str()), (StatusCode::TOO_MANY_REQUESTS, "rateLimited"));
    for _ in 0..4 {
        assert_eq!(device.finalize(&ca, &order, b"nonsense").await.problem(), "orderNotReady");
    }
    let fifth = device.finalize(&ca, &order, b"nonsense").await;
    assert_eq!((fifth.status, fifth.problem().as_str()), (StatusCode::TOO_MANY_REQUESTS, "rateLimited"));
    assert!(!fifth.header("retry-after").is_empty());
}

#[tokio::test]
async fn several_refusals_of_different_kinds_are_compound() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let identifiers = json!([
        {"type": "dns", "value": "a_b.corp.test"}, {"type": "tel", "value": "+1"}, {"type": "dns", "value": "ok.corp.test"}
    ]);
    let (problem, body) = refused(&ca, &device, json!({"identifiers": identifiers})).await;
    assert_eq!(problem, "compound");
    assert_eq!(body["subproblems"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn profiles_are_chosen_echoed_or_refused() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let names = dns(&["a.corp.test"]);
    let (_, order) = device.order_with(&ca, json!({"identifiers": names, "profile": "device"})).await;
    assert_eq!(order["profile"], "device");
    let (problem, body) = refused(&ca, &device, json!({"identifiers": names, "profile": "user"})).await;
    assert_eq!(problem, "invalidProfile");
    assert!(body["detail"].as_str().unwrap().contains("device"), "{body}");
    let person = json!([{"type": "email", "value": "a@corp.test"}]);
    let payload = json!({"identifiers": person, "profile": "device"});
    assert_eq!(refused(&ca, &device, payload).await.0, "invalidProfile");
    assert_eq!(refused(&ca, &device, json!({"identifiers": person})).await.0, "unsupportedIdentifier");
}

#[tokio::test]
async fn asked_times_are_kept_within_the_profile_and_refused_beyond_it() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let now = ca.running.app().clock.now();
    let text = |days: i64| (now + time::Duration::days(days)).format(&Rfc3339).unwrap();
    let names = dns(&["a.corp.test"]);
    let asked = json!({"identifiers": names, "notBefore": text(1), "notAfter": text(3)});
    let (_, order) = device.order_with(&ca, asked).await;
    assert_eq!((order["notBefore"].as_str(), order["notAfter"].as_str()), (Some(&*text(1)), Some(&*text(3))));
    device.prove(&ca, order["authorizations"][0].as_str().unwrap()).await;
    let order = device.finalize(&ca, &order, &csr(&["a.corp.test"])).await.json();
    let report = certs::inspect::inspect_certificate(&device.download(&ca, &order).await[0]).unwrap();
    assert_eq!(report.not_before.unix_timestamp(), (now + time::Duration::days(1)).unix_timestamp());
    assert_eq!(report.not_after.unix_timestamp(), (now + time::Duration::days(3)).unix_timestamp());
    for (before, after) in [(0, 365), (3, 1), (-1, 1)] {
        let payload = json!({"identifiers": names, "notBefore": text(before), "notAfter": text(after)});
        assert_eq!(refused(&ca, &device, payload).await.0, "malformed", "{before} {after}");
    }
}

#[tokio::test]
async fn times_at_the_ends_of_the_calendar_are_refused_and_never_computed_with() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let names = dns(&["a.corp.test"]);
    for text in [
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-01:00",
        "9999-12-31T23:59:59-23:59",
        "9999-12-31T23:59:59+23:59",
        "0000-01-01T00:00:00Z",
        "0000-01-01T00:00:00+23:59",
        "0000-01-01T00:00:00-23:59",
    ] {
        for members in [&["notBefore"][..], &["notAfter"], &["notBefore", "notAfter"]] {
            let mut payload = json!({"identifiers": names});
            members.iter().for_each(|member| payload[*member] = text.into());
            assert_eq!(refused(&ca, &device, payload).await.0, "malformed", "{members:?} {text}");
        }
    }
}

#[tokio::test]
async fn an_external_binding_key_for_other_domains_stops_the_order() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let store = &ca.running.app().store;
    let key = ExternalKey {
        kid: "rooms".to_owned(),
        authority: "external".parse().unwrap(),
        secret: "AAAA".to_owned(),
        domains: vec!["rooms.corp.test".to_owned()],
        created: OffsetDateTime::UNIX_EPOCH,
        expires: None,
        reusable: true,
        accounts: Vec::new(),
        revoked: false,
    };
    let id = device.account.rsplit('/').next().unwrap().parse().unwrap();
    let seen = store.load::<Account>(&id).await.unwrap().unwrap();
    let (mut bound, mut batch) = (seen.value.clone(), Batch::new());
    bound.external_key = Some("rooms".to_owned());
    accounts::replace(&mut batch, &seen, &bound).unwrap();
    external_keys::insert(&mut batch, &key).unwrap();
    store.commit(batch).await.unwrap();
    let (problem, body) = refused(&ca, &device, json!({"identifiers": dns(&["lab.corp.test"])})).await;
    assert_eq!(problem, "rejectedIdentifier");
    assert!(body["detail"].as_str().unwrap().contains("rooms.corp.test"), "{body}");
    device.order(&ca, &["one.rooms.corp.test"]).await;
}

#[tokio::test]
async fn a_certificate_is_replaced_once_by_its_own_account() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (_, chain) = device.enrol(&ca, &["room-1.corp.test"]).await;
    let id = certs::ari::CertId::from_certificate(&chain[0]).unwrap().to_string();
    let payload = json!({"identifiers": dns(&["room-1.corp.test", "room-2.corp.test"]), "replaces": id});

    let stranger = Device::register(&ca).await;
    assert_eq!(refused(&ca, &stranger, payload.clone()).await.0, "unauthorized");
    let elsewhere = json!({"identifiers": dns(&["room-3.corp.test"]), "replaces": id});
    assert_eq!(refused(&ca, &device, elsewhere).await.0, "malformed");
    let nonsense = json!({"identifiers": dns(&["room-1.corp.test"]), "replaces": "AAAA.BBBB"});
    assert_eq!(refused(&ca, &device, nonsense).await.0, "malformed");

    let (_, order) = device.order_with(&ca, payload.clone()).await;
    assert_eq!(order["replaces"], id);
    let reply = device.post(&ca, &ca.url("new-order"), &payload).await;
    assert_eq!((reply.status, reply.problem().as_str()), (StatusCode::CONFLICT, "alreadyReplaced"));

    // An order that ended without a certificate gives the certificate free.
    let pending = order["authorizations"].as_array().unwrap().last().unwrap().as_str().unwrap();
    device.post(&ca, pending, &json!({"status": "deactivated"})).await;
    device.order_with(&ca, payload).await;
}

#[tokio::test]
async fn an_accounts_orders_are_listed_newest_first_page_by_page() {
    let ca = Ca::start_with("", |config| config.acme.orders_per_page = 2).await;
    let device = Device::register(&ca).await;
    let mut opened = Vec::new();
    for name in ["a.corp.test", "b.corp.test", "c.corp.test", "d.corp.test", "e.corp.test"] {
        ca.clock.advance(time::Duration::seconds(1));
        opened.push(device.order(&ca, &[name]).await.0);
    }
    opened.reverse();
    let (mut listed, mut next) = (Vec::new(), Some(format!("{}/orders", device.account)));
    while let Some(url) = next {
        let reply = device.read(&ca, &url).await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        let orders = reply.json()["orders"].as_array().unwrap().clone();
        assert!(orders.len() <= 2);
        listed.extend(orders.iter().map(|url| url.as_str().unwrap().to_owned()));
        next = reply.headers.get_all("link").iter().find_map(|link| {
            let link = link.to_str().unwrap();
            link.ends_with("rel=\"next\"").then(|| link[1..link.find('>').unwrap()].to_owned())
        });
    }
    assert_eq!(listed, opened);
    let bad = device.read(&ca, &format!("{}/orders?cursor=%21", device.account)).await;
    assert_eq!(bad.problem(), "malformed");
    let stranger = Device::register(&ca).await;
    let theirs = stranger.read(&ca, &format!("{}/orders", device.account)).await;
    assert_eq!(theirs.problem(), "unauthorized");
}

#[tokio::test]
async fn another_account_sees_neither_order_nor_authorization_nor_certificate() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (order, _) = device.enrol(&ca, &["room-1.corp.test"]).await;
    let (url, open) = device.order(&ca, &["room-2.corp.test"]).await;
    let stranger = Device::register(&ca).await;
    let authorization = open["authorizations"][0].as_str().unwrap();
    for theirs in [&*url, authorization, order["certificate"].as_str().unwrap()] {
        assert_eq!(stranger.read(&ca, theirs).await.problem(), "unauthorized", "{theirs}");
    }
    let reply = stranger.post(&ca, authorization, &json!({"status": "deactivated"})).await;
    assert_eq!(reply.problem(), "unauthorized");
    for nothing in ["order/AAAAAAAAAAAAAAAAAAAAAA", "authz/x", "certificate/00"] {
        let reply = device.read(&ca, &ca.url(nothing)).await;
        assert_eq!((reply.status, reply.problem().as_str()), (StatusCode::NOT_FOUND, "malformed"));
    }
}
