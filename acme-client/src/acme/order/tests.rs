//! Orders: the shapes of RFC 8555 §7.4, waiting, and finalizing through lost answers and crashes.

use serde_json::{Value, json};

use super::*;
use crate::acme::script::{Reply, Script, at};

fn order(status: &str) -> Value {
    json!({"status": status, "expires": "2026-01-05T14:09:07.99Z", "finalize": at("/order/1/finalize"),
        "identifiers": [{"type": "dns", "value": "www.example.org"}, {"type": "dns", "value": "example.org"}],
        "authorizations": [at("/authz/1"), at("/authz/2")]})
}

fn valid_order() -> Value {
    let mut valid = order("valid");
    valid["certificate"] = json!(at("/cert/1"));
    valid
}

fn stored() -> Order {
    Order::parse(&at("/order/1"), order("ready").to_string().as_bytes()).unwrap()
}

fn names() -> [Identifier; 2] {
    [Identifier::dns("example.org"), Identifier::dns("WWW.example.org")]
}

#[tokio::test]
async fn an_order_says_everything_that_was_asked_for_and_nothing_else() {
    let created = || Reply::json(201, &order("pending")).with("location", "/order/1");
    let script = Script::new([created(), created()]);
    let account = script.account().await;
    let full = NewOrder {
        not_before: Some(time::macros::datetime!(2026-01-01 00:04:00 +04:00)),
        not_after: Some(time::macros::datetime!(2026-01-08 00:04:00 UTC)),
        profile: Some("device".into()),
        replaces: Some("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE".parse().unwrap()),
        ..NewOrder::new(names())
    };
    let opened = account.new_order(&full).await.unwrap();
    assert_eq!(opened.url, at("/order/1"), "a relative Location is resolved");
    account.new_order(&NewOrder::new(names())).await.unwrap();
    let payloads: Vec<_> = script.seen().into_iter().map(|seen| seen.payload).collect();
    let identifiers =
        json!([{"type": "dns", "value": "example.org"}, {"type": "dns", "value": "WWW.example.org"}]);
    let expected = json!({"identifiers": identifiers, "notBefore": "2026-01-01T00:04:00+04:00",
        "notAfter": "2026-01-08T00:04:00Z", "profile": "device", "replaces": "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"});
    assert_eq!(payloads, [expected, json!({"identifiers": identifiers})]);
}

#[tokio::test]
async fn an_order_for_something_else_is_refused() {
    let script = Script::new([Reply::json(201, &order("pending")).with("location", at("/order/1").as_str())]);
    let asked = NewOrder::new([Identifier::dns("example.org")]);
    let error = script.account().await.new_order(&asked).await.unwrap_err();
    assert!(matches!(error, OrderError::OtherIdentifiers(_)));
}

#[test]
fn a_stored_order_reads_back_as_it_was() {
    let mut wire = valid_order();
    wire["error"] = json!({"type": "urn:ietf:params:acme:error:caa", "detail": "d"});
    wire["profile"] = json!("device");
    wire["unknown"] = json!({"future": true});
    let order = Order::parse(&at("/order/1"), wire.to_string().as_bytes()).unwrap();
    let again: Order = serde_json::from_slice(&serde_json::to_vec(&order).unwrap()).unwrap();
    assert_eq!(again, order);
    assert_eq!(again.url, at("/order/1"));
}

#[test]
fn an_order_cannot_claim_another_url_than_it_was_read_from() {
    let mut wire = order("ready");
    wire["url"] = json!("https://evil.example/order");
    assert_eq!(Order::parse(&at("/order/1"), wire.to_string().as_bytes()).unwrap().url, at("/order/1"));
}

#[test]
fn orders_with_missing_or_wrong_members_are_refused() {
    for (member, value) in [
        ("status", json!("happy")),
        ("finalize", json!("javascript:alert(1)")),
        ("authorizations", json!("x")),
        ("expires", json!("tomorrow")),
        ("identifiers", Value::Null),
    ] {
        let mut wire = order("ready");
        wire[member] = value;
        assert!(Order::parse(&at("/order/1"), wire.to_string().as_bytes()).is_err(), "{member}");
    }
}

#[tokio::test]
async fn waiting_honours_retry_after_and_ends_when_the_certificate_is_there() {
    let script = Script::new([
        Reply::json(200, &order("processing")).with("retry-after", "3"),
        Reply::json(200, &order("processing")),
        Reply::json(200, &valid_order()),
    ]);
    let order = script.account().await.wait_until_valid(&at("/order/1")).await.unwrap();
    assert_eq!(order.certificate, Some(at("/cert/1")));
    let sleeps = script.sleeps();
    assert_eq!(sleeps[0], Duration::from_secs(3));
    assert_eq!(sleeps.len(), 2);
    assert!(script.seen().iter().all(|seen| seen.post_as_get));
}

#[tokio::test]
async fn an_invalid_order_tells_which_name_failed_and_why() {
    let failed = json!({"identifier": {"type": "dns", "value": "example.org"}, "status": "invalid", "challenges": [
        {"type": "dns-01", "url": at("/chall/1"), "status": "invalid", "token": "t",
         "error": {"type": "urn:ietf:params:acme:error:dns", "detail": "no TXT record"}}]});
    let script = Script::new([
        Reply::json(200, &order("invalid")),
        Reply::json(200, &failed),
        Reply::problem(404, "malformed"),
    ]);
    let error = script.account().await.wait_until_ready(&at("/order/1")).await.unwrap_err();
    let shown = "order https://ca.example/order/1 is invalid: dns example.org: dns: no TXT record";
    assert_eq!(error.to_string(), shown);
}

#[tokio::test]
async fn an_order_that_never_moves_is_given_up_at_the_deadline() {
    let script = Script::new((0..1_000).map(|_| Reply::json(200, &order("pending"))));
    let error = script.account().await.wait_until_ready(&at("/order/1")).await.unwrap_err();
    let OrderError::TimedOut { status: OrderStatus::Pending, waited, .. } = error else { panic!("{error}") };
    assert!(waited <= Duration::from_secs(600) && waited > Duration::from_secs(580), "{waited:?}");
    assert!(script.left() > 900, "with growing pauses, not a thousand requests");
}

#[tokio::test]
async fn a_valid_order_without_a_certificate_is_an_error() {
    let script = Script::new([Reply::json(200, &order("valid"))]);
    let error = script.account().await.wait_until_valid(&at("/order/1")).await.unwrap_err();
    assert!(matches!(error, OrderError::NoCertificate(_)));
}

#[tokio::test]
async fn finalize_sends_the_request_in_base64url_and_keeps_the_order_url() {
    let script = Script::new([Reply::json(200, &order("processing")).with("retry-after", "1")]);
    let order = script.account().await.finalize(&stored(), &[0x30, 0xff, 0xfe]).await.unwrap();
    assert_eq!((order.url, order.status), (at("/order/1"), OrderStatus::Processing));
    let seen = &script.seen()[0];
    assert_eq!(
        (seen.url.as_str(), &seen.payload),
        (at("/order/1/finalize").as_str(), &json!({"csr": "MP_-"}))
    );
}

#[tokio::test]
async fn finalize_after_a_lost_answer_returns_the_order_as_it_now_is() {
    let script = Script::new([
        Reply::broken(),
        Reply::problem(403, "orderNotReady"),
        Reply::json(200, &valid_order()),
    ]);
    let order = script.account().await.finalize(&stored(), b"csr").await.unwrap();
    assert_eq!(order.status, OrderStatus::Valid);
}

#[tokio::test]
async fn finalize_of_an_order_that_is_really_not_ready_says_so() {
    let script = Script::new([Reply::problem(403, "orderNotReady"), Reply::json(200, &order("pending"))]);
    let error = script.account().await.finalize(&stored(), b"csr").await.unwrap_err();
    assert!(error.is_problem(&ProblemKind::OrderNotReady));
}
