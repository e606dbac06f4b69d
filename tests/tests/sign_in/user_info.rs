//! Providers that name the person at userinfo only (OpenID Connect Core §5.4).

use std::sync::Arc;

use rollcall_tests::identity_provider::{Endpoint, Faults, Misbehaviour};
use serde_json::{Value, json};

use crate::setting::Setting;

fn bare(member: &'static str, value: Value) -> impl FnOnce(&mut Faults) {
    move |faults| {
        faults.claims_at_user_info = true;
        faults.user_info = Some(Arc::new(move |claims| _ = claims.insert(member.to_owned(), value.clone())));
    }
}

#[tokio::test]
async fn the_address_is_asked_for_where_the_token_has_none() {
    let setting = Setting::new().await;
    setting.sign_in().await.unwrap();
    assert_eq!(setting.idp.asked(Endpoint::UserInfo), 0, "not without need");
    setting.idp.faults(|faults| faults.claims_at_user_info = true);
    let person = setting.sign_in().await.unwrap();
    assert_eq!(person.email().to_string(), "alice@corp.test");
    assert_eq!(person.evidence().groups, ["staff", "admins"]);
    assert_eq!(person.evidence().display_name.as_deref(), Some("Alice Ahlgren"));
}

#[tokio::test]
async fn what_userinfo_says_is_checked_as_strictly() {
    let setting = Setting::new().await;
    assert_eq!(setting.reason_with(bare("sub", json!("user-mallory"))).await, "userinfo-subject");
    assert_eq!(setting.reason_with(bare("email_verified", json!("true"))).await, "email-unverified");
    assert_eq!(setting.reason_with(bare("email", json!(7))).await, "claim");
    let fails = |faults: &mut Faults| {
        faults.claims_at_user_info = true;
        faults.endpoints.insert(Endpoint::UserInfo, Misbehaviour::Status(401));
    };
    assert_eq!(setting.reason_with(fails).await, "userinfo-unreachable");
    let signed = |faults: &mut Faults| {
        faults.claims_at_user_info = true;
        faults
            .endpoints
            .insert(Endpoint::UserInfo, Misbehaviour::Says("eyJhbGciOiJub25lIn0.e30.".to_owned()));
    };
    assert_eq!(setting.reason_with(signed).await, "claim");
}

#[tokio::test]
async fn an_address_in_the_token_is_not_looked_up_elsewhere() {
    let setting = Setting::new().await;
    let found = setting.reason_with(|faults| faults.claim("email_verified", Value::Null)).await;
    assert_eq!(found, "email-unverified");
    assert_eq!(setting.idp.asked(Endpoint::UserInfo), 0);
}

#[tokio::test]
async fn a_provider_without_userinfo_and_without_an_address_is_refused() {
    let setting = Setting::new().await;
    let found = setting
        .reason_with(|faults| {
            faults.claims_at_user_info = true;
            faults.discovery = Some(Arc::new(|document| document["userinfo_endpoint"] = Value::Null));
        })
        .await;
    assert_eq!(found, "email-missing");
}

#[tokio::test]
async fn what_the_token_says_is_not_lost_when_userinfo_says_less() {
    let setting = Setting::new().await;
    setting.idp.faults(|faults| {
        faults.claims_at_user_info = true;
        faults.claims = Some(Arc::new(|claims| {
            claims.insert("groups".to_owned(), json!(["contractors"]));
            claims.insert("name".to_owned(), json!("Alice A."));
        }));
        faults.user_info = Some(Arc::new(|claims| _ = claims.remove("groups")));
    });
    let person = setting.sign_in().await.unwrap();
    assert_eq!(person.evidence().groups, ["contractors"], "a rule may forbid them");
    assert_eq!(person.evidence().display_name.as_deref(), Some("Alice A."));
}

#[tokio::test]
async fn the_groups_of_both_count() {
    let setting = Setting::new().await;
    setting.idp.faults(|faults| {
        faults.claims_at_user_info = true;
        faults.claim("groups", json!(["contractors", "staff"]));
    });
    let person = setting.sign_in().await.unwrap();
    assert_eq!(person.evidence().groups, ["contractors", "staff", "admins"]);
}

#[tokio::test]
async fn of_what_was_checked_the_token_alone_counts() {
    let setting = Setting::with(|settings| settings.methods = vec!["hwk".to_owned()], |_| ()).await;
    assert_eq!(setting.reason_with(bare("amr", json!(["hwk"]))).await, "method");
    let setting = Setting::new().await;
    setting.idp.faults(bare("acr", json!("urn:strong")));
    let person = setting.sign_in().await.unwrap();
    assert_ne!(person.evidence().context.as_deref(), Some("urn:strong"));
    // A word of the token on an address that it does not name says nothing about the one that userinfo names.
    let unsaid = |faults: &mut Faults| {
        faults.claims_at_user_info = true;
        faults.claim("email_verified", json!(true));
        faults.user_info = Some(Arc::new(|claims| _ = claims.remove("email_verified")));
    };
    assert_eq!(setting.reason_with(unsaid).await, "email-unverified");
}
