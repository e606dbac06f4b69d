//! The discovery document: kept, refreshed, and refused when it lies.

use std::sync::Arc;

use ca_server::clock::FixedClock;
use ca_server::sso::fetch::Fetch;
use ca_server::sso::oidc::{ClientAuthentication, OidcProvider};
use rollcall_tests::identity_provider::{Endpoint, Misbehaviour};
use serde_json::{Value, json};
use time::Duration;

use crate::setting::{NOON, Setting, patient, settings};

async fn reason(member: &'static str, value: Value) -> &'static str {
    let setting = Setting::new().await;
    setting
        .reason_with(|faults| {
            faults.discovery = Some(Arc::new(move |document| document[member] = value.clone()));
        })
        .await
}

#[tokio::test]
async fn a_document_that_speaks_for_another_issuer_is_refused() {
    assert_eq!(reason("issuer", json!("https://evil.test")).await, "discovery-issuer");
}

#[tokio::test]
async fn an_endpoint_outside_without_tls_is_refused() {
    assert_eq!(reason("token_endpoint", json!("http://evil.test/token")).await, "discovery-endpoint");
    assert_eq!(reason("jwks_uri", json!("file:///etc/passwd")).await, "discovery-endpoint");
}

#[tokio::test]
async fn a_provider_without_pkce_is_refused() {
    let found = reason("code_challenge_methods_supported", json!(["plain"])).await;
    assert_eq!(found, "discovery-unsupported");
}

#[tokio::test]
async fn an_issuer_without_tls_is_refused_unless_it_is_on_this_machine() {
    let setting = Setting::new().await;
    for issuer in ["http://idp.test", "http://10.0.0.1:8080", "http://localhost.evil.test"] {
        let mut wanted = settings(&setting.idp);
        issuer.clone_into(&mut wanted.issuer);
        let fetch = Fetch::new(&patient(&setting.idp)).unwrap();
        let error = OidcProvider::new(wanted, fetch, Arc::new(FixedClock::at(NOON))).unwrap_err();
        assert!(error.to_string().contains("must be https"), "{issuer}: {error}");
    }
    setting.sign_in().await.expect("http on 127.0.0.1 is taken");
}

#[tokio::test]
async fn the_document_is_kept_for_an_hour_and_serves_a_day_while_the_provider_fails() {
    let setting = Setting::new().await;
    setting.callback().await.unwrap();
    setting.callback().await.unwrap();
    assert_eq!(setting.idp.asked(Endpoint::Discovery), 1);
    setting.clock.advance(Duration::hours(1));
    setting.callback().await.unwrap();
    assert_eq!(setting.idp.asked(Endpoint::Discovery), 2);
    setting.idp.faults(|faults| _ = faults.endpoints.insert(Endpoint::Discovery, Misbehaviour::Status(503)));
    setting.clock.advance(Duration::hours(23));
    setting.callback().await.unwrap();
    setting.callback().await.unwrap();
    assert_eq!(setting.idp.asked(Endpoint::Discovery), 3, "it rests after a failure");
    setting.clock.advance(Duration::hours(1));
    assert_eq!(setting.callback().await.unwrap_err().reason(), "discovery-unreachable");
    assert_eq!(setting.idp.asked(Endpoint::Discovery), 4);
    let resting = setting.callback().await.unwrap_err();
    assert_eq!(resting.reason(), "discovery-unreachable");
    assert!(resting.is_outage() && resting.to_string().contains("asked again after"), "{resting}");
    assert_eq!(setting.idp.asked(Endpoint::Discovery), 4);
}

#[tokio::test]
async fn a_check_reports_what_was_found() {
    let setting = Setting::new().await;
    let report = setting.provider.check().await.unwrap();
    assert_eq!(report.token_endpoint.as_str(), format!("{}/token", setting.idp.issuer()));
    assert_eq!(report.authorization_endpoint.path(), "/authorize");
    assert_eq!((report.client_authentication, report.keys), (ClientAuthentication::Basic, 2));
}
