//! Access tokens of another hand: the npm package `oidc-provider`, found through its configuration document.

use ca_server::config::TokenIssuerConfig;
use certs::verdict::State;
use rollcall_tests::foreign::oidc_provider::{CLIENT_ID, OidcProvider};
use rollcall_tests::internal::{AUDIENCE, InternalCa};
use time::OffsetDateTime;

const SECRET: &str = "a secret that only the two of them know";

/// A token for this audience, as the provider gives it to the client itself.
async fn token(provider: &OidcProvider, scope: &str) -> String {
    let answer = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .post(format!("{}/token", provider.issuer))
        .basic_auth(CLIENT_ID, Some(SECRET.replace(' ', "+")))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!(
            "grant_type=client_credentials&scope={scope}&resource={}",
            AUDIENCE.replace(':', "%3A").replace('/', "%2F")
        ))
        .send()
        .await
        .unwrap();
    let text = answer.text().await.unwrap();
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    answer["access_token"].as_str().unwrap_or_else(|| panic!("{text}\n{}", provider.log())).to_owned()
}

/// The configuration of an issuer whose keys are to be discovered.
fn section(issuer: &str, audience: &str) -> TokenIssuerConfig {
    toml::from_str(&format!(
        "name = \"foreign\"\nissuer = {issuer:?}\naudience = [{audience:?}]\nscopes = [\"certificates\"]\n"
    ))
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_of_oidc_provider_is_taken_and_one_for_others_is_not() {
    let Some(provider) =
        OidcProvider::start_for(&[], "https://client.test/cb", SECRET, Some(AUDIENCE)).unwrap()
    else {
        return;
    };
    let token = token(&provider, "certificates").await;
    for (audience, status) in [(AUDIENCE, 200), ("https://other.test", 401)] {
        let issuer = section(&provider.issuer, audience);
        let it = InternalCa::start_with(move |config| config.token_issuer.push(issuer)).await;
        // The provider's clock is the real one.
        it.ca.clock.advance(OffsetDateTime::now_utc() - ca_server::clock::Clock::now(&it.ca.clock));
        it.tell("/organisations", serde_json::json!({"name": "Foreign", "token_issuers": ["foreign"]})).await;
        let reply = it.certificate(&token).await;
        assert_eq!(reply.status, status, "{audience}: {reply}");
        if status == 200 {
            assert_eq!(it.judged(&reply.text()).state, State::Internal);
            let audit = it.ca.audit().await;
            let holder = &audit.of_kind("intent").next().unwrap()["holder"];
            assert_eq!(holder["credential"], format!("access-token foreign {CLIENT_ID}"), "{holder}");
        }
    }
}
