//! How the relying party reaches out: time, size, redirects and trust have limits.

use std::sync::Arc;

use ca_server::clock::FixedClock;
use ca_server::sso::fetch::{Fetch, FetchConfig, FetchError};
use ca_server::sso::oidc::OidcProvider;
use rollcall_tests::identity_provider::{Endpoint, IdentityProvider, Misbehaviour};
use serde_json::json;
use url::Url;

use crate::setting::{NOON, Setting, alice, patient, register, settings};

#[tokio::test]
async fn a_provider_that_never_answers_is_given_up() {
    let hangs = async |endpoint: Endpoint, reason: &str| {
        let setting = Setting::impatient().await;
        let found =
            setting.reason_with(|faults| _ = faults.endpoints.insert(endpoint, Misbehaviour::Hangs)).await;
        assert_eq!(found, reason);
    };
    // Side by side, for each takes as long as the relying party waits.
    tokio::join!(
        hangs(Endpoint::Discovery, "discovery-unreachable"),
        hangs(Endpoint::Token, "token-unreachable"),
        hangs(Endpoint::Keys, "keys-unreachable"),
    );
}

#[tokio::test]
async fn a_provider_that_sends_too_much_is_cut_off() {
    for fault in [Misbehaviour::Endless, Misbehaviour::Large(256 * 1024 + 1)] {
        for (endpoint, reason) in [
            (Endpoint::Discovery, "discovery-unreachable"),
            (Endpoint::Token, "token-unreachable"),
            (Endpoint::Keys, "keys-unreachable"),
        ] {
            let setting = Setting::new().await;
            setting.idp.faults(|faults| _ = faults.endpoints.insert(endpoint, fault.clone()));
            let refusal = setting.sign_in().await.unwrap_err();
            assert_eq!(refusal.reason(), reason);
            let cause = std::error::Error::source(&refusal).unwrap().to_string();
            assert!(cause.contains("more than 262144 octets"), "{cause}");
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_a_code_in_hand() {
    let setting = Setting::new().await;
    let elsewhere = format!("{}/userinfo", setting.idp.issuer());
    for (endpoint, reason) in [
        (Endpoint::Token, "token-unreachable"),
        (Endpoint::Keys, "keys-unreachable"),
        (Endpoint::Discovery, "discovery-unreachable"),
    ] {
        let setting = Setting::new().await;
        let redirect = Misbehaviour::Redirects(elsewhere.clone());
        let found = setting.reason_with(|faults| _ = faults.endpoints.insert(endpoint, redirect)).await;
        assert_eq!(found, reason);
    }
    assert_eq!(setting.idp.asked(Endpoint::UserInfo), 0);
}

#[tokio::test]
async fn no_redirect_is_followed_not_even_to_the_same_host() {
    let idp = IdentityProvider::builder().tls().start().await.unwrap();
    let fetch = Fetch::new(&patient(&idp)).unwrap();
    let metadata = Url::parse(&idp.saml_metadata_url()).unwrap();
    idp.faults(|faults| {
        faults.endpoints.insert(Endpoint::Metadata, Misbehaviour::Redirects("/jwks".to_owned()));
    });
    let error = fetch.get(&metadata, "*/*").await.unwrap_err();
    assert!(matches!(error, FetchError::Redirect { .. }), "{error}");
    assert_eq!(idp.asked(Endpoint::Keys), 0);
}

#[tokio::test]
async fn a_provider_cannot_have_the_metadata_service_of_a_cloud_called() {
    for place in ["https://169.254.169.254/", "https://[fe80::1]/", "https://[::ffff:169.254.169.254]/"] {
        for (member, reason) in [("jwks_uri", "keys-unreachable"), ("token_endpoint", "token-unreachable")] {
            let setting = Setting::new().await;
            setting.idp.faults(|faults| {
                faults.discovery = Some(Arc::new(move |document| document[member] = json!(place)));
            });
            let refusal = setting.sign_in().await.unwrap_err();
            assert_eq!(refusal.reason(), reason, "{place}");
            let cause = std::error::Error::source(&refusal).unwrap();
            assert!(matches!(cause.downcast_ref(), Some(FetchError::Denied { .. })), "{place}: {cause}");
        }
    }
}

#[tokio::test]
async fn a_denied_network_can_be_allowed_and_is_then_called() {
    let error = |networks: &'static [&'static str]| async move {
        let allow_networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        let timeout = std::time::Duration::from_millis(50);
        let config =
            FetchConfig { allow_networks, timeout, environment_proxy: false, ..FetchConfig::default() };
        let url = Url::parse("https://169.254.123.45/").unwrap();
        Fetch::new(&config).unwrap().get(&url, "*/*").await.unwrap_err()
    };
    let denied = error(&[]).await;
    assert!(matches!(denied, FetchError::Denied { .. }), "{denied}");
    let other = error(&["169.254.200.0/24"]).await;
    assert!(matches!(other, FetchError::Denied { .. }), "{other}");
    // Nobody is there, so it is called in vain.
    let called = error(&["169.254.123.0/24"]).await;
    assert!(!matches!(called, FetchError::Denied { .. }), "{called}");
}

#[tokio::test]
async fn the_providers_certificate_must_be_trusted() {
    let clock = FixedClock::at(NOON);
    let idp =
        IdentityProvider::builder().tls().clock(Arc::new(clock.clone())).user(alice()).start().await.unwrap();
    register(&idp);
    let provider = |config: &FetchConfig| {
        OidcProvider::new(settings(&idp), Fetch::new(config).unwrap(), Arc::new(clock.clone())).unwrap()
    };
    let trusting = Setting { provider: provider(&patient(&idp)), idp, clock: clock.clone() };
    trusting.sign_in().await.unwrap();
    let other = IdentityProvider::builder().tls().start().await.unwrap();
    let doubting =
        OidcProvider::new(settings(&trusting.idp), Fetch::new(&patient(&other)).unwrap(), Arc::new(clock))
            .unwrap();
    assert_eq!(doubting.check().await.unwrap_err().reason(), "discovery-unreachable");
}
