//! Orders (RFC 8555 §7.4): times, profiles, the list, and requests that do not fit.

use ca_server::clock::Clock as _;
use certs::key::{KeyKind, SigningKey};
use http::StatusCode;
use rollcall_tests::ca::TestCa;
use rollcall_tests::device::{csr, dns};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

fn text(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap()
}

#[tokio::test]
async fn the_times_that_an_order_asks_for_stand_in_the_certificate() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let (begin, end) = (ca.clock.now() + Duration::hours(1), ca.clock.now() + Duration::days(3));
    let payload = json!({
        "identifiers": dns(&["room-1.corp.test"]), "notBefore": text(begin), "notAfter": text(end),
    });
    let order = alice.order(&payload).await.unwrap();
    assert_eq!(order.body["notBefore"], text(begin));
    assert_eq!(order.body["notAfter"], text(end));
    let report = alice.complete(&ca.dns, &order).await.report();
    assert_eq!((report.not_before, report.not_after), (begin, end));
}

#[tokio::test]
async fn times_beyond_the_profile_or_turned_round_are_refused_with_the_limit() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let now = ca.clock.now();
    let cases = [
        (None, Some(now + Duration::days(31)), "malformed"),
        (Some(now + Duration::days(2)), Some(now + Duration::days(1)), "malformed"),
        (None, Some(now - Duration::days(1)), "malformed"),
    ];
    for (begin, end, kind) in cases {
        let mut payload = json!({"identifiers": dns(&["room-1.corp.test"])});
        if let Some(begin) = begin {
            payload["notBefore"] = text(begin).into();
        }
        if let Some(end) = end {
            payload["notAfter"] = text(end).into();
        }
        let problem = alice.order(&payload).await.unwrap_err();
        assert_eq!(problem.kind, kind, "{payload}");
    }
}

#[tokio::test]
async fn the_default_profile_stands_in_the_order_and_unknown_ones_are_refused_by_name() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    assert_eq!(alice.new_order(&["room-1.corp.test"]).await.body["profile"], "device");
    let wanted = |profile: &str| json!({"identifiers": dns(&["room-1.corp.test"]), "profile": profile});
    assert_eq!(alice.order(&wanted("device")).await.unwrap().body["profile"], "device");
    for profile in ["nonsense", "internal-device", ""] {
        let problem = alice.order(&wanted(profile)).await.unwrap_err();
        assert_eq!(problem.kind, "invalidProfile", "{profile}");
        assert!(problem.detail.contains("device"), "{}", problem.detail);
    }
    let problem = alice.order(&wanted("user")).await.unwrap_err();
    assert_eq!(problem.kind, "invalidProfile", "a profile for people does not certify devices");
    let problem = alice.order(&wanted("server")).await.unwrap_err();
    assert_eq!(problem.kind, "rejectedIdentifier", "no rule permits it");
}

#[tokio::test]
async fn the_directory_describes_every_profile() {
    let ca = TestCa::start().await;
    let directory = ca.http().get(&ca.resource("external", "directory")).await.json();
    let profiles = directory["meta"]["profiles"].as_object().unwrap();
    assert_eq!(profiles.keys().collect::<Vec<_>>(), ["device", "server", "user"]);
    for (name, description) in profiles {
        assert!(!description.as_str().unwrap().is_empty(), "{name} has no description");
    }
}

#[tokio::test]
async fn a_profile_withdrawn_before_finalize_is_refused_then() {
    let ca = TestCa::builder().sled().start().await;
    let alice = ca.register("alice").await;
    let order = alice.prove(&ca.dns, &alice.new_order(&["room-1.corp.test"]).await).await;
    let mut config = ca.config().clone();
    for authority in config.authority.values_mut() {
        authority.profiles = vec!["server".to_owned()];
    }
    let ca = ca.restart_with(config).await;
    let alice = alice.over(ca.http());
    let (_, csr) = order.csr();
    let problem = alice.finalize(&order, &csr).await.unwrap_err();
    assert_eq!(problem.kind, "invalidProfile");
    assert_eq!(ca.audit().await.count("intent"), 0);
}

#[tokio::test]
async fn a_bad_policy_file_is_refused_and_the_old_one_stays_in_force() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    std::fs::write(ca.folder().join("policy/rules/bad.cedar"), "permit (").unwrap();
    ca.running().reload().await.unwrap_err();
    alice.issue(&ca.dns, &["room-1.corp.test"]).await;
}

#[tokio::test]
async fn a_rule_read_while_running_denies_the_next_order_and_is_named() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    alice.new_order(&["room-1.corp.test"]).await;
    let rule = "@id(\"no-rooms\")\n@reason(\"rooms are closed\")\nforbid (principal, action == Action::\"order\", resource is Dns);\n";
    std::fs::write(ca.folder().join("policy/rules/closed.cedar"), rule).unwrap();
    ca.running().reload().await.unwrap();
    let problem = alice.order(&json!({"identifiers": dns(&["room-1.corp.test"])})).await.unwrap_err();
    assert_eq!(problem.kind, "rejectedIdentifier");
    assert!(problem.detail.contains("rooms are closed"), "{}", problem.detail);
    assert_eq!(ca.audit().await.of_kind("refused").next().unwrap()["rule"], "no-rooms");
}

#[tokio::test]
async fn the_list_of_orders_goes_page_by_page_and_each_order_stands_on_it_once() {
    let ca = TestCa::builder().configure(|config| config.acme.orders_per_page = 3).start().await;
    let alice = ca.register("alice").await;
    let mut expected = Vec::new();
    for at in 0..8 {
        expected.push(alice.new_order(&[&format!("room-{at}.corp.test")]).await.url);
        ca.clock.advance(Duration::seconds(1));
    }
    let (mut found, mut pages) = (Vec::new(), 0);
    let mut next = Some(alice.read(alice.url()).await["orders"].as_str().unwrap().to_owned());
    while let Some(url) = next.take() {
        let reply = alice.get(&url).await.expect(StatusCode::OK);
        let page = reply.json()["orders"].as_array().unwrap().clone();
        assert!(page.len() <= 3);
        found.extend(page.iter().map(|order| order.as_str().unwrap().to_owned()));
        pages += 1;
        next = reply.links("next").pop();
    }
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert!(pages >= 3, "{pages} pages");
}

#[tokio::test]
async fn the_list_of_another_account_is_not_shown() {
    let ca = TestCa::start().await;
    let (alice, bob) = (ca.register("alice").await, ca.register("bob").await);
    let problem = bob.get(&format!("{}/orders", alice.url())).await.problem();
    assert_eq!((problem.status, problem.kind.as_str()), (403, "unauthorized"));
}

#[tokio::test]
async fn several_bad_identifiers_are_all_named_in_subproblems() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let before = ca.snapshot().await;
    let payload = json!({"identifiers": dns(&["a.elsewhere.test", "room-1.corp.test", "b.elsewhere.test"])});
    let problem = alice.order(&payload).await.unwrap_err();
    assert_eq!(problem.kind, "rejectedIdentifier");
    let named: Vec<Value> =
        problem.subproblems().iter().map(|part| part["identifier"]["value"].clone()).collect();
    assert_eq!(named, ["a.elsewhere.test", "b.elsewhere.test"]);
    let changed = ca.snapshot().await.changed_since(&before);
    assert_eq!(changed, [ca_server::store::Table::Journal], "only the refusal is recorded");
}

#[tokio::test]
async fn an_order_that_is_not_proven_cannot_be_finalized() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let order = alice.new_order(&["db1.corp.test"]).await;
    let (_, csr) = order.csr();
    let problem = alice.finalize(&order, &csr).await.unwrap_err();
    assert_eq!((problem.status, problem.kind.as_str()), (403, "orderNotReady"));
    assert_eq!(ca.audit().await.count("intent"), 0, "nothing reached the key");
}

#[tokio::test]
async fn a_request_for_other_names_is_refused_and_the_right_one_still_accepted() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let order = alice.new_order(&["room-1.corp.test", "room-2.corp.test"]).await;
    let order = alice.prove(&ca.dns, &order).await;
    let key = SigningKey::generate(KeyKind::P256).unwrap();
    let wrong: [&[&str]; 3] = [
        &["room-1.corp.test"],
        &["room-1.corp.test", "room-2.corp.test", "room-3.corp.test"],
        &["room-1.corp.test", "other.corp.test"],
    ];
    for names in wrong {
        let problem = alice.finalize(&order, &csr(&key, names)).await.unwrap_err();
        assert_eq!(problem.kind, "badCSR", "{names:?}");
    }
    assert_eq!(alice.seen(&order).await.status(), "ready");
    let right = csr(&key, &["room-2.corp.test", "room-1.corp.test"]);
    assert_eq!(alice.finalize(&order, &right).await.unwrap().status(), "valid");
}
