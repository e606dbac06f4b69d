//! How the relying party reaches out: time, size, redirects and trust have limits.

use std::sync::Arc;

use ca_server::clock::FixedClock;
use ca_server::sso::fetch::{Fetch, FetchConfig, FetchError};
use ca_server::sso::oidc::OidcProvider;
use rollcall_tests::identity_provider::{Endpoint, IdentityProvider, Misbehaviour};
use url::Url;

use crate::setting::{NOON, Setting, alice, patient, register, settings};

#[tokio::test]
async fn a_provider_that_never_answers_is_given_up() {
    for (endpoint, reason) in [
        (Endpoint::Discovery, "discovery-unreachable"),
        (Endpoint::Token, "token-unreachable"),
        (Endpoint::Keys, "keys-unreachable"),
    ] {
        let setting = Setting::impatient().await;
        let found =
            setting.reason_with(|faults| _ = faults.endpoints.insert(endpoint, Misbehaviour::Hangs)).await;
        assert_eq!(found, reason);
    }
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
async fn a_document_may_move_within_its_scheme_a_few_times() {
    let idp = IdentityProvider::builder().tls().start().await.unwrap();
    let fetch = Fetch::new(&patient(&idp)).unwrap();
    let metadata = Url::parse(&idp.saml_metadata_url()).unwrap();
    let redirect = |to: String| {
        idp.heal();
        idp.faults(|faults| _ = faults.endpoints.insert(Endpoint::Metadata, Misbehaviour::Redirects(to)));
    };
    redirect("/jwks".to_owned());
    let body = fetch.get_following(&metadata, "*/*").await.unwrap();
    assert!(body.starts_with(b"{\"keys\""));
    redirect(format!("http://localhost:{}/jwks", idp.address().port()));
    let error = fetch.get_following(&metadata, "*/*").await.unwrap_err();
    assert!(matches!(error, FetchError::Redirect { .. }), "{error}");
    redirect("https://idp.invalid/jwks".to_owned());
    let error = fetch.get_following(&metadata, "*/*").await.unwrap_err();
    assert!(matches!(error, FetchError::Redirect { .. }), "from this machine to outside: {error}");
    let before = idp.asked(Endpoint::Metadata);
    redirect("/saml/metadata".to_owned());
    let error = fetch.get_following(&metadata, "*/*").await.unwrap_err();
    assert!(matches!(error, FetchError::Redirect { .. }), "{error}");
    assert_eq!(idp.asked(Endpoint::Metadata) - before, 4, "three redirects and no more");
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
