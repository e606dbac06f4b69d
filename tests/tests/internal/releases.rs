//! Account ids that move to another organisation: the operator lets them go, and nobody else can.

use ca_server::internal::claim::IdClaim;
use ca_server::internal::{HolderKind, OrganisationId, UserId};
use ca_server::store::{Batch, Table};
use certs::inspect::inspect_certificate;
use policies::profiles::SHIPPED;
use rollcall_tests::ca::TestCa;
use rollcall_tests::device::Reply;
use rollcall_tests::internal::est::{Identity, Wanted, key, request};
use rollcall_tests::internal::{InternalCa, chain, csr, new_key};
use serde_json::{Value, json};

/// Two organisations; `corp` speaks for the people of the first.
async fn two() -> InternalCa {
    let it = InternalCa::start().await;
    it.organisation("Old").await;
    it.tell("/organisations", json!({"name": "New", "token_issuers": []})).await;
    it
}

async fn certify(it: &InternalCa) -> Reply {
    it.certificate(&it.issuer.token(&it.claims("alice"))).await
}

/// The id that Alice is certified by.
async fn alices_id(it: &InternalCa) -> String {
    let reply = certify(it).await;
    assert_eq!(reply.status, 200, "{reply}");
    it.judged(&reply.text()).display
}

/// The issuer speaks for the people of `New` from now on, and no longer for those of `Old`.
async fn move_issuer(it: &InternalCa) {
    it.tell("/organisations/Old/token-issuers", json!({"token_issuers": []})).await;
    it.tell("/organisations/New/token-issuers", json!({"token_issuers": ["corp"]})).await;
}

async fn changes(it: &InternalCa) -> Vec<String> {
    let audit = it.ca.audit().await;
    let changes = audit.of_kind("organisation").map(|act| act["change"].as_str().unwrap().to_owned());
    changes.filter(|change| change.starts_with("account id")).collect()
}

#[tokio::test]
async fn an_id_whose_issuer_moved_is_certified_again_after_the_operator_released_it() {
    let it = two().await;
    let id = alices_id(&it).await;
    move_issuer(&it).await;
    let reply = certify(&it).await;
    assert_eq!(reply.status, 401, "{reply}");
    assert!(reply.headers["www-authenticate"].to_str().unwrap().contains("other-organisation"));
    assert!(reply.json()["detail"].as_str().unwrap().contains("ca-server org release"), "{reply}");
    let released = it.tell("/organisations/Old/release", json!({"id": id})).await;
    let item = &released["items"][0];
    assert_eq!((&item["id"], &item["kind"]), (&json!(id), &json!("user")), "{released}");
    assert_eq!(item["certificates_in_force"], 1, "the one of before goes on until it ends");
    assert_eq!(alices_id(&it).await, id);
    let new = it.ask("/organisations/New").await["id"].clone();
    let audit = it.ca.audit().await;
    assert_eq!(audit.of_kind("intent").last().unwrap()["holder"]["organisation"], new);
    assert_eq!(changes(&it).await, [format!("account id {id} released")]);
}

#[tokio::test]
async fn an_id_that_is_given_to_an_organisation_is_nobody_elses_in_between() {
    let it = two().await;
    let id = alices_id(&it).await;
    let given = it.tell("/organisations/Old/release", json!({"id": id, "to": "New"})).await;
    let organisation = async |name: &str| it.ask(&format!("/organisations/{name}")).await["id"].clone();
    let (old, new) = (organisation("Old").await, organisation("New").await);
    assert_eq!((&given["items"][0]["from"], &given["items"][0]["to"]), (&old, &new), "{given}");
    assert_eq!(certify(&it).await.status, 401, "the issuer still speaks for the old one");
    move_issuer(&it).await;
    assert_eq!(alices_id(&it).await, id);
    let expected = [
        format!("account id {id} given to {}", new.as_str().unwrap()),
        format!("account id {id} taken over from {}", old.as_str().unwrap()),
    ];
    assert_eq!(changes(&it).await, expected);
}

#[tokio::test]
async fn nothing_changes_where_the_organisation_has_no_such_id_or_the_destination_is_none() {
    let it = two().await;
    let id = alices_id(&it).await;
    let before = it.ca.snapshot().await;
    for (organisation, wanted, reason) in [
        ("New", json!({"id": id}), "no account id of this organisation"),
        ("Old", json!({"id": "6ba7b810-9dad-41d1-80b4-00c04fd430c8"}), "no account id of this organisation"),
        ("Old", json!({"id": "alice"}), "is not an account id"),
        ("Old", json!({"id": id, "to": "Nobody"}), "no organisation"),
        ("Old", json!({"id": id, "to": "Old"}), "already"),
        ("Old", json!({"to": "New"}), "only one account id"),
        ("Nobody", json!({"id": id}), "no organisation"),
        ("Old", json!({"after": "x"}), "is not an account id"),
    ] {
        let refused = it.try_tell(&format!("/organisations/{organisation}/release"), wanted.clone()).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(reason), "{organisation} {wanted}: {refused}");
    }
    assert_eq!(it.ca.snapshot().await, before);
}

#[tokio::test]
async fn the_ids_of_all_people_of_an_organisation_go_page_by_page_and_those_of_others_stay() {
    let it = two().await;
    let id_of = async |name: &str| -> OrganisationId {
        it.ask(&format!("/organisations/{name}")).await["id"].as_str().unwrap().parse().unwrap()
    };
    let (old, new) = (id_of("Old").await, id_of("New").await);
    let mut batch = Batch::new();
    for number in 0..450 {
        let organisation = if number % 3 == 0 { new } else { old };
        let claim = IdClaim { id: UserId::fresh().unwrap(), kind: HolderKind::User, organisation };
        batch.insert(&claim).unwrap();
    }
    it.ca.app().store.commit(batch).await.unwrap();
    it.activated("Old", &new_key()).await;
    let (mut after, mut released) = (Value::Null, 0);
    loop {
        let page = it.tell("/organisations/Old/release", json!({"after": after})).await;
        released += page["items"].as_array().unwrap().len();
        after = page["next"].clone();
        if after.is_null() {
            break;
        }
    }
    assert_eq!(released, 300);
    assert_eq!(it.ca.snapshot().await.rows(Table::IdClaims), 150);
    assert_eq!(it.ca.snapshot().await.rows(Table::MachineAccounts), 1);
    assert_eq!(changes(&it).await.len(), 300, "each has its entry");
}

#[tokio::test]
async fn a_device_moves_with_its_token_and_is_certified_for_the_other_organisation_from_then_on() {
    let it = two().await;
    it.verified_domain("Old", "corp.test").await;
    it.prefer("Old", "corp.test").await;
    it.ca.dns.add_zone("new.test");
    it.verified_domain("New", "new.test").await;
    it.prefer("New", "new.test").await;
    let key = key();
    let (account, token) = it.activated_for_est("Old", &key).await;
    let (bearer, csr) = (format!("Bearer {token}"), request(&key, &Wanted::default()));
    let held = it.enroll(None, "simpleenroll", Some(&bearer), &csr).await.certificates()[0].clone();
    let alone = it.try_tell("/organisations/Old/release", json!({"id": account})).await.unwrap_err();
    assert!(alone.to_string().contains("--to"), "{alone}");
    let moved = it.tell("/organisations/Old/release", json!({"id": account, "to": "New"})).await;
    assert_eq!(moved["items"][0]["kind"], "device", "{moved}");
    let again = Wanted { common_name: Some("corp.test"), ..Wanted::default() };
    let identity = Identity { certificate: held, key: &key };
    let renamed = it.enroll(Some(&identity), "simplereenroll", None, &request(&key, &again)).await;
    assert_eq!(renamed.status, 403, "its names have changed: {renamed:?}");
    let answer = it.enroll(None, "simpleenroll", Some(&bearer), &csr).await;
    let names = inspect_certificate(&answer.certificates()[0]).unwrap().names;
    assert_eq!(names, [format!("uri:{account}"), "dns:new.test".to_owned()]);
    let id = account.strip_prefix("urn:uuid:").unwrap();
    it.tell(&format!("/devices/{id}/deactivate"), json!({})).await;
    let ended = it.try_tell("/organisations/New/release", json!({"id": account, "to": "Old"})).await;
    assert!(ended.unwrap_err().to_string().contains("deactivated"));
}

#[tokio::test]
async fn what_was_decided_of_the_id_for_the_organisation_before_is_forgotten() {
    let (_, text) = SHIPPED.iter().find(|(name, _)| *name == "internal-user.toml").unwrap();
    let text = format!("{text}\nneeds-approval = true\n");
    let it =
        InternalCa::build(TestCa::builder().file("policy/profiles/internal-user.toml", &text), |_| {}).await;
    it.organisation("Old").await;
    it.tell("/organisations", json!({"name": "New", "token_issuers": []})).await;
    let (first, second, token) = (new_key(), new_key(), it.issuer.token(&it.claims("alice")));
    let ask = async |key: &certs::key::SigningKey| {
        it.post("certificates", Some(&token), &json!({"csr": csr(key, &[])})).await
    };
    let approve = async || {
        let waiting = it.ask("/approvals?limit=10").await;
        let items = waiting["items"].as_array().unwrap();
        let id = items.iter().find(|item| item["decision"] == "pending").unwrap()["id"].as_str().unwrap();
        it.tell(&format!("/approvals/{id}/approve"), json!({})).await;
    };
    assert_eq!(ask(&first).await.status, 403);
    approve().await;
    let issued = ask(&first).await;
    let id = it.judged(&issued.text()).display;
    assert_eq!(ask(&second).await.status, 403, "one more waits");
    approve().await;
    move_issuer(&it).await;
    it.tell("/organisations/Old/release", json!({"id": id})).await;
    let reply = ask(&second).await;
    assert!(reply.json()["type"].as_str().unwrap().ends_with(":userActionRequired"), "{reply}");
    approve().await;
    let issued = ask(&second).await;
    assert_eq!(chain(&issued.text()).len(), 2, "{issued}");
}
