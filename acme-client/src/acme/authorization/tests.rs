//! Authorizations and challenges: the shapes of RFC 8555 §7.5, the newer challenge types, and waiting.

use serde_json::{Value, json};

use super::*;
use crate::acme::challenge::ChallengeStatus;
use crate::acme::script::{Reply, Script, at};

fn authorization(status: &str) -> Value {
    json!({"identifier": {"type": "dns", "value": "example.org"}, "status": status, "wildcard": true, "challenges": [
        {"type": "http-01", "url": at("/chall/0"), "status": "pending", "token": "DGyRejmCefe7v4NfDGDKfA"},
        {"type": "dns-01", "url": at("/chall/1"), "status": "pending", "token": "DGyRejmCefe7v4NfDGDKfA"}]})
}

#[tokio::test]
async fn a_challenge_is_chosen_by_type_and_answered_with_an_empty_object() {
    let answered = json!({"type": "dns-01", "url": at("/chall/1"), "status": "processing", "token": "x"});
    let script = Script::new([Reply::json(200, &authorization("pending")), Reply::json(200, &answered)]);
    let account = script.account().await;
    let found = account.authorization(&at("/authz/1")).await.unwrap();
    assert!(found.wildcard);
    let challenge = found.challenge(&ChallengeType::Dns01).unwrap();
    assert!(account.key_authorization(challenge).unwrap().as_str().starts_with("DGyRejmCefe7v4NfDGDKfA."));
    assert_eq!(account.respond(challenge).await.unwrap().status, ChallengeStatus::Processing);
    let seen = &script.seen()[1];
    assert_eq!(
        (seen.url.as_str(), &seen.payload, seen.post_as_get),
        (at("/chall/1").as_str(), &json!({}), false)
    );
}

#[tokio::test]
async fn a_challenge_may_be_answered_with_any_document() {
    let script = Script::new([Reply::json(
        200,
        &json!({"type": "sso-01", "url": at("/chall/9"), "status": "processing", "sso_url": at("/sso/x")}),
    )]);
    let response = json!({"redirect_uri": "http://127.0.0.1:4711/done"});
    let challenge = script.account().await.respond_with(&at("/chall/9"), &response).await.unwrap();
    assert_eq!(challenge.sso_url, Some(at("/sso/x")));
    assert_eq!(script.seen()[0].payload, response);
}

#[test]
fn challenges_of_every_type_survive_being_stored() {
    for wire in [
        json!({"type": "sso-01", "url": at("/c"), "status": "pending", "sso_url": at("/s"), "sso_provider": "idp.example"}),
        json!({"type": "dns-persist-01", "url": at("/c"), "status": "pending", "accounturi": at("/acct/1"),
            "issuer-domain-names": ["authority.example"]}),
        json!({"type": "device-attest-01", "url": at("/c"), "status": "invalid", "token": "t", "x-extra": [1, {"y": 2}],
            "error": {"type": "urn:ietf:params:acme:error:dns", "detail": "d"}}),
    ] {
        let challenge = Challenge::parse(wire.to_string().as_bytes()).unwrap();
        assert_eq!(serde_json::to_value(&challenge).unwrap(), wire);
    }
}

#[tokio::test]
async fn a_challenge_without_a_token_has_no_key_authorization() {
    let account = Script::new([]).account().await;
    let wire = json!({"type": "dns-persist-01", "url": at("/c"), "status": "pending"});
    let challenge = Challenge::parse(wire.to_string().as_bytes()).unwrap();
    let error = account.key_authorization(&challenge).unwrap_err();
    assert_eq!(error.to_string(), "the dns-persist-01 challenge has no token");
}

#[tokio::test]
async fn waiting_ends_with_the_proof_or_with_the_reason() {
    let script = Script::new([
        Reply::json(200, &authorization("pending")).with("retry-after", "2"),
        Reply::json(200, &authorization("valid")),
    ]);
    let proven = script.account().await.wait_for_authorization(&at("/authz/1")).await.unwrap();
    assert_eq!(proven.status, AuthorizationStatus::Valid);
    assert_eq!(script.sleeps(), [Duration::from_secs(2)]);

    let mut failed = authorization("invalid");
    failed["challenges"][1]["error"] =
        json!({"type": "urn:ietf:params:acme:error:unauthorized", "detail": "wrong TXT"});
    let script = Script::new([Reply::json(200, &failed)]);
    let error = script.account().await.wait_for_authorization(&at("/authz/1")).await.unwrap_err();
    let shown = "dns example.org is not proven: the authorization is invalid: unauthorized: wrong TXT";
    assert_eq!(error.to_string(), shown);
}

#[tokio::test]
async fn every_state_that_cannot_become_valid_ends_the_wait() {
    for status in ["invalid", "deactivated", "expired", "revoked"] {
        let script = Script::new([Reply::json(200, &authorization(status))]);
        let error = script.account().await.wait_for_authorization(&at("/authz/1")).await.unwrap_err();
        assert!(matches!(error, AuthorizationError::Refused { problem: None, .. }), "{status}");
    }
}

#[tokio::test]
async fn authorizations_are_opened_ahead_and_given_up() {
    let script = Script::new([
        Reply::json(201, &authorization("pending")).with("location", at("/authz/5").as_str()),
        Reply::json(200, &authorization("deactivated")),
    ]);
    let account = script.account().await;
    let opened = account.new_authorization(&Identifier::email("alice@example.org")).await.unwrap();
    assert_eq!(opened.url, at("/authz/5"));
    account.deactivate_authorization(&opened.url).await.unwrap();
    let payloads: Vec<_> = script.seen().into_iter().map(|seen| seen.payload).collect();
    let asked = json!({"identifier": {"type": "email", "value": "alice@example.org"}});
    assert_eq!(payloads, [asked, json!({"status": "deactivated"})]);
}
