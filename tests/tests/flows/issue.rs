//! From nothing to a certificate, by every proof.

use certs::leaf::Proof;
use http::StatusCode;
use rollcall_tests::ca::TestCa;
use rollcall_tests::device::challenge;
use serde_json::json;

use crate::support::assert_verified;

#[tokio::test]
async fn a_device_proves_its_name_by_dns_01_and_holds_a_certificate() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let report = issued.report();
    assert_eq!(report.names, ["dns:room-1.corp.test"]);
    assert_eq!(report.proofs, [Proof::Dns01]);
    assert_eq!(report.extended_key_usages, ["client-auth"]);
    let issuer = ca.app().authorities.named("external").unwrap().issuer_id().to_owned();
    assert_eq!(report.crl_urls, [ca.url(&format!("/crl/{issuer}.crl"))]);
    assert_eq!(report.ca_issuers_urls, [ca.url(&format!("/issuer/{issuer}.crt"))]);
    assert_eq!(issued.chain.len(), 2);
    assert_verified(&ca, &issued.chain);
    let audit = ca.audit().await;
    assert_eq!((audit.count("intent"), audit.count("issued")), (1, 1));
}

#[tokio::test]
async fn a_wildcard_and_its_base_stand_in_one_order_with_two_records_at_one_name() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let order = alice.new_order(&["*.rooms.corp.test", "rooms.corp.test"]).await;
    assert_eq!(order.authorizations().len(), 2);
    for url in order.authorizations() {
        let authorization = alice.read(&url).await;
        assert_eq!(authorization["identifier"]["value"], "rooms.corp.test");
    }
    let issued = alice.complete(&ca.dns, &order).await;
    assert_eq!(ca.dns.txt("_acme-challenge.rooms.corp.test").len(), 2);
    assert_eq!(issued.report().names, ["dns:*.rooms.corp.test", "dns:rooms.corp.test"]);
    assert_verified(&ca, &issued.chain);
}

#[tokio::test]
async fn ten_names_stand_in_one_certificate() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let names: Vec<String> = (0..10).map(|at| format!("room-{at}.corp.test")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let issued = alice.issue(&ca.dns, &names).await;
    assert_eq!(issued.report().names.len(), 10);
    assert_verified(&ca, &issued.chain);
}

#[tokio::test]
async fn dns_account_01_has_a_label_of_its_own_for_each_account() {
    let ca = TestCa::start().await;
    let (alice, bob) = (ca.register("alice").await, ca.register("bob").await);
    for device in [&alice, &bob] {
        let order = device.new_order(&["shared.corp.test"]).await;
        let url = order.authorizations().remove(0);
        device.publish(&ca.dns, &device.read(&url).await, "dns-account-01");
        assert_eq!(device.answer(&url, "dns-account-01").await["status"], "valid");
        let (key, csr) = order.csr();
        drop(key);
        let order = device.finalize(&order, &csr).await.unwrap();
        let chain = device.download(order.certificate().unwrap()).await;
        let report = certs::inspect::inspect_certificate(&chain[0]).unwrap();
        assert_eq!(report.proofs, [Proof::DnsAccount01]);
    }
    assert!(ca.dns.txt("_acme-challenge.shared.corp.test").is_empty());
}

#[tokio::test]
async fn dns_persist_01_needs_no_token_and_says_what_to_publish() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let order = alice.new_order(&["room-1.corp.test"]).await;
    let url = order.authorizations().remove(0);
    let offered = challenge(&alice.read(&url).await, "dns-persist-01");
    assert_eq!(offered["accounturi"], alice.url());
    assert_eq!(offered["issuer-domain-names"], json!(["ca.test"]));
    assert!(offered.get("token").is_none());
    let record = format!("ca.test; accounturi={}", alice.url());
    ca.dns.set_txt("_validation-persist.room-1.corp.test", &[&record]);
    let settled = alice.answer(&url, "dns-persist-01").await;
    assert_eq!(settled["status"], "valid", "{settled}");
    let (_, csr) = order.csr();
    assert_eq!(alice.finalize(&order, &csr).await.unwrap().status(), "valid");
}

#[tokio::test]
async fn one_dns_persist_01_record_with_policy_wildcard_serves_a_whole_domain() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let record = format!("ca.test; accounturi={}; policy=wildcard", alice.url());
    ca.dns.set_txt("_validation-persist.corp.test", &[&record]);
    for name in ["room-1.corp.test", "*.rooms.corp.test", "deep.down.corp.test"] {
        let order = alice.new_order(&[name]).await;
        let url = order.authorizations().remove(0);
        let settled = alice.answer(&url, "dns-persist-01").await;
        assert_eq!(settled["status"], "valid", "{settled}");
        let (_, csr) = order.csr();
        assert_eq!(alice.finalize(&order, &csr).await.unwrap().status(), "valid");
    }
    let bob = ca.register("bob").await;
    let order = bob.new_order(&["room-1.corp.test"]).await;
    let settled = bob.answer(&order.authorizations()[0], "dns-persist-01").await;
    assert_eq!(settled["status"], "invalid", "another account's record proves nothing");
    assert_eq!(
        challenge(&settled, "dns-persist-01")["error"]["type"],
        "urn:ietf:params:acme:error:unauthorized"
    );
}

#[tokio::test]
async fn dns_persist_01_without_policy_wildcard_proves_neither_a_wildcard_nor_a_name_below() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let record = format!("ca.test; accounturi={}", alice.url());
    ca.dns.set_txt("_validation-persist.rooms.corp.test", &[&record]);
    for name in ["*.rooms.corp.test", "one.rooms.corp.test"] {
        let order = alice.new_order(&[name]).await;
        let settled = alice.answer(&order.authorizations()[0], "dns-persist-01").await;
        assert_eq!(settled["status"], "invalid", "{name}");
        let error = &challenge(&settled, "dns-persist-01")["error"];
        assert_eq!(error["type"], "urn:ietf:params:acme:error:unauthorized");
        assert!(error["detail"].as_str().unwrap().contains("policy=wildcard"), "{error}");
    }
}

#[tokio::test]
async fn a_wrong_record_ends_the_challenge_and_the_order_and_says_what_was_found_where() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let order = alice.new_order(&["room-1.corp.test"]).await;
    ca.dns.set_txt("_acme-challenge.room-1.corp.test", &["not-it"]);
    let settled = alice.answer(&order.authorizations()[0], "dns-01").await;
    assert_eq!(settled["status"], "invalid");
    let error = &challenge(&settled, "dns-01")["error"];
    assert_eq!(error["type"], "urn:ietf:params:acme:error:incorrectResponse");
    let detail = error["detail"].as_str().unwrap();
    for part in ["_acme-challenge.room-1.corp.test", "not-it", &ca.dns.address().to_string()] {
        assert!(detail.contains(part), "{part} is not in {detail}");
    }
    let order = alice.seen(&order).await;
    assert_eq!(order.status(), "invalid");
    assert!(order.body["error"]["detail"].as_str().unwrap().contains("not-it"), "{}", order.body);
    assert_eq!(ca.audit().await.count("intent"), 0);
}

#[tokio::test]
async fn the_proof_of_one_account_is_none_of_another() {
    let ca = TestCa::start().await;
    let (alice, bob) = (ca.register("alice").await, ca.register("bob").await);
    let (of_alice, of_bob) =
        (alice.new_order(&["room-1.corp.test"]).await, bob.new_order(&["room-1.corp.test"]).await);
    let url = of_alice.authorizations().remove(0);
    alice.publish(&ca.dns, &alice.read(&url).await, "dns-01");
    let settled = bob.answer(&of_bob.authorizations()[0], "dns-01").await;
    assert_eq!(settled["status"], "invalid");
    assert_eq!(alice.answer(&url, "dns-01").await["status"], "valid");
}

#[tokio::test]
async fn polling_says_when_to_come_again_while_a_validation_runs() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let order = alice.new_order(&["room-1.corp.test"]).await;
    let url = order.authorizations().remove(0);
    let seen = alice.read(&url).await;
    alice.publish(&ca.dns, &seen, "dns-01");
    // The question is asked again until its time is over.
    ca.dns.fault(rollcall_tests::dns::Fault::Silent);
    let asked = challenge(&seen, "dns-01")["url"].as_str().unwrap().to_owned();
    let reply = alice.post(&asked, &json!({})).await.expect(StatusCode::OK);
    assert_eq!(reply.json()["status"], "processing");
    assert_eq!(reply.header("retry-after"), "1");
    assert_eq!(reply.links("up"), std::slice::from_ref(&url));
    let reply = alice.get(&url).await.expect(StatusCode::OK);
    assert_eq!(reply.json()["status"], "pending");
    assert_eq!(reply.header("retry-after"), "1");
    ca.dns.honest();
    assert_eq!(alice.settled(&url).await["status"], "valid");
    assert_eq!(alice.get(&url).await.header("retry-after"), "");
}
