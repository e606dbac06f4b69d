//! ID tokens that say something wrong: each is refused by its own word.

use serde_json::{Value, json};

use crate::setting::{NOON, Setting};

fn at(offset: i64) -> Value {
    json!(NOON.unix_timestamp() + offset)
}

#[tokio::test]
async fn every_wrong_claim_is_refused_by_its_own_reason() {
    let setting = Setting::new().await;
    let cases = [
        ("iss", json!("https://evil.test"), "issuer"),
        ("iss", json!(format!("{}/", setting.idp.issuer())), "issuer"),
        ("iss", Value::Null, "claim"),
        ("aud", json!("another"), "audience"),
        ("aud", json!([]), "audience"),
        ("aud", json!(["rollcall", "another"]), "authorized-party"),
        ("azp", json!("another"), "authorized-party"),
        ("exp", at(-60), "expired"),
        ("exp", json!("never"), "claim"),
        ("iat", at(61), "issued-in-future"),
        ("nbf", at(61), "not-yet-valid"),
        ("nonce", json!("another"), "nonce"),
        ("nonce", Value::Null, "nonce"),
        ("auth_time", at(-61), "stale-authentication"),
        ("auth_time", Value::Null, "no-authentication"),
        ("auth_time", at(61), "future-authentication"),
        ("sub", Value::Null, "claim"),
        ("email", json!("alice"), "email-malformed"),
        ("email_verified", json!(false), "email-unverified"),
        ("email_verified", Value::Null, "email-unverified"),
        ("email_verified", json!("true"), "email-unverified"),
        ("groups", json!([1, 2]), "claim"),
    ];
    for (claim, value, reason) in cases {
        let found = setting.reason_with(|faults| faults.claim(claim, value.clone())).await;
        assert_eq!(found, reason, "{claim}: {value}");
    }
    setting.idp.heal();
    setting.sign_in().await.unwrap();
}

#[tokio::test]
async fn a_token_for_others_too_is_taken_if_it_was_issued_to_us() {
    let setting = Setting::new().await;
    setting.idp.faults(|faults| {
        faults.claims = Some(std::sync::Arc::new(|claims| {
            claims.insert("aud".to_owned(), json!(["rollcall", "another"]));
            claims.insert("azp".to_owned(), json!("rollcall"));
        }));
    });
    setting.sign_in().await.unwrap();
}

#[tokio::test]
async fn a_session_from_before_does_not_serve() {
    let setting = Setting::new().await;
    let back = setting.callback().await.unwrap();
    setting.clock.advance(time::Duration::minutes(2));
    // The person signed in two minutes before this sign-in began.
    assert_eq!(setting.redeem(&back).await.unwrap_err().reason(), "stale-authentication");
}

#[tokio::test]
async fn only_the_ways_of_signing_in_that_are_allowed_serve() {
    let strict = Setting::with(|settings| settings.contexts = vec!["urn:mfa".to_owned()], |_| ()).await;
    assert_eq!(strict.reason().await, "context");
    strict.idp.faults(|faults| faults.claim("acr", json!("urn:mfa")));
    assert_eq!(strict.sign_in().await.unwrap().evidence().context.as_deref(), Some("urn:mfa"));

    let demanding = Setting::with(|settings| settings.methods = vec!["otp".to_owned()], |_| ()).await;
    assert_eq!(demanding.reason().await, "method");
    demanding.idp.faults(|faults| faults.claim("amr", json!(["pwd", "otp"])));
    assert_eq!(demanding.sign_in().await.unwrap().evidence().methods, ["pwd", "otp"]);
}

#[tokio::test]
async fn groups_come_from_the_claim_that_is_configured() {
    let setting = Setting::with(|settings| settings.groups_claim = "roles".to_owned(), |_| ()).await;
    assert!(setting.sign_in().await.unwrap().evidence().groups.is_empty());
    setting.idp.faults(|faults| faults.claim("roles", json!(["operator"])));
    assert_eq!(setting.sign_in().await.unwrap().evidence().groups, ["operator"]);
}

#[tokio::test]
async fn a_name_that_cannot_be_read_is_left_out() {
    let setting = Setting::new().await;
    setting.idp.faults(|faults| faults.claim("name", json!("Alice\u{1b}[31m")));
    assert_eq!(setting.sign_in().await.unwrap().evidence().display_name, None);
}
