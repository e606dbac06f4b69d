//! External account binding (RFC 8555 §7.3.4): required, optional, refused; and what a key's domains mean.

use http::StatusCode;
use rollcall_tests::ca::{Binding, TestCa};
use rollcall_tests::device::{Device, dns};
use serde_json::{Value, json};

fn bound(ca: &TestCa, device: &Device, authority: &str, key: &Binding) -> Value {
    let url = ca.resource(authority, "new-account");
    json!({"termsOfServiceAgreed": true, "externalAccountBinding": key.bind(&device.key().jwk(), &url)})
}

#[tokio::test]
async fn where_it_is_required_only_a_bound_account_is_made() {
    let ca = TestCa::start().await;
    let directory = ca.http().get(&ca.resource("closed", "directory")).await.json();
    assert_eq!(directory["meta"]["externalAccountRequired"], true);
    let mut device = ca.stranger("closed", "alice");
    let problem = device.register_with(&json!({"termsOfServiceAgreed": true})).await.unwrap_err();
    assert_eq!((problem.status, problem.kind.as_str()), (403, "externalAccountRequired"));
    let key = ca.external_key("kid-1", "closed", &[]).await;
    let payload = bound(&ca, &device, "closed", &key);
    assert_eq!(device.register_with(&payload).await.unwrap().status, StatusCode::CREATED);
    let issued = device.issue(&ca.dns, &["room-1.corp.test"]).await;
    assert_eq!(issued.report().names, ["dns:room-1.corp.test"]);
    let audit = ca.audit().await;
    let created = audit.of_kind("account-created").next().unwrap();
    assert_eq!(created["external_key"], "kid-1");
}

#[tokio::test]
async fn where_it_is_optional_it_is_checked_when_sent_and_not_missed_otherwise() {
    let ca = TestCa::start().await;
    let key = ca.external_key("kid-1", "external", &[]).await;
    let mut device = ca.stranger("external", "alice");
    let wrong = Binding { kid: key.kid.clone(), secret: vec![8; 32] };
    let payload = bound(&ca, &device, "external", &wrong);
    let problem = device.register_with(&payload).await.unwrap_err();
    assert_eq!((problem.status, problem.kind.as_str()), (403, "unauthorized"));
    let payload = bound(&ca, &device, "external", &key);
    device.register_with(&payload).await.unwrap();
    ca.register("bob").await;
}

#[tokio::test]
async fn where_it_is_off_it_is_refused() {
    let ca = TestCa::start().await;
    let key = ca.external_key("kid-1", "unbound", &[]).await;
    let mut device = ca.stranger("unbound", "alice");
    let payload = bound(&ca, &device, "unbound", &key);
    let problem = device.register_with(&payload).await.unwrap_err();
    assert_eq!(problem.kind, "malformed");
    assert!(problem.detail.contains("leave it out"), "{}", problem.detail);
}

#[tokio::test]
async fn a_key_binds_one_account_only() {
    let ca = TestCa::start().await;
    let key = ca.external_key("kid-1", "external", &[]).await;
    let mut first = ca.stranger("external", "alice");
    let payload = bound(&ca, &first, "external", &key);
    first.register_with(&payload).await.unwrap();
    let mut second = ca.stranger("external", "bob");
    let payload = bound(&ca, &second, "external", &key);
    let problem = second.register_with(&payload).await.unwrap_err();
    assert_eq!((problem.status, problem.kind.as_str()), (403, "unauthorized"));
    assert!(problem.detail.contains("used already"), "{}", problem.detail);
}

#[tokio::test]
async fn a_key_of_another_authority_binds_nothing_here() {
    let ca = TestCa::start().await;
    let key = ca.external_key("kid-1", "closed", &[]).await;
    let mut device = ca.stranger("external", "alice");
    let payload = bound(&ca, &device, "external", &key);
    let problem = device.register_with(&payload).await.unwrap_err();
    assert_eq!((problem.status, problem.kind.as_str()), (403, "unauthorized"));
}

#[tokio::test]
async fn a_key_for_some_domains_lets_its_account_order_there_only() {
    let ca = TestCa::start().await;
    let key = ca.external_key("kid-1", "external", &["rooms.corp.test"]).await;
    let mut device = ca.stranger("external", "alice");
    let payload = bound(&ca, &device, "external", &key);
    device.register_with(&payload).await.unwrap();
    device.issue(&ca.dns, &["one.rooms.corp.test"]).await;
    for name in ["room-1.corp.test", "xrooms.corp.test", "corp.test"] {
        let problem = device.order(&json!({"identifiers": dns(&[name])})).await.unwrap_err();
        assert_eq!((problem.status, problem.kind.as_str()), (403, "rejectedIdentifier"), "{name}");
        assert!(problem.detail.contains("kid-1"), "{}", problem.detail);
    }
    let audit = ca.audit().await;
    let refused: Vec<_> = audit.of_kind("refused").map(|act| act["rule"].clone()).collect();
    assert_eq!(refused, vec![json!("external-key:kid-1"); 3]);
}
