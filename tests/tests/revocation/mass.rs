//! Mass revocation over the operator's socket: what matches, how many at a time, taken up again, and told to agents at once.

use certs::ari::CertId;
use http::StatusCode;
use rollcall_tests::ca::TestCa;
use rollcall_tests::device::Issued;
use rollcall_tests::internal::{InternalCa, chain, csr, new_key};
use rollcall_tests::revocation::fill;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::issuer;

fn start() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(rollcall_tests::ca::START)
}

/// Asks page after page until the end; the sum of what matched and of what was revoked, and the pages.
async fn revoke(it: &InternalCa, question: Value) -> (u64, u64, usize) {
    let (mut question, mut sum, mut pages) = (question, (0, 0), 0);
    loop {
        let page = it.tell("/revocations", question.clone()).await;
        sum.0 += page["matched"].as_u64().unwrap();
        sum.1 += page["revoked"].as_u64().unwrap();
        pages += 1;
        match page["next"].as_str() {
            Some(next) => question["after"] = json!(next),
            None => return (sum.0, sum.1, pages),
        }
    }
}

async fn replacement_window_is_over(ca: &TestCa, issued: &Issued) -> bool {
    use ca_server::clock::Clock as _;
    let id = CertId::from_certificate(issued.leaf()).unwrap();
    let url = ca.resource("external", &format!("renewal-info/{id}"));
    let info = ca.http().get(&url).await.expect(StatusCode::OK).json();
    let end = info["suggestedWindow"]["end"].as_str().unwrap();
    OffsetDateTime::parse(end, &Rfc3339).unwrap() <= ca.clock.now()
}

#[tokio::test]
async fn a_dry_run_counts_and_changes_nothing() {
    let it = InternalCa::start().await;
    let alice = it.ca.register("alice").await;
    alice.issue(&it.ca.dns, &["room-1.corp.test"]).await;
    alice.issue(&it.ca.dns, &["room-2.corp.test"]).await;
    let before = it.ca.snapshot().await;
    let counted = revoke(&it, json!({"profile": "device", "dry_run": true})).await;
    assert_eq!((counted.0, counted.1), (2, 0));
    assert_eq!(it.ca.snapshot().await, before);
}

#[tokio::test]
async fn an_accounts_certificates_are_revoked_and_its_agents_are_told_to_replace_them_at_once() {
    let it = InternalCa::start().await;
    let (alice, bob) = (it.ca.register("alice").await, it.ca.register("bob").await);
    let hers = alice.issue(&it.ca.dns, &["room-1.corp.test"]).await;
    let his = bob.issue(&it.ca.dns, &["room-2.corp.test"]).await;
    let account = alice.url().rsplit('/').next().unwrap();
    let question = json!({"account": account, "reason": 4});
    assert!(!replacement_window_is_over(&it.ca, &hers).await);
    assert_eq!(revoke(&it, question.clone()).await, (1, 1, 1));
    assert!(
        replacement_window_is_over(&it.ca, &hers).await && !replacement_window_is_over(&it.ca, &his).await
    );
    assert_eq!(revoke(&it, question).await, (0, 0, 1), "what is revoked does not match again");
    let audit = it.ca.audit().await;
    let acts: Vec<_> = audit.of_kind("revoked").collect();
    assert_eq!((acts.len(), &acts[0]["reason"], &acts[0]["by"]), (1, &json!(4), &json!("administrator")));
}

#[tokio::test]
async fn people_and_devices_are_found_by_organisation_and_by_account_id() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    it.tell("/organisations", json!({"name": "Other", "token_issuers": []})).await;
    let (key, other_key) = (new_key(), new_key());
    let mut devices = Vec::new();
    for (organisation, key) in [("Corp", &key), ("Other", &other_key)] {
        let (account, token) = it.activated(organisation, key).await;
        let body = json!({"csr": csr(key, &[])});
        let reply = it.post("certificates", Some(&token), &body).await;
        assert_eq!(reply.status, 200, "{reply}");
        assert_eq!(chain(&reply.text()).len(), 2);
        devices.push(account);
    }
    let counted = async |question: Value| revoke(&it, question).await.0;
    assert_eq!(counted(json!({"organisation": "Corp", "dry_run": true})).await, 1);
    assert_eq!(counted(json!({"identifier": devices[1], "dry_run": true})).await, 1);
    assert_eq!(
        counted(json!({"organisation": "Corp", "identifier": devices[1]})).await,
        0,
        "both must match"
    );
    assert_eq!(revoke(&it, json!({"organisation": "Corp"})).await.1, 1);
    assert_eq!(revoke(&it, json!({"identifier": devices[1].trim_start_matches("urn:uuid:")})).await.1, 1);
}

#[tokio::test]
async fn devices_whose_certificates_are_revoked_together_are_unbound_unless_they_are_only_superseded() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let mut devices = Vec::new();
    for key in [new_key(), new_key()] {
        let (account, token) = it.activated("Corp", &key).await;
        let asks =
            async || it.post("certificates", Some(&token), &json!({"csr": csr(&key, &[])})).await.status;
        assert_eq!(asks().await, 200);
        let superseded = json!({"identifier": account, "reason": 4});
        assert_eq!(it.tell("/revocations", superseded).await.get("unbound_devices"), None);
        assert_eq!(asks().await, 200, "what is superseded is replaced");
        devices.push((account, key, token));
    }
    let page = it.tell("/revocations", json!({"organisation": "Corp", "reason": 1})).await;
    assert_eq!((&page["matched"], &page["revoked"]), (&json!(2), &json!(2)));
    let mut unbound: Vec<_> =
        page["unbound_devices"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let mut accounts: Vec<_> =
        devices.iter().map(|(account, _, _)| account.trim_start_matches("urn:uuid:")).collect();
    unbound.sort_unstable();
    accounts.sort_unstable();
    assert_eq!(unbound, accounts);
    for (_, key, token) in &devices {
        let reply = it.post("certificates", Some(token), &json!({"csr": csr(key, &[])})).await;
        assert_eq!(reply.status, 401, "{reply}");
    }
}

#[tokio::test]
async fn a_mass_revocation_that_was_broken_off_goes_on_where_it_is_asked_again() {
    let it = InternalCa::start().await;
    let ours = issuer(&it.ca);
    let fleet = (0..450).map(|n| fill::certificate("external", &ours, n, start()));
    fill::insert(&it.ca.app().store, fleet).await.unwrap();
    let first = it.tell("/revocations", json!({"profile": "device", "reason": 1})).await;
    let done = first["revoked"].as_u64().unwrap();
    assert!(done < 450 && first["next"].is_string(), "{done} of 450 in one page");
    let (matched, revoked, pages) = revoke(&it, json!({"profile": "device", "reason": 1})).await;
    assert_eq!((matched, revoked), (450 - done, 450 - done));
    assert!(pages > 1);
    assert_eq!(it.ca.audit().await.count("revoked"), 450);
}

#[tokio::test]
async fn nobody_revokes_everything_by_naming_nothing_nor_what_the_server_holds_itself() {
    let it = InternalCa::start_with(|config| config.revocation.ocsp = Some(true)).await;
    let refused = it.try_tell("/revocations", json!({"reason": 1})).await.unwrap_err().to_string();
    assert!(refused.contains("say which certificates"), "{refused}");
    for (question, word) in [
        (json!({"profile": "device", "reason": 7}), "reason"),
        (json!({"identifier": "no name"}), "identifier"),
        (json!({"authority": "nobody"}), "authority"),
        (json!({"organisation": "Nobody"}), "organisation"),
        (json!({"profile": "device", "after": "!"}), "after"),
    ] {
        let refused = it.try_tell("/revocations", question).await.unwrap_err().to_string();
        assert!(refused.contains(word), "{word}: {refused}");
    }
    let id = data_encoding::HEXLOWER.encode(issuer(&it.ca).subject_key_identifier());
    assert_eq!(revoke(&it, json!({"issuer": id, "dry_run": true})).await.0, 0, "the responder's own is left");
    let named = revoke(&it, json!({"profile": "ocsp-responder", "dry_run": true})).await;
    assert_eq!(named.0, 1, "unless its profile is named");
}

#[tokio::test]
async fn expired_certificates_do_not_match() {
    let it = InternalCa::start().await;
    let ours = issuer(&it.ca);
    let expired = fill::certificate("external", &ours, 1, start() - time::Duration::days(366));
    fill::insert(&it.ca.app().store, [expired]).await.unwrap();
    assert_eq!(revoke(&it, json!({"profile": "device"})).await, (0, 0, 1));
}

#[tokio::test]
async fn many_revocations_are_on_one_list() {
    let it = InternalCa::start().await;
    let ours = issuer(&it.ca);
    let fleet = (0..300).map(|n| fill::certificate("external", &ours, n, start()));
    fill::insert(&it.ca.app().store, fleet).await.unwrap();
    assert_eq!(revoke(&it, json!({"profile": "device"})).await.1, 300);
    let shown = it.ca.http().get(&it.ca.url("/crl/external.crl")).await.expect(StatusCode::OK);
    assert!(shown.body.len() > 300 * 36, "{} octets", shown.body.len());
}

#[tokio::test]
async fn an_issuer_may_be_named_as_it_was_copied_and_a_slip_of_the_hand_is_told() {
    let it = InternalCa::start().await;
    let ours = issuer(&it.ca);
    let fleet = (0..3).map(|n| fill::certificate("external", &ours, n, start()));
    fill::insert(&it.ca.app().store, fleet).await.unwrap();
    let octets = ours.subject_key_identifier().iter().map(|octet| format!("{octet:02X}"));
    let copied = octets.collect::<Vec<_>>().join(":");
    let question = json!({"issuer": copied, "profile": "device", "dry_run": true});
    let page = it.tell("/revocations", question).await;
    assert_eq!((&page["matched"], &page["warning"]), (&json!(3), &Value::Null));
    for (question, told) in [
        (json!({"issuer": "00ff", "dry_run": true}), "no issuer here has the key identifier 00ff"),
        (json!({"profile": "devcie", "dry_run": true}), "there is no profile devcie now"),
    ] {
        let page = it.tell("/revocations", question).await;
        assert_eq!(page["matched"], json!(0));
        assert!(page["warning"].as_str().unwrap().contains(told), "{page}");
    }
    for issuer in ["", "room-1", "abc"] {
        let refused = it.try_tell("/revocations", json!({"issuer": issuer})).await.unwrap_err().to_string();
        assert!(refused.contains("a key identifier in hexadecimal"), "{refused}");
    }
}
