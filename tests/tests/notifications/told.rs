//! What is told: every kind of event, in order, with what it says, to those who want it.

use http::StatusCode;
use rollcall_tests::ca::{START, TestCa};
use rollcall_tests::internal::InternalCa;
use rollcall_tests::receiver::Receiver;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::setting::{SECOND, SECRET, add, hook, name, next, secret_file, telling};

#[tokio::test]
async fn what_is_issued_and_revoked_is_told_in_order_and_signed() {
    let receiver = Receiver::start().await;
    let ca = telling(&receiver, "").start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    drop(alice.revoke(issued.leaf(), Some(4)).await.expect(StatusCode::OK));
    let (request, event) = next(&receiver).await;
    assert_eq!(request.line, "POST /hook HTTP/1.1");
    assert_eq!(request.header("content-type"), "application/cloudevents+json; charset=utf-8");
    assert_eq!(request.header("webhook-timestamp"), START.to_string());
    let start = OffsetDateTime::from_unix_timestamp(START).unwrap().format(&Rfc3339).unwrap();
    assert_eq!(
        (&event["specversion"], &event["type"], &event["source"], &event["time"]),
        (&json!("1.0"), &json!("rollcall.certificate.issued.v1"), &json!("https://ca.test/"), &json!(start))
    );
    let serial = ca.audit().await.of_kind("issued").next().unwrap()["serial"].clone();
    assert_eq!((&event["subject"], &event["data"]["certificate"]["serial"]), (&serial, &serial));
    let certificate = &event["data"]["certificate"];
    assert_eq!(certificate["identifiers"], json!(["dns:room-1.corp.test"]));
    assert_eq!((&certificate["profile"], &certificate["proofs"]), (&json!("device"), &json!(["dns-01"])));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, issued.leaf());
    let digest: String = digest.as_ref().iter().map(|octet| format!("{octet:02x}")).collect();
    assert_eq!(event["data"]["sha256"], digest);

    let (_, event) = next(&receiver).await;
    assert_eq!(event["type"], "rollcall.certificate.revoked.v1");
    let data = &event["data"];
    assert_eq!((&data["reason"], &data["reason_code"]), (&json!("superseded"), &json!(4)));
    assert!(data["by"].as_str().unwrap().starts_with("account "), "{data}");
    assert!(event["sequence"].as_str().unwrap().parse::<u64>().is_ok(), "{event}");
}

#[tokio::test]
async fn only_who_wants_an_event_is_told_of_it() {
    let (all, revoked, unbound, other) =
        (Receiver::start().await, Receiver::start().await, Receiver::start().await, Receiver::start().await);
    let urls = [all.url(), revoked.url(), unbound.url(), other.url()];
    let ca = TestCa::builder()
        .configure(move |config| {
            let [all, revoked, unbound, other] = &urls;
            add(config, "all", all, "");
            add(config, "revoked", revoked, "events = [\"revoked\"]");
            add(config, "unbound", unbound, "authorities = [\"unbound\"]\nprofiles = [\"device\"]");
            add(config, "other", other, "organisations = [\"6ba7b810-9dad-41d1-80b4-00c04fd430c8\"]");
        })
        .start()
        .await;
    let alice = ca.register("alice").await;
    let device = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    ca.register_at("unbound", "carol").await.issue(&ca.dns, &["www.corp.test"]).await;
    drop(alice.revoke(device.leaf(), None).await.expect(StatusCode::OK));
    for expected in ["dns:room-1.corp.test", "dns:www.corp.test", "dns:room-1.corp.test"] {
        assert_eq!(name(&next(&all).await.1), expected);
    }
    assert_eq!(next(&revoked).await.1["type"], "rollcall.certificate.revoked.v1");
    assert_eq!(name(&next(&unbound).await.1), "dns:www.corp.test");
    // The last entry of the journal is behind all of them before what they were not told is looked at.
    for webhook in ["all", "revoked", "unbound", "other"] {
        let endpoint = hook(ca.app(), webhook);
        let all_looked_at = async {
            while endpoint.stands(&ca.app().store).await.unwrap().0 < ca.audit().await.len() as u64 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), all_looked_at).await.unwrap();
    }
    for receiver in [&all, &revoked, &unbound, &other] {
        assert_eq!(receiver.rest().await.len(), 0);
    }
}

#[tokio::test]
async fn a_webhook_of_one_organisation_is_told_of_its_people_alone() {
    let receiver = Receiver::start().await;
    let it = InternalCa::build(TestCa::builder().sled(), |_| {}).await;
    let organisation = it.organisation("Corp").await["id"].clone();
    assert_eq!(it.certificate(&it.issuer.token(&it.claims("alice"))).await.status, StatusCode::OK);
    it.ca.register("bob").await.issue(&it.ca.dns, &["room-1.corp.test"]).await;
    let ca = it.into_ca();
    let mut config = ca.config().clone();
    let filter = format!("organisations = [{organisation}]");
    add(&mut config, "corp", &receiver.url(), &filter);
    let ca = ca.restart_with(config).await;
    let (endpoint, store) = (hook(ca.app(), "corp"), &ca.app().store);
    endpoint.replay(store, 1).await.unwrap();
    let certificate = next(&receiver).await.1["data"]["certificate"].clone();
    assert_eq!(certificate["organisation"], organisation, "{certificate}");
    assert_eq!(certificate["holder_kind"], "user", "{certificate}");
    assert!(certificate["holder"].is_string(), "{certificate}");
    let all_looked_at = async {
        while endpoint.stands(store).await.unwrap().0 < ca.audit().await.len() as u64 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), all_looked_at).await.unwrap();
    assert_eq!(receiver.rest().await.len(), 0);
}

#[tokio::test]
async fn each_part_is_read_again_whatever_is_wrong_with_the_others() {
    let receiver = Receiver::start().await;
    let ca = telling(&receiver, "").start().await;
    secret_file(ca.config(), "hook.secret", "whsec_short");
    std::fs::write(ca.folder().join("policy/rules/bad.cedar"), "permit (").unwrap();
    let refused = ca.running().reload().await.unwrap_err();
    let refused: Vec<String> = refused.iter().map(ToString::to_string).collect();
    assert_eq!(refused, ["the policy files were not taken", "the secrets of webhooks were not taken"]);
    std::fs::write(ca.folder().join("tls/fullchain.pem"), "none").unwrap();
    std::fs::remove_file(ca.folder().join("policy/rules/bad.cedar")).unwrap();
    let refused = ca.running().reload().await.unwrap_err();
    let refused: Vec<String> = refused.iter().map(ToString::to_string).collect();
    assert_eq!(refused, ["the TLS certificate was not taken", "the secrets of webhooks were not taken"]);
}

#[tokio::test]
async fn a_secret_is_replaced_without_an_event_that_its_receiver_cannot_verify() {
    let receiver = Receiver::start().await;
    let ca = telling(&receiver, "").start().await;
    let alice = ca.register("alice").await;
    alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let first = receiver.next().await;
    assert_eq!((first.signed_by(SECRET), first.signed_by(SECOND)), (Some(0), None));
    secret_file(ca.config(), "hook.secret", &format!("{SECOND}\n{SECRET}\n"));
    ca.running().reload().await.unwrap();
    alice.issue(&ca.dns, &["room-2.corp.test"]).await;
    let both = receiver.next().await;
    assert_eq!((both.signed_by(SECOND), both.signed_by(SECRET)), (Some(0), Some(1)));
    secret_file(ca.config(), "hook.secret", SECOND);
    ca.running().reload().await.unwrap();
    alice.issue(&ca.dns, &["room-3.corp.test"]).await;
    let last = receiver.next().await;
    assert_eq!((last.signed_by(SECRET), last.signed_by(SECOND)), (None, Some(0)));
    // A file that is not right is not taken, and what was in force stays.
    secret_file(ca.config(), "hook.secret", "whsec_short");
    let refused = ca.running().reload().await.unwrap_err();
    let [refused] = refused.as_slice() else { panic!("{refused:?}") };
    let told = format!("{refused}: {}", std::error::Error::source(refused).unwrap());
    assert!(told.contains("hook") && told.contains("line 1") && !told.contains("short"), "{told}");
    alice.issue(&ca.dns, &["room-4.corp.test"]).await;
    assert_eq!(receiver.next().await.signed_by(SECOND), Some(0));
}

#[tokio::test]
async fn openssl_makes_the_same_signature() {
    let receiver = Receiver::start().await;
    let ca = telling(&receiver, "").start().await;
    ca.register("alice").await.issue(&ca.dns, &["room-1.corp.test"]).await;
    let (request, _) = next(&receiver).await;
    let message = ca.folder().join("message");
    let mut octets = format!("{}.{}.", request.id(), request.header("webhook-timestamp")).into_bytes();
    octets.extend_from_slice(&request.body);
    std::fs::write(&message, octets).unwrap();
    let key = "hexkey:3031323334353637383961626364656630313233343536373839616263646566";
    let output = std::process::Command::new("openssl")
        .args(["dgst", "-sha256", "-mac", "HMAC", "-macopt", key, "-binary"])
        .arg(&message)
        .output();
    let Ok(output) = output else {
        assert!(std::env::var_os("CI").is_none(), "openssl is not here");
        return eprintln!("skipped: openssl is not here");
    };
    use base64::Engine as _;
    let tag = base64::engine::general_purpose::STANDARD.encode(output.stdout);
    assert_eq!(request.header("webhook-signature"), format!("v1,{tag}"));
}
