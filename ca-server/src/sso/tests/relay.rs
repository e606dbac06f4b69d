//! What is left to somebody who sits elsewhere: the code from a person's address bar, more tries at the same time, a commitment of his own.

use http::{Method, StatusCode};
use serde_json::json;

use super::bench::*;
use super::support::{Ca, Key, Reply};
use crate::sso::binding::{Commitment, sign_in_of};
use crate::sso::providers::canned::Said;
use crate::sso::sign_in::{MOST_TRIES, SignIn, Stage};
use crate::store::{Batch, Versioned};

const HERE: &str = "http://127.0.0.1:49152/done";

/// A server behind a proxy, which says who a client is.
async fn behind_a_proxy(same_address: bool) -> Ca {
    Ca::start_people(providers(), |config| {
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        config.sso.same_address = same_address;
    })
    .await
}

/// Posts the one-time code from `address`.
async fn post_code(ca: &Ca, client: &Client, asked: &Challenge, code: &str, address: &str) -> Reply {
    let header =
        json!({"alg": client.key.alg(), "nonce": ca.nonce(), "url": asked.url, "kid": client.account});
    let body = client.key.sign(&header, json!({"completion_code": code}).to_string().as_bytes());
    let headers = [("content-type", "application/jose+json"), ("x-forwarded-for", address)];
    ca.send(Method::POST, &asked.url, &headers, body).await
}

/// Asks with a listener and signs in; the challenge and the code that the browser was sent on with.
async fn sent_on(ca: &Ca, client: &Client) -> (Challenge, String) {
    let asked = client.ask_with(ca, ALICE, &json!({"redirect_uri": HERE})).await;
    let to = Browser::default().sign_in(ca, asked.link(), ALICE).await;
    let code = to.strip_prefix(&format!("{HERE}?code=")).unwrap().to_owned();
    (asked, code)
}

async fn row(ca: &Ca, asked: &Challenge) -> Versioned<SignIn> {
    let secret = asked.link().rsplit('/').next().unwrap();
    ca.running.app().store.load::<SignIn>(&sign_in_of(secret).unwrap()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_code_posted_from_another_address_than_the_browsers_ends_the_sign_in() {
    let ca = behind_a_proxy(true).await;
    let client = Client::register(&ca).await;
    let (asked, code) = sent_on(&ca, &client).await;
    let reply = post_code(&ca, &client, &asked, &code, "192.0.2.9").await;
    assert_eq!(reply.problem(), "unauthorized");
    assert_eq!(client.settled(&ca, &asked).await["status"], "invalid");
    assert_eq!(refusals(&ca).await[0], "sso:code-from-elsewhere");
    let (asked, code) = sent_on(&ca, &client).await;
    // `localhost` has two addresses.
    post_code(&ca, &client, &asked, &code, "::1").await;
    assert_eq!(client.settled(&ca, &asked).await["status"], "valid");
}

#[tokio::test]
async fn where_one_machine_has_several_addresses_the_operator_can_allow_it() {
    let ca = behind_a_proxy(false).await;
    let client = Client::register(&ca).await;
    let (asked, code) = sent_on(&ca, &client).await;
    post_code(&ca, &client, &asked, &code, "192.0.2.9").await;
    assert_eq!(client.settled(&ca, &asked).await["status"], "valid");
}

#[tokio::test]
async fn a_code_that_comes_later_than_a_listening_client_needs_ends_the_sign_in() {
    for (seconds, status) in [(60, "valid"), (61, "invalid")] {
        let ca = ca().await;
        let client = Client::register(&ca).await;
        let (asked, code) = sent_on(&ca, &client).await;
        ca.clock.advance(time::Duration::seconds(seconds));
        client.post(&ca, &asked.url, &json!({"completion_code": code})).await;
        assert_eq!(client.settled(&ca, &asked).await["status"], status, "{seconds}");
        let late = refusals(&ca).await.contains(&"sso:late-code".to_owned());
        assert_eq!(late, status == "invalid", "{seconds}");
    }
}

#[tokio::test]
async fn the_page_lets_the_browser_be_led_to_the_listener_and_to_no_other_port() {
    let ca = ca().await;
    let client = Client::register(&ca).await;
    let asked = client.ask_with(&ca, ALICE, &json!({"redirect_uri": HERE})).await;
    let page = Browser::default().get(&ca, asked.link()).await;
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("form-action 'self' https://idp.example.com http://127.0.0.1:49152;"),
        "{policy}"
    );
    let typed = client.ask(&ca, ALICE).await;
    let page = Browser::default().get(&ca, typed.link()).await;
    assert!(!page.header("content-security-policy").contains("127.0.0.1"));
}

#[tokio::test]
async fn a_code_is_compared_only_after_its_try_was_counted() {
    let ca = ca().await;
    let (client, mut browser) = (Client::register(&ca).await, Browser::default());
    let asked = client.ask(&ca, ALICE).await;
    let confirm = browser.sign_in(&ca, asked.link(), ALICE).await;
    // As it is when as many tries as there may be are under way.
    let seen = row(&ca, &asked).await;
    let mut next = seen.value.clone();
    let Stage::Vouched(vouched) = &mut next.stage else { panic!("{next:?}") };
    vouched.tries = MOST_TRIES;
    let mut batch = Batch::new();
    crate::store::tables::sign_ins::replace(&mut batch, &seen, &next).unwrap();
    ca.running.app().store.commit(batch).await.unwrap();
    let page = browser.form(&ca, &confirm, &[("code", asked.code())]).await;
    assert!(text(&page).contains("Too many wrong codes"), "{}", text(&page));
    assert_eq!(client.settled(&ca, &asked).await["status"], "invalid");
}

#[tokio::test]
async fn a_commitment_that_differs_in_the_accounts_key_alone_does_not_fit() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let client = Client::register(&ca).await;
    for (key, status) in [(&Key::p256(), StatusCode::FORBIDDEN), (&client.key, StatusCode::SEE_OTHER)] {
        let asked = client.ask(&ca, ALICE).await;
        let at = browser.start(&ca, asked.link()).await;
        let Stage::Asked(kept) = row(&ca, &asked).await.value.stage else { panic!("not asked") };
        let jwk: crate::verify::jwk::Jwk = serde_json::from_value(key.jwk()).unwrap();
        let secret = asked.link().rsplit('/').next().unwrap();
        let commitment = Commitment::new(&format!("{secret}.{}", jwk.thumbprint()), &kept.nonce);
        let said = Said { commitment: Some(commitment.nonce()), ..says(ALICE) };
        assert_eq!(browser.answer(&ca, "corp", &at.state, &said).await.status, status);
    }
}
