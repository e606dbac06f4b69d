//! The shortest way to each kind of problem, through the front door.

use ca_server::config::Config;
use http::{Method, StatusCode};
use rollcall_tests::ca::TestCa;
use rollcall_tests::device::{Device, Problem, Reply, challenge, dns};
use rollcall_tests::dns::Fault;
use rollcall_tests::internal::InternalCa;
use serde_json::{Value, json};

/// How a kind was met.
pub(crate) enum Provoked {
    /// In an answer.
    Answered(Problem),
    /// In a challenge that failed, or an answer of which only the document is left.
    Stored(Value),
    /// Nothing leads to it today.
    Never(&'static str),
}

async fn with_alice() -> (TestCa, Device) {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    (ca, alice)
}

async fn with_config(change: impl FnOnce(&mut Config) + Send + 'static) -> (TestCa, Device) {
    let ca = TestCa::builder().configure(change).start().await;
    let alice = ca.register("alice").await;
    (ca, alice)
}

fn answered(reply: Reply) -> Provoked {
    Provoked::Answered(reply.problem())
}

async fn new_order(device: &Device, payload: Value) -> Provoked {
    answered(device.post(&device.resource("new-order"), &payload).await)
}

fn wanted(name: &str) -> Value {
    json!({"identifiers": dns(&[name])})
}

pub(crate) async fn account_does_not_exist() -> Provoked {
    let ca = TestCa::start().await;
    let stranger = ca.stranger("external", "nobody");
    answered(stranger.post(&stranger.resource("new-account"), &json!({"onlyReturnExisting": true})).await)
}

pub(crate) async fn account_not_valid() -> Provoked {
    let (_ca, alice) = with_alice().await;
    let _ = alice.post(alice.url(), &json!({"status": "deactivated"})).await.expect(StatusCode::OK);
    answered(alice.get(alice.url()).await)
}

pub(crate) async fn already_replaced() -> Provoked {
    let (ca, alice) = with_alice().await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let payload = json!({"identifiers": dns(&["room-1.corp.test"]), "replaces": issued.renewal_id()});
    alice.order(&payload).await.unwrap();
    new_order(&alice, payload).await
}

pub(crate) async fn already_revoked() -> Provoked {
    let (ca, alice) = with_alice().await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let _ = alice.revoke(issued.leaf(), None).await.expect(StatusCode::OK);
    answered(alice.revoke(issued.leaf(), None).await)
}

pub(crate) async fn bad_csr() -> Provoked {
    let (ca, alice) = with_alice().await;
    let order = alice.prove(&ca.dns, &alice.new_order(&["room-1.corp.test"]).await).await;
    answered(alice.finalize_once(&order, b"no request").await)
}

pub(crate) async fn bad_nonce() -> Provoked {
    let (_ca, alice) = with_alice().await;
    answered(alice.draft_read(alice.url()).header("nonce", "AAAA").send().await)
}

pub(crate) async fn bad_public_key() -> Provoked {
    let ca = TestCa::start().await;
    let stranger = ca.stranger("external", "weak");
    let short = json!({"kty": "RSA", "e": "AQAB", "n": "7".repeat(171)});
    let draft = stranger.draft(&stranger.resource("new-account"), &json!({}));
    answered(draft.header("jwk", short).header("alg", "RS256").send().await)
}

pub(crate) async fn bad_revocation_reason() -> Provoked {
    let (ca, alice) = with_alice().await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    answered(alice.revoke(issued.leaf(), Some(7)).await)
}

pub(crate) async fn bad_signature_algorithm() -> Provoked {
    let (_ca, alice) = with_alice().await;
    let reply = alice.draft_read(alice.url()).header("alg", "HS256").send().await;
    let algorithms = reply.json()["algorithms"].clone();
    assert_eq!(algorithms, json!(["ES256", "ES384", "RS256", "EdDSA"]), "RFC 8555 section 6.2");
    answered(reply)
}

pub(crate) async fn caa() -> Provoked {
    let (ca, alice) = with_alice().await;
    let order = alice.prove(&ca.dns, &alice.new_order(&["room-1.corp.test"]).await).await;
    ca.dns.set_caa("corp.test", &[(0, "issue", ";")]);
    answered(alice.finalize_once(&order, &order.csr().1).await)
}

pub(crate) async fn compound() -> Provoked {
    let (_ca, alice) = with_alice().await;
    let identifiers = json!([{"type": "dns", "value": "a_b.corp.test"}, {"type": "tel", "value": "+1"}]);
    new_order(&alice, json!({"identifiers": identifiers})).await
}

/// The error of a challenge that was answered while the DNS did this.
async fn failed(fault: Option<Fault>) -> Provoked {
    let (ca, alice) = with_config(|config| config.challenge.attempts = 1).await;
    let order = alice.new_order(&["room-1.corp.test"]).await;
    if let Some(fault) = fault {
        ca.dns.fault(fault);
    }
    let settled = alice.answer(&order.authorizations()[0], "dns-01").await;
    Provoked::Stored(challenge(&settled, "dns-01")["error"].clone())
}

pub(crate) async fn dns_failure() -> Provoked {
    failed(Some(Fault::ServFail)).await
}

pub(crate) async fn incorrect_response() -> Provoked {
    failed(None).await
}

/// newAccount at this authority with this payload.
async fn new_account(authority: &str, payload: Value) -> Provoked {
    let ca = TestCa::start().await;
    let stranger = ca.stranger(authority, "nobody");
    answered(stranger.post(&stranger.resource("new-account"), &payload).await)
}

pub(crate) async fn external_account_required() -> Provoked {
    new_account("closed", json!({"termsOfServiceAgreed": true})).await
}

pub(crate) async fn user_action_required() -> Provoked {
    new_account("closed", json!({})).await
}

pub(crate) async fn invalid_contact() -> Provoked {
    new_account("external", json!({"contact": ["mailto:no address"]})).await
}

pub(crate) async fn unsupported_contact() -> Provoked {
    new_account("external", json!({"contact": ["tel:+49301234"]})).await
}

pub(crate) async fn invalid_profile() -> Provoked {
    let (_ca, alice) = with_alice().await;
    new_order(&alice, json!({"identifiers": dns(&["room-1.corp.test"]), "profile": "nonsense"})).await
}

pub(crate) async fn key_in_use() -> Provoked {
    let (ca, alice) = with_alice().await;
    let bob = ca.register("bob").await;
    let url = alice.resource("key-change");
    let header = json!({"alg": "ES256", "jwk": bob.key().jwk(), "url": url}).to_string();
    let payload = json!({"account": alice.url(), "oldKey": alice.key().jwk()}).to_string();
    let inner = Value::Object(bob.key().flattened(&header, payload.as_bytes()));
    answered(alice.post(&url, &inner).await)
}

pub(crate) async fn malformed() -> Provoked {
    let (_ca, alice) = with_alice().await;
    answered(alice.draft_read(alice.url()).body("{").send().await)
}

pub(crate) async fn method_not_allowed() -> Provoked {
    let (_ca, alice) = with_alice().await;
    let reply = alice.draft_read(alice.url()).method(Method::PUT).send().await;
    assert_eq!(reply.header("allow"), "POST");
    answered(reply)
}

pub(crate) async fn not_acceptable() -> Provoked {
    let (ca, alice) = with_alice().await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    answered(alice.draft_read(&issued.url).accept("application/pkcs7-mime").send().await)
}

pub(crate) async fn not_found() -> Provoked {
    let (_ca, alice) = with_alice().await;
    answered(alice.get(&alice.resource("order/AAAAAAAAAAAAAAAAAAAAAA")).await)
}

pub(crate) async fn order_not_ready() -> Provoked {
    let (_ca, alice) = with_alice().await;
    let order = alice.new_order(&["room-1.corp.test"]).await;
    answered(alice.finalize_once(&order, &order.csr().1).await)
}

pub(crate) async fn payload_too_large() -> Provoked {
    let (_ca, alice) = with_alice().await;
    answered(alice.draft_read(alice.url()).body(vec![b' '; 65_537]).send().await)
}

pub(crate) async fn rate_limited() -> Provoked {
    let (_ca, alice) = with_config(|config| config.limits.orders_per_hour = 1).await;
    alice.new_order(&["room-1.corp.test"]).await;
    let reply = alice.post(&alice.resource("new-order"), &wanted("room-2.corp.test")).await;
    let seconds: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=3601).contains(&seconds), "{seconds}");
    answered(reply)
}

pub(crate) async fn rejected_identifier() -> Provoked {
    let (_ca, alice) = with_alice().await;
    new_order(&alice, wanted("room-1.elsewhere.test")).await
}

pub(crate) async fn request_timeout() -> Provoked {
    let answer = crate::timeout::given_up().await;
    let (head, document) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 408 "), "{head}");
    Provoked::Stored(serde_json::from_str(document).unwrap())
}

pub(crate) async fn server_internal() -> Provoked {
    let (ca, alice) = with_alice().await;
    ca.store_faults.fail_all_commits(true);
    new_order(&alice, wanted("room-1.corp.test")).await
}

pub(crate) async fn service_unavailable() -> Provoked {
    let timeout = std::time::Duration::from_secs(1);
    let (ca, alice) = with_config(move |config| config.limits.request_timeout = timeout).await;
    ca.store_faults.delay_commits(timeout * 4);
    let reply = alice.post(&alice.resource("new-order"), &wanted("room-1.corp.test")).await;
    assert!(!reply.header("retry-after").is_empty());
    answered(reply)
}

pub(crate) async fn token_refused() -> Provoked {
    let it = InternalCa::start().await;
    answered(it.certificate("no token").await)
}

pub(crate) async fn unauthorized() -> Provoked {
    let (ca, alice) = with_alice().await;
    let order = alice.new_order(&["room-1.corp.test"]).await;
    answered(ca.register("bob").await.get(&order.url).await)
}

pub(crate) async fn unsupported_identifier() -> Provoked {
    let (_ca, alice) = with_alice().await;
    new_order(&alice, json!({"identifiers": [{"type": "ip", "value": "192.0.2.1"}]})).await
}

pub(crate) async fn unsupported_media_type() -> Provoked {
    let (_ca, alice) = with_alice().await;
    answered(alice.draft_read(alice.url()).content_type(Some("application/json")).send().await)
}
