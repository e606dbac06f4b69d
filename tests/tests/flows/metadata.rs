//! SAML metadata at an address: held against the hashes of the configuration, read again while the server runs, kept for the next start.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use ca_server::clock::Clock;
use ca_server::config::{Config, IdentityProviderConfig};
use ca_server::request::links::Links;
use ca_server::sso::providers;
use ca_server::sso::saml::metadata::MAX_METADATA;
use rollcall_tests::identity_provider::{Endpoint, IdentityProvider, Misbehaviour};
use serde_json::json;

use crate::people::{Setting, Speaking, finalized, knowing_alice, refusals, sign_in};

/// The provider of corp.test, whose metadata is one of these documents.
fn section(address: &str, documents: &[&str]) -> IdentityProviderConfig {
    let hash = |document: &&str| -> String {
        digest(&SHA256, document.as_bytes()).as_ref().iter().map(|octet| format!("{octet:02x}")).collect()
    };
    let hashes: Vec<String> = documents.iter().map(hash).collect();
    toml::from_str(&format!(
        "name = \"corp\"\ndomains = [\"corp.test\"]\nsso_provider = \"sso.corp.test\"\n\
         [saml]\nmetadata = {address:?}\nmetadata_sha256 = {hashes:?}\n"
    ))
    .unwrap()
}

async fn setting(provider: IdentityProvider, documents: &[&str]) -> Setting {
    let section = section(&provider.saml_metadata_url(), documents);
    Setting::with(provider, section, "").await
}

impl Setting {
    /// Reads the metadata again, as the server does every five minutes; gives why it was not taken.
    async fn refresh(&self) -> Result<(), String> {
        let providers = &self.ca.app().providers;
        providers.named("corp").unwrap().refresh().await.map_err(|fault| fault.to_string())
    }

    /// The metadata's address misbehaves.
    fn serve(&self, how: Misbehaviour) {
        self.provider.faults(|faults| _ = faults.endpoints.insert(Endpoint::Metadata, how));
    }

    /// Alice is certified by what the provider signs now.
    async fn enrol_alice(&self) {
        let device = self.ca.register("laptop").await;
        let (order, challenge) = self.ask(&device, &json!({})).await;
        let mut browser = self.browser();
        sign_in(&mut browser, Speaking::Saml, challenge["sso_url"].as_str().unwrap()).await;
        let done = browser.submit(&[("code", challenge["sso_code"].as_str().unwrap())]).await;
        assert_eq!(done.title(), "Done", "{}", done.body);
        finalized(self, &device, &order).await;
    }

    /// What a start with this configuration says.
    async fn start_with(&self, config: &Config) -> Result<(), String> {
        let clock: Arc<dyn Clock> = Arc::new(self.ca.clock.clone());
        let loaded = providers::load(config, &Links::new(&config.url), &clock).await;
        loaded.map(drop).map_err(|error| causes(&error))
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let source = error.source().map(causes).unwrap_or_default();
    format!("{error}: {source}")
}

#[tokio::test]
async fn a_provider_rolls_its_key_over_while_both_keys_are_published_and_nobody_notices() {
    let provider = knowing_alice().await;
    let old = provider.saml_metadata();
    provider.announce_keys().unwrap();
    let both = provider.saml_metadata();
    provider
        .faults(|faults| _ = faults.endpoints.insert(Endpoint::Metadata, Misbehaviour::Says(old.clone())));
    let setting = setting(provider, &[&old, &both]).await;
    assert_eq!(setting.provider.asked(Endpoint::Metadata), 1, "it was fetched when the server started");
    setting.enrol_alice().await;

    setting.serve(Misbehaviour::Says(both.clone()));
    setting.refresh().await.unwrap();
    assert_eq!(setting.provider.asked(Endpoint::Metadata), 2);
    setting.enrol_alice().await;
    setting.provider.rotate_keys().unwrap();
    setting.enrol_alice().await;
}

#[tokio::test]
async fn a_key_that_was_rolled_over_without_overlap_signs_nobody_in() {
    let provider = knowing_alice().await;
    let old = provider.saml_metadata();
    let setting = setting(provider, &[&old]).await;
    setting.provider.rotate_keys().unwrap();
    let refused = setting.refresh().await.unwrap_err();
    assert!(refused.contains("which `metadata_sha256` does not list"), "{refused}");

    let device = setting.ca.register("laptop").await;
    let (_, challenge) = setting.ask(&device, &json!({})).await;
    let mut browser = setting.browser();
    sign_in(&mut browser, Speaking::Saml, challenge["sso_url"].as_str().unwrap()).await;
    assert_eq!(browser.page().status.as_u16(), 403, "{}", browser.page().body);
    assert_eq!(refusals(&setting).await, ["sso:saml:signature-mismatch"]);
}

#[tokio::test]
async fn while_the_address_fails_or_says_something_else_what_was_known_stays_in_force() {
    let provider = knowing_alice().await;
    let document = provider.saml_metadata();
    let setting = setting(provider, &[&document, "<broken"]).await;
    let elsewhere = setting.provider.issuer().to_owned();
    for (how, why) in [
        (Misbehaviour::Status(503), "answers 503"),
        (Misbehaviour::Redirects(elsewhere), "which is not followed"),
        (Misbehaviour::Large(MAX_METADATA + 1), "sent more than"),
        (Misbehaviour::Endless, "sent more than"),
        (Misbehaviour::Says(document.replace("saml/sso", "evil/sso")), "does not list"),
        // One that the configuration lists must be metadata all the same.
        (Misbehaviour::Says("<broken".to_owned()), ""),
    ] {
        setting.serve(how.clone());
        let refused = setting.refresh().await.unwrap_err();
        assert!(refused.contains(why), "{how:?}: {refused}");
        setting.enrol_alice().await;
    }
}

#[tokio::test]
async fn a_start_uses_the_last_good_document_if_the_address_fails_and_no_other() {
    let provider = knowing_alice().await;
    let document = provider.saml_metadata();
    let setting = setting(provider, &[&document]).await;
    let copy = setting.ca.folder().join("sso/corp.metadata.xml");
    assert_eq!(std::fs::read_to_string(&copy).unwrap(), document);

    setting.serve(Misbehaviour::Status(503));
    let Setting { ca, provider } = setting;
    let setting = Setting { ca: ca.restart().await, provider };
    setting.enrol_alice().await;

    let config = setting.ca.config().clone();
    std::fs::write(&copy, document.replace("saml/sso", "evil/sso")).unwrap();
    let refused = setting.start_with(&config).await.unwrap_err();
    assert!(refused.contains("answers 503"), "{refused}");
    std::fs::remove_file(&copy).unwrap();
    let refused = setting.start_with(&config).await.unwrap_err();
    assert!(refused.contains("answers 503"), "{refused}");
    // What the address says now goes before the copy, even if it is not taken.
    std::fs::write(&copy, &document).unwrap();
    setting.serve(Misbehaviour::Says(document.replace("saml/sso", "evil/sso")));
    let refused = setting.start_with(&config).await.unwrap_err();
    assert!(refused.contains("does not list"), "{refused}");
}

#[tokio::test]
async fn the_address_must_show_a_certificate_that_this_machine_trusts() {
    let setting = Setting::with(knowing_alice().await, section_of_nobody(), "").await;
    let stranger = IdentityProvider::builder().tls().start().await.unwrap();
    let mut config = setting.ca.config().clone();
    config.identity_provider = vec![section(&stranger.saml_metadata_url(), &[&stranger.saml_metadata()])];
    let refused = setting.start_with(&config).await.unwrap_err();
    assert!(refused.contains("cannot be reached") && refused.contains("certificate"), "{refused}");
}

/// A provider that is asked nothing at the start.
fn section_of_nobody() -> IdentityProviderConfig {
    toml::from_str(
        "name = \"other\"\ndomains = [\"corp.test\"]\n[oidc]\nissuer = \"http://127.0.0.1:9\"\nclient_id = \"x\"\n",
    )
    .unwrap()
}
