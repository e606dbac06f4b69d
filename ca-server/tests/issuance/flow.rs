//! The whole way, as relying parties see its result.

use certs::chain::{TrustSetName, TrustSets};
use certs::inspect::inspect_certificate;
use certs::verdict::{State, verdict};
use http::StatusCode;
use serde_json::json;

use crate::device::{Device, acts, challenge, csr, dns};
use crate::support::Ca;

#[tokio::test]
async fn a_device_obtains_a_certificate_that_relying_parties_verify() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (order, chain) = device.enrol(&ca, &["room-1.corp.test"]).await;
    assert_eq!(order["status"], "valid");
    assert_eq!(order["profile"], "device");
    assert_eq!(chain.len(), 2, "leaf and intermediate, no root");

    let mut trust = TrustSets::new();
    trust.insert_pem("external".parse::<TrustSetName>().unwrap(), &ca.file("root.pem")).unwrap();
    let now = ca.running.app().clock.now();
    let found = verdict(&chain, &trust, None, &[], now);
    assert!(matches!(found.state, State::VerifiedBy(_)), "{found:?}");
    assert_eq!(found.who.iter().map(ToString::to_string).collect::<Vec<_>>(), ["dns:room-1.corp.test"]);

    let report = inspect_certificate(&chain[0]).unwrap();
    let issuer = ca.running.app().authorities.named("external").unwrap().issuer_id().to_owned();
    assert_eq!(report.crl_urls, [format!("{}/crl/{issuer}.crl", ca.base)]);
    assert_eq!(report.ca_issuers_urls, [format!("{}/issuer/{issuer}.crt", ca.base)]);
    assert_eq!((acts(&ca, "intent").await, acts(&ca, "issued").await), (1, 1));
}

#[tokio::test]
async fn a_wildcard_and_its_base_are_proven_apart_and_certified_together() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let names = ["*.rooms.corp.test", "rooms.corp.test"];
    let (_, order) = device.ready(&ca, &names).await;
    let mut wildcards = Vec::new();
    for url in order["authorizations"].as_array().unwrap() {
        let object = device.read(&ca, url.as_str().unwrap()).await.json();
        assert_eq!(object["identifier"]["value"], "rooms.corp.test");
        wildcards.push(object["wildcard"].as_bool().unwrap_or(false));
    }
    wildcards.sort_unstable();
    assert_eq!(wildcards, [false, true]);
    let reply = device.finalize(&ca, &order, &csr(&names)).await;
    assert_eq!(reply.json()["status"], "valid", "{reply:?}");
    let report = inspect_certificate(&device.download(&ca, &reply.json()).await[0]).unwrap();
    assert_eq!(report.names, ["dns:*.rooms.corp.test", "dns:rooms.corp.test"]);
}

#[tokio::test]
async fn a_proven_authorization_serves_the_next_order_until_the_profile_says_no() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    device.enrol(&ca, &["room-1.corp.test"]).await;
    let (_, order) = device.order(&ca, &["room-1.corp.test"]).await;
    assert_eq!(order["status"], "ready");
    ca.clock.advance(time::Duration::hours(9));
    let (_, order) = device.order(&ca, &["room-1.corp.test"]).await;
    assert_eq!(order["status"], "pending");
}

#[tokio::test]
async fn another_accounts_authorization_is_not_reused() {
    let ca = Ca::start().await;
    Device::register(&ca).await.enrol(&ca, &["room-1.corp.test"]).await;
    let (_, order) = Device::register(&ca).await.order(&ca, &["room-1.corp.test"]).await;
    assert_eq!(order["status"], "pending");
}

#[tokio::test]
async fn a_failed_challenge_ends_the_authorization_and_the_order_and_says_why() {
    let ca = Ca::start_with("", |config| config.challenge.attempts = 1).await;
    let device = Device::register(&ca).await;
    let (url, order) = device.order(&ca, &["room-1.corp.test"]).await;
    let authorization = order["authorizations"][0].as_str().unwrap();
    let object = device.read(&ca, authorization).await.json();
    let challenge = challenge(&object, "dns-01");
    device.post(&ca, challenge["url"].as_str().unwrap(), &json!({})).await;
    let object = device.settled(&ca, authorization).await;
    assert_eq!(object["status"], "invalid");
    assert_eq!(object["challenges"][0]["status"], "invalid");
    let detail = object["challenges"][0]["error"]["detail"].as_str().unwrap();
    assert!(detail.contains("_acme-challenge.room-1.corp.test"), "{detail}");
    let order = device.read(&ca, &url).await.json();
    assert_eq!(order["status"], "invalid");
    assert!(order["error"]["detail"].as_str().unwrap().contains("_acme-challenge"), "{order}");
    let again = device.post(&ca, challenge["url"].as_str().unwrap(), &json!({})).await;
    assert_eq!(again.problem(), "malformed");
}

#[tokio::test]
async fn answering_again_or_with_unknown_members_changes_nothing() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (_, order) = device.order(&ca, &["room-1.corp.test"]).await;
    let authorization = order["authorizations"][0].as_str().unwrap();
    let object = device.read(&ca, authorization).await.json();
    let url = challenge(&object, "dns-01")["url"].as_str().unwrap().to_owned();
    device.prove(&ca, authorization).await;
    let reply = device.post(&ca, &url, &json!({"keyAuthorization": "old clients send this"})).await;
    assert_eq!((reply.status, reply.json()["status"].as_str()), (StatusCode::OK, Some("valid")));
    assert!(reply.headers.get_all("link").iter().any(|link| link.to_str().unwrap().contains("rel=\"up\"")));
}

#[tokio::test]
async fn a_pre_authorization_serves_the_order_that_follows() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let payload = json!({"identifier": {"type": "dns", "value": "room-1.corp.test"}});
    let reply = device.post(&ca, &ca.url("new-authz"), &payload).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{reply:?}");
    let url = reply.header("location").to_owned();
    device.prove(&ca, &url).await;
    let (_, order) = device.order(&ca, &["room-1.corp.test"]).await;
    assert_eq!((order["status"].as_str(), order["authorizations"][0].as_str()), (Some("ready"), Some(&*url)));
    let wildcard = json!({"identifier": {"type": "dns", "value": "*.corp.test"}});
    assert_eq!(device.post(&ca, &ca.url("new-authz"), &wildcard).await.problem(), "malformed");
    let payload = json!({"identifiers": dns(&["room-1.corp.test"])});
    assert_eq!(device.post(&ca, &ca.url("new-authz"), &payload).await.problem(), "malformed");
}
