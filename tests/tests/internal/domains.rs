//! Domains of organisations: verified by a TXT record, held while it is seen, lost after the grace, and never of two organisations.

use ca_server::internal::OrganisationId;
use ca_server::internal::domains::recheck;
use ca_server::internal::organisation::Organisation;
use ca_server::store::Batch;
use ca_server::store::tables::organisations;
use certs::verdict::State;
use rollcall_tests::internal::{InternalCa, new_key};
use serde_json::json;
use time::Duration;

const GRACE: Duration = Duration::days(2);

#[tokio::test]
async fn a_domain_is_pending_until_its_record_is_seen() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    it.tell("/organisations/Corp/domains", json!({"domain": "corp.test"})).await;
    let pending = it.tell("/organisations/Corp/domains/verify", json!({"domain": "corp.test"})).await;
    assert_eq!(pending["domains"][0]["status"], "pending");
    assert!(
        pending["domains"][0]["fault"].as_str().unwrap().contains("_rollcall-domain.corp.test"),
        "{pending}"
    );
    let reply = it.certificate(&it.token("alice", "alice@corp.test")).await;
    assert!(
        it.judged(&reply.text()).display.starts_with("urn:uuid:"),
        "an address in a domain that is not shown to be theirs is left out"
    );
    let refused = it.try_tell("/organisations/Corp/preferred", json!({"domain": "corp.test"})).await;
    assert!(refused.is_err(), "a pending domain cannot be preferred");
}

#[tokio::test]
async fn a_domain_whose_record_is_gone_is_lost_after_the_grace_and_stops_renewal_until_it_is_back() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let verified = it.verified_domain("Corp", "corp.test").await;
    assert_eq!(verified["domains"][0]["status"], "verified");
    it.prefer("Corp", "corp.test").await;
    let key = new_key();
    let (_, device) = it.activated("Corp", &key).await;
    let record = it.ca.dns.txt("_rollcall-domain.corp.test");
    it.ca.dns.remove_txt("_rollcall-domain.corp.test", &record[0]);

    it.ca.clock.advance(GRACE - Duration::seconds(1));
    recheck(it.ca.app()).await.unwrap();
    let last = it.certificate(&it.token("alice", "alice@corp.test")).await;
    assert_eq!(it.judged(&last.text()).display, "alice@corp.test", "held until the last second");

    it.ca.clock.advance(Duration::seconds(1));
    for (who, reply) in [
        ("person", it.certificate(&it.token("alice", "alice@corp.test")).await),
        (
            "device",
            it.post("certificates", Some(&device), &json!({"csr": rollcall_tests::internal::csr(&key, &[])}))
                .await,
        ),
    ] {
        assert_eq!(reply.status, 403, "{who}: {reply}");
        assert!(reply.json()["detail"].as_str().unwrap().contains("has lost corp.test"), "{who}: {reply}");
    }
    it.ca.clock.advance(Duration::hours(7));
    recheck(it.ca.app()).await.unwrap();
    assert_eq!(it.ask("/organisations/Corp").await["domains"][0]["status"], "lost");
    let audit = it.ca.audit().await;
    assert!(audit.of_kind("organisation").any(|act| act["change"] == "domain corp.test lost"));
    assert!(audit.of_kind("refused").any(|act| act["rule"] == "internal:domain-lost"));

    it.ca.dns.set_txt("_rollcall-domain.corp.test", &[&record[0]]);
    it.ca.clock.advance(Duration::hours(7));
    recheck(it.ca.app()).await.unwrap();
    let again = it.certificate(&it.token("alice", "alice@corp.test")).await;
    assert_eq!(it.judged(&again.text()).state, State::Internal, "{again}");
}

#[tokio::test]
async fn a_lost_domain_can_be_given_up_and_then_devices_carry_none() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    it.verified_domain("Corp", "corp.test").await;
    it.prefer("Corp", "corp.test").await;
    let key = new_key();
    let (account, token) = it.activated("Corp", &key).await;
    it.ca.clock.advance(GRACE);
    let body = json!({"csr": rollcall_tests::internal::csr(&key, &[])});
    assert_eq!(it.post("certificates", Some(&token), &body).await.status, 403);
    it.tell("/organisations/Corp/domains/remove", json!({"domain": "corp.test"})).await;
    let reply = it.post("certificates", Some(&token), &body).await;
    assert_eq!(it.judged(&reply.text()).display, account, "{reply}");
}

#[tokio::test]
async fn two_organisations_never_hold_the_same_domain_and_their_people_stay_apart() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    it.tell("/organisations", json!({"name": "Evil", "token_issuers": []})).await;
    it.verified_domain("Corp", "corp.test").await;
    let claimed = it.tell("/organisations/Evil/domains", json!({"domain": "corp.test"})).await;
    it.ca.dns.add_txt("_rollcall-domain.corp.test", claimed["domains"][0]["record"].as_str().unwrap());
    let refused = it.try_tell("/organisations/Evil/domains/verify", json!({"domain": "corp.test"})).await;
    assert!(refused.unwrap_err().to_string().contains("held by another organisation"));

    // The issuer speaks for Evil now: an address at Corp is refused, and said why.
    it.tell("/organisations/Corp/token-issuers", json!({"token_issuers": []})).await;
    it.tell("/organisations/Evil/token-issuers", json!({"token_issuers": ["corp"]})).await;
    let reply = it.certificate(&it.token("alice", "alice@corp.test")).await;
    assert_eq!(reply.status, 403, "{reply}");
    assert!(reply.json()["detail"].as_str().unwrap().contains("domain of another organisation"), "{reply}");
}

#[tokio::test]
async fn an_issuer_of_several_organisations_must_say_which_one() {
    let it =
        InternalCa::start_with(|config| config.token_issuer[0].organisation_claim = Some("org".to_owned()))
            .await;
    it.organisation("Corp").await;
    it.organisation("Other").await;
    for (claim, status) in
        [(json!("Corp"), 200), (json!("Nobody"), 401), (json!(null), 401), (json!(""), 401)]
    {
        let mut claims = it.claims("alice");
        claims["org"] = claim.clone();
        let reply = it.certificate(&it.issuer.token(&claims)).await;
        assert_eq!(reply.status, status, "{claim}: {reply}");
    }
}

#[tokio::test]
async fn an_issuer_that_cannot_say_which_organisation_is_given_to_one_alone() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let other = it.tell("/organisations", json!({"name": "Other", "token_issuers": []})).await;
    for (path, body) in [
        ("/organisations", json!({"name": "Third", "token_issuers": ["corp"]})),
        ("/organisations/Other/token-issuers", json!({"token_issuers": ["corp"]})),
    ] {
        let refused = it.try_tell(path, body).await.unwrap_err();
        assert!(refused.to_string().contains("speaks for organisation"), "{refused}");
        assert!(refused.hint().contains("organisation_claim"), "{}", refused.hint());
        assert_eq!(it.certificate(&it.issuer.token(&it.claims("alice"))).await.status, 200, "as before");
    }
    assert!(it.ask("/organisations").await["items"].as_array().unwrap().len() == 2);
    // Its own again is no change, and after it was taken from the one it can be given to the other.
    it.tell("/organisations/Corp/token-issuers", json!({"token_issuers": ["corp"]})).await;
    it.tell("/organisations/Corp/token-issuers", json!({"token_issuers": []})).await;
    it.tell("/organisations/Other/token-issuers", json!({"token_issuers": ["corp"]})).await;
    // A store in which two name it, as an earlier server let come about: it speaks for neither.
    let (app, id) = (it.ca.app(), other["id"].as_str().unwrap().parse::<OrganisationId>().unwrap());
    let seen = app.store.load::<Organisation>(&id).await.unwrap().unwrap();
    let twin = Organisation { id: OrganisationId::fresh().unwrap(), name: "Twin".to_owned(), ..seen.value };
    let mut batch = Batch::new();
    let count = app.store.organisation_count().await.unwrap();
    organisations::insert(&mut batch, &twin, count).unwrap();
    app.store.commit(batch).await.unwrap();
    assert_eq!(it.certificate(&it.issuer.token(&it.claims("alice"))).await.status, 401);
}

#[tokio::test]
async fn a_claim_of_what_another_holds_says_so_and_is_looked_at_on_schedule_only() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    it.tell("/organisations", json!({"name": "Other", "token_issuers": []})).await;
    it.verified_domain("Corp", "corp.test").await;
    let claimed = it.tell("/organisations/Other/domains", json!({"domain": "corp.test"})).await;
    it.ca.dns.add_txt("_rollcall-domain.corp.test", claimed["domains"][0]["record"].as_str().unwrap());
    assert_eq!(recheck(it.ca.app()).await.unwrap(), 1, "the claim was never looked at");
    let claim = it.ask("/organisations/Other").await["domains"][0].clone();
    assert_eq!(
        (&claim["status"], &claim["fault"]),
        (&json!("pending"), &json!("another organisation holds it"))
    );
    assert!(claim["checked"].is_string(), "{claim}");
    assert_eq!(recheck(it.ca.app()).await.unwrap(), 0, "not again before its time");
    assert_eq!(it.ask("/organisations/Corp").await["domains"][0]["status"], "verified");
}

#[tokio::test]
async fn an_activation_names_no_domain_that_is_lost() {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    it.verified_domain("Corp", "corp.test").await;
    it.prefer("Corp", "corp.test").await;
    let code = it.device_code("Corp").await;
    it.ca.clock.advance(GRACE);
    let body = json!({"code": code["code"], "csr": rollcall_tests::internal::csr(&new_key(), &[])});
    let reply = it.post("devices/activate", None, &body).await;
    assert_eq!((reply.status.as_u16(), reply.json().get("domain")), (201, None), "{reply}");
}
