//! Codes: what a good one is worth, and the ways in which one is not taken.

use std::sync::Arc;

use ca_server::clock::Clock as _;
use ca_server::sso::oidc::{Callback, ClientSecret, Expected, PkceVerifier, Settings};
use ca_server::sso::person::Protocol;
use rollcall_tests::identity_provider::{Client, Endpoint, Faults, Misbehaviour, User};
use serde_json::json;
use time::Duration;

use crate::setting::{NONCE, NOON, Setting, verifier};

#[tokio::test]
async fn a_person_who_signed_in_comes_out_with_the_evidence() {
    let setting = Setting::new().await;
    let person = setting.sign_in().await.unwrap();
    let (email, evidence, single_use) = person.into_parts();
    assert_eq!(email.to_string(), "alice@corp.test");
    assert_eq!((evidence.provider.as_str(), evidence.protocol), ("corp", Protocol::Oidc));
    assert_eq!((evidence.issuer.as_str(), evidence.subject.as_str()), (setting.idp.issuer(), "user-alice"));
    assert_eq!(evidence.authenticated, NOON);
    assert_eq!(evidence.groups, ["staff", "admins"]);
    assert_eq!(evidence.methods, ["pwd"]);
    assert!(evidence.context.unwrap().ends_with(":PasswordProtectedTransport"));
    assert_eq!(evidence.display_name.as_deref(), Some("Alice Ahlgren"));
    assert_eq!(evidence.assertion.len(), 43, "a SHA-256 in base64url");
    assert!(single_use.key.starts_with("corp\n") && single_use.key.len() == 48, "{}", single_use.key);
    assert_eq!(single_use.until, NOON + Duration::minutes(6), "five minutes of validity and one of skew");
}

#[tokio::test]
async fn two_sign_ins_are_two_assertions() {
    let setting = Setting::new().await;
    let first = setting.sign_in().await.unwrap();
    setting.clock.advance(Duration::seconds(1));
    let second = setting.sign_in().await.unwrap();
    assert_ne!(first.single_use(), second.single_use());
    assert_ne!(first.evidence().assertion, second.evidence().assertion);
}

#[tokio::test]
async fn an_address_of_a_foreign_domain_is_left_to_the_caller() {
    let setting = Setting::new().await;
    setting.idp.add_user(User { email: "alice@Elsewhere.test".to_owned(), ..crate::setting::alice() });
    let person = setting.sign_in().await.unwrap();
    assert_eq!(person.email().to_string(), "alice@elsewhere.test");
}

#[tokio::test]
async fn a_code_serves_once() {
    let setting = Setting::new().await;
    let back = setting.callback().await.unwrap();
    setting.redeem(&back).await.unwrap();
    let refusal = setting.redeem(&back).await.unwrap_err();
    assert_eq!(refusal.reason(), "code-refused");
    assert!(refusal.to_string().contains("invalid_grant"), "{refusal}");
}

#[tokio::test]
async fn a_code_without_its_verifier_is_worth_nothing() {
    let setting = Setting::new().await;
    let back = setting.callback().await.unwrap();
    let other = PkceVerifier::from_entropy(&[8; 32]);
    let expected = Expected { nonce: NONCE, requested: setting.clock.now() };
    let callback = Callback::parse(back.query().unwrap()).unwrap();
    let refusal = setting.provider.redeem(callback, &other, &expected).await.unwrap_err();
    assert_eq!(refusal.reason(), "code-refused");
}

#[tokio::test]
async fn a_wrong_client_secret_is_refused_by_the_provider() {
    let wrong = |settings: &mut Settings| {
        settings.client_secret = Some(ClientSecret::new("another"));
    };
    let setting = Setting::with(wrong, |_| ()).await;
    assert_eq!(setting.reason().await, "code-refused");
}

#[tokio::test]
async fn the_secret_may_go_in_the_form_and_a_public_client_needs_none() {
    let setting = Setting::new().await;
    setting.idp.faults(|faults| {
        faults.discovery = Some(Arc::new(|document| {
            document["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]);
        }));
    });
    setting.sign_in().await.unwrap();

    let public = Setting::with(|settings| settings.client_secret = None, |_| ()).await;
    assert_eq!(public.reason().await, "code-refused", "this client has a secret");
    let open = |settings: &mut Settings| {
        settings.client_secret = None;
        "public".clone_into(&mut settings.client_id);
    };
    let open = Setting::with(open, |_| ()).await;
    open.idp.add_client(Client {
        id: "public".to_owned(),
        secret: None,
        redirect_uri: crate::setting::CALLBACK.to_owned(),
    });
    open.sign_in().await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_not_from_this_issuer_is_refused() {
    let setting = Setting::new().await;
    let with_issuer = |issuer: Option<&'static str>| {
        move |faults: &mut Faults| {
            faults.callback = Some(Arc::new(move |pairs: &mut Vec<(String, String)>| {
                pairs.retain(|(name, _)| name != "iss");
                pairs.extend(issuer.map(|issuer| ("iss".to_owned(), issuer.to_owned())));
            }));
        }
    };
    assert_eq!(setting.reason_with(with_issuer(Some("https://evil.test"))).await, "callback-issuer");
    assert_eq!(setting.reason_with(with_issuer(None)).await, "callback-issuer");
    assert_eq!(setting.idp.asked(Endpoint::Token), 0, "the code went nowhere");
}

#[tokio::test]
async fn half_an_answer_of_the_token_endpoint_is_refused() {
    let setting = Setting::new().await;
    for (member, value, reason) in [
        ("id_token", json!(null), "id-token-missing"),
        ("id_token", json!(7), "token-malformed"),
        ("id_token", json!("e30.e30"), "id-token-malformed"),
        ("token_type", json!("mac"), "token-malformed"),
    ] {
        let found = setting
            .reason_with(|faults| {
                faults.token = Some(Arc::new(move |answer| answer[member] = value.clone()));
            })
            .await;
        assert_eq!(found, reason, "{member}");
    }
    for (fault, reason) in [
        (Misbehaviour::Says("<html>".to_owned()), "token-malformed"),
        (Misbehaviour::Status(500), "token-unreachable"),
        (Misbehaviour::Status(400), "token-unreachable"),
    ] {
        let found = setting.reason_with(|faults| _ = faults.endpoints.insert(Endpoint::Token, fault)).await;
        assert_eq!(found, reason);
    }
}

#[tokio::test]
async fn the_nonce_of_another_sign_in_does_not_serve() {
    let setting = Setting::new().await;
    let back = setting.callback().await.unwrap();
    let expected = Expected { nonce: "that-of-another", requested: setting.clock.now() };
    let callback = Callback::parse(back.query().unwrap()).unwrap();
    let refusal = setting.provider.redeem(callback, &verifier(), &expected).await.unwrap_err();
    assert_eq!(refusal.reason(), "nonce");
}
