//! Organisations that trust nothing of each other: ids and addresses that one of them may not have certified.

use ca_server::internal::OrganisationId;
use ca_server::internal::organisation::Organisation;
use ca_server::store::Batch;
use ca_server::store::tables::organisations;
use certs::inspect::inspect_certificate;
use policies::profiles::SHIPPED;
use rollcall_tests::ca::TestCa;
use rollcall_tests::device::Reply;
use rollcall_tests::internal::{InternalCa, chain, new_key};
use serde_json::{Value, json};

const PARTNERS: &str = "https://login.partners.test";
const ID: &str = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

/// Two organisations, each with an issuer that writes ids of its own.
async fn two(per_hour: u32) -> InternalCa {
    let it = InternalCa::start_with(move |config| {
        config.internal.certificates_per_hour = per_hour;
        config.token_issuer[0].user_id_claim = Some("oid".to_owned());
        let mut partners = config.token_issuer[0].clone();
        (partners.name, partners.issuer) = ("partners".to_owned(), PARTNERS.to_owned());
        config.token_issuer.push(partners);
    })
    .await;
    it.organisation("Corp").await;
    it.tell("/organisations", json!({"name": "Partners", "token_issuers": ["partners"]})).await;
    it
}

/// Asks for a certificate as the person of this id.
async fn certify(it: &InternalCa, issuer: Option<&str>, id: &str) -> Reply {
    let mut claims = it.claims("alice");
    claims["oid"] = id.into();
    if let Some(issuer) = issuer {
        claims["iss"] = issuer.into();
    }
    it.certificate(&it.issuer.token(&claims)).await
}

#[tokio::test]
async fn an_id_is_certified_for_one_organisation_alone() {
    let it = two(0).await;
    assert_eq!(certify(&it, None, ID).await.status, 200);
    let before = it.ca.audit().await.count("intent");
    let reply = certify(&it, Some(PARTNERS), ID).await;
    assert_eq!(reply.status, 401, "{reply}");
    assert!(reply.headers["www-authenticate"].to_str().unwrap().contains("other-organisation"));
    let audit = it.ca.audit().await;
    assert_eq!(audit.count("intent"), before);
    let rules: Vec<_> = audit.of_kind("refused").map(|act| act["rule"].clone()).collect();
    assert_eq!(rules, [json!("token:other-organisation")]);
    assert_eq!(certify(&it, None, ID).await.status, 200, "it is theirs as before");
    let own = certify(&it, Some(PARTNERS), "6ba7b811-9dad-41d1-80b4-00c04fd430c8").await;
    assert_eq!(own.status, 200, "{own}");
}

#[tokio::test]
async fn of_two_organisations_that_ask_for_one_id_at_once_one_gets_it() {
    let it = two(0).await;
    let tries = (0..8).map(|number| {
        let it = &it;
        async move { certify(it, (number % 2 == 0).then_some(PARTNERS), ID).await.status.as_u16() }
    });
    let mut statuses = futures_util::future::join_all(tries).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 401, 401, 401, 401]);
}

#[tokio::test]
async fn nobody_is_certified_as_a_device() {
    let it = two(0).await;
    let (account, _) = it.activated("Corp", &new_key()).await;
    let id = account.strip_prefix("urn:uuid:").unwrap();
    for issuer in [None, Some(PARTNERS)] {
        let reply = certify(&it, issuer, id).await;
        assert_eq!(reply.status, 401, "{issuer:?}: {reply}");
    }
    assert_eq!(it.ca.audit().await.count("intent"), 0);
}

#[tokio::test]
async fn whoever_names_anothers_id_does_not_use_up_its_limit() {
    let it = two(2).await;
    assert_eq!(certify(&it, None, ID).await.status, 200);
    for _ in 0..3 {
        let status = certify(&it, Some(PARTNERS), ID).await.status.as_u16();
        assert!([401, 429].contains(&status), "their own limit counts: {status}");
    }
    assert_eq!(certify(&it, None, ID).await.status, 200);
    assert_eq!(certify(&it, None, ID).await.status, 429);
}

#[tokio::test]
async fn an_address_counts_if_the_issuer_says_that_it_verified_it_or_is_trusted_to_have() {
    for trusted in [false, true] {
        let it = InternalCa::start_with(move |config| config.token_issuer[0].email_trusted = trusted).await;
        it.organisation("Corp").await;
        it.verified_domain("Corp", "corp.test").await;
        for (said, counts) in [
            (Some(json!(true)), true),
            (None, trusted),
            (Some(json!(false)), false),
            (Some(json!("true")), false),
            (Some(Value::Null), false),
        ] {
            let mut claims = it.claims("alice");
            claims["email"] = "alice@corp.test".into();
            if let Some(said) = &said {
                claims["email_verified"] = said.clone();
            }
            let reply = it.certificate(&it.issuer.token(&claims)).await;
            assert_eq!(reply.status, 200, "{said:?}: {reply}");
            let names = inspect_certificate(&chain(&reply.text())[0]).unwrap().names;
            let named = names.contains(&"email:alice@corp.test".to_owned());
            assert_eq!(named, counts, "{said:?}, trusted {trusted}: {names:?}");
        }
    }
}

#[tokio::test]
async fn another_claim_than_email_is_taken_only_from_a_trusted_issuer() {
    for trusted in [false, true] {
        let it = InternalCa::start_with(move |config| {
            config.token_issuer[0].email_claim = "upn".to_owned();
            config.token_issuer[0].email_trusted = trusted;
        })
        .await;
        it.organisation("Corp").await;
        it.verified_domain("Corp", "corp.test").await;
        let mut claims = it.claims("alice");
        (claims["upn"], claims["email_verified"]) = ("alice@corp.test".into(), true.into());
        let reply = it.certificate(&it.issuer.token(&claims)).await;
        let names = inspect_certificate(&chain(&reply.text())[0]).unwrap().names;
        assert_eq!(names.contains(&"email:alice@corp.test".to_owned()), trusted, "{names:?}");
    }
}

#[tokio::test]
async fn a_profile_that_demands_an_address_refuses_who_has_none() {
    let (_, text) = SHIPPED.iter().find(|(name, _)| *name == "internal-user.toml").unwrap();
    let text =
        text.replace("required-identifiers = [\"uri\"]", "required-identifiers = [\"email\", \"uri\"]");
    let it =
        InternalCa::build(TestCa::builder().file("policy/profiles/internal-user.toml", &text), |_| {}).await;
    it.organisation("Corp").await;
    it.verified_domain("Corp", "corp.test").await;
    let reply = it.certificate(&it.issuer.token(&it.claims("alice"))).await;
    assert_eq!(reply.status, 400, "{reply}");
    assert!(
        reply.json()["detail"].as_str().unwrap().contains("needs an identifier of kind email"),
        "{reply}"
    );
    assert_eq!(it.certificate(&it.token("alice", "alice@corp.test")).await.status, 200);
}

/// Organisations as a server without a count of them left them behind.
async fn crowd(it: &InternalCa, count: usize) {
    let mut batch = Batch::new();
    for number in 0..count {
        let organisation = Organisation {
            id: OrganisationId::fresh().unwrap(),
            name: format!("Corp {number}"),
            domains: Vec::new(),
            preferred: None,
            token_issuers: Vec::new(),
            created: it.ca.app().clock.now(),
        };
        batch.insert(&organisation).unwrap();
    }
    it.ca.app().store.commit(batch).await.unwrap();
}

#[tokio::test]
async fn there_are_only_as_many_organisations_as_are_listed() {
    let it = InternalCa::start().await;
    crowd(&it, organisations::MOST - 1).await;
    it.organisation("The last").await;
    let refused =
        it.try_tell("/organisations", json!({"name": "More", "token_issuers": []})).await.unwrap_err();
    assert!(refused.to_string().contains("as many organisations"), "{refused}");
    assert_eq!(it.certificate(&it.issuer.token(&it.claims("alice"))).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixty_four_organisations_made_at_once_those_are_made_that_there_is_room_for() {
    let it = InternalCa::build(TestCa::builder().sled(), |_| {}).await;
    crowd(&it, organisations::MOST - 10).await;
    let tries = (0..64).map(|number| {
        let it = &it;
        let wanted = json!({"name": format!("Late {number}"), "token_issuers": []});
        async move { it.try_tell("/organisations", wanted).await.map_err(|error| error.to_string()) }
    });
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 10, "{answers:?}");
    for refused in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert!(refused.contains("as many organisations"), "{refused}");
    }
    let listed = it.ask("/organisations").await;
    assert_eq!(listed["items"].as_array().unwrap().len(), organisations::MOST);
    assert_eq!(
        it.ca.audit().await.of_kind("organisation").count(),
        10,
        "the journal has those that were made"
    );
}
