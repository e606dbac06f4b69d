//! Names that cannot be certified: each with its kind and a word about what is wrong with it.

use rollcall_tests::ca::TestCa;
use serde_json::{Value, json};

use crate::support::{assert_helpful, assert_unchanged};

/// Value, kind of the problem, what the detail must speak of.
const DNS: &[(&str, &str, &str)] = &[
    ("b\u{fc}cher.corp.test", "malformed", "A-label"),
    ("room-1.corp.test.", "malformed", "dot"),
    ("room_1.corp.test", "malformed", "underscore"),
    ("a.*.corp.test", "malformed", "leftmost"),
    ("*.*.corp.test", "malformed", "leftmost"),
    ("*room.corp.test", "malformed", "leftmost"),
    ("r*m.corp.test", "malformed", "leftmost"),
    ("*", "malformed", "*"),
    ("", "malformed", "empty"),
    ("localhost", "malformed", "one label"),
    ("192.0.2.1", "malformed", "IP address"),
    ("[2001:db8::1]", "malformed", "2001:db8::1"),
    ("a..corp.test", "malformed", "empty label"),
    (".corp.test", "malformed", "empty label"),
    ("-room.corp.test", "malformed", "hyphen"),
    ("room-.corp.test", "malformed", "hyphen"),
    ("room 1.corp.test", "malformed", "character"),
    ("room-1.corp.test\n", "malformed", "character"),
    ("room-1.corp.test\u{0}", "malformed", "character"),
    ("https://room-1.corp.test", "malformed", "character"),
    ("room-1.corp.test:443", "malformed", "character"),
    ("xn--a.corp.test", "malformed", "A-label"),
    ("room-1.elsewhere.test", "rejectedIdentifier", "elsewhere.test"),
    ("corp.test.elsewhere.test", "rejectedIdentifier", "elsewhere.test"),
    ("xcorp.test", "rejectedIdentifier", "xcorp.test"),
];

#[tokio::test]
async fn every_bad_name_is_refused_with_what_is_wrong_with_it() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let long_label = format!("{}.corp.test", "a".repeat(64));
    let long_name = format!("{}corp.test", "a.".repeat(130));
    let mut cases: Vec<(&str, &str, &str)> = DNS.to_vec();
    cases.push((&long_label, "malformed", "63"));
    cases.push((&long_name, "malformed", "253"));
    for (value, kind, word) in cases {
        let before = ca.snapshot().await;
        let problem = alice.order(&one("dns", value)).await.unwrap_err();
        assert_eq!(problem.kind, kind, "{value:?}: {}", problem.document);
        assert!(problem.detail.contains(word), "{value:?}: {:?} does not speak of {word:?}", problem.detail);
        assert_helpful(&alice, &problem, value).await;
        assert_unchanged(&ca, &before, value).await;
    }
}

fn one(kind: &str, value: &str) -> Value {
    json!({"identifiers": [{"type": kind, "value": value}]})
}

#[tokio::test]
async fn types_that_are_not_certified_here_are_told_from_those_that_do_not_exist() {
    let ca = TestCa::builder()
        .configure(|config| {
            for authority in config.authority.values_mut() {
                authority.profiles = vec!["device".to_owned()];
            }
        })
        .start()
        .await;
    let alice = ca.register("alice").await;
    for (kind, value) in [("ip", "192.0.2.1"), ("tel", "+1"), ("", "x"), ("DNS", "room-1.corp.test")] {
        let problem = alice.order(&one(kind, value)).await.unwrap_err();
        assert_eq!((problem.status, problem.kind.as_str()), (400, "unsupportedIdentifier"), "{kind}");
    }
    let problem = alice.order(&one("email", "alice@corp.test")).await.unwrap_err();
    assert_eq!(problem.kind, "unsupportedIdentifier");
}

#[tokio::test]
async fn orders_of_a_wrong_shape_are_malformed() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let many: Vec<Value> =
        (0..101).map(|at| json!({"type": "dns", "value": format!("r{at}.corp.test")})).collect();
    let cases = [
        json!({}),
        json!({"identifiers": []}),
        json!({"identifiers": "room-1.corp.test"}),
        json!({"identifiers": ["room-1.corp.test"]}),
        json!({"identifiers": [{"type": "dns"}]}),
        json!({"identifiers": [{"value": "room-1.corp.test"}]}),
        json!({"identifiers": [{"type": "dns", "value": 7}]}),
        json!({"identifiers": many}),
        json!({"identifiers": [{"type": "dns", "value": "room-1.corp.test"}], "notAfter": "tomorrow"}),
        json!({"identifiers": [{"type": "dns", "value": "room-1.corp.test"}], "notBefore": 1_790_000_000}),
        json!({"identifiers": [{"type": "dns", "value": "room-1.corp.test"}], "replaces": "nonsense"}),
        json!({"identifiers": [{"type": "dns", "value": "room-1.corp.test"}], "profile": 1}),
    ];
    let before = ca.snapshot().await;
    for payload in cases {
        let problem = alice.order(&payload).await.unwrap_err();
        assert_eq!((problem.status, problem.kind.as_str()), (400, "malformed"), "{payload}");
        assert_helpful(&alice, &problem, &payload.to_string()).await;
    }
    assert_unchanged(&ca, &before, "an order of a wrong shape").await;
}

#[tokio::test]
async fn letter_case_repetition_and_unknown_members_are_no_mistakes() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let payload = json!({
        "identifiers": [
            {"type": "dns", "value": "Room-1.Corp.Test", "colour": "green"},
            {"type": "dns", "value": "room-1.corp.test"},
        ],
        "resource": "new-order",
    });
    let order = alice.order(&payload).await.unwrap();
    assert_eq!(order.names(), ["room-1.corp.test"]);
    alice.complete(&ca.dns, &order).await;
}
