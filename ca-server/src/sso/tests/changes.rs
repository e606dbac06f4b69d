//! What changes in the middle of a sign-in always wins: the key, the account, the authorization, the configuration.

use http::StatusCode;
use serde_json::json;

use super::bench::*;
use super::support::{Ca, Key, flattened};
use crate::config::CompletionMethod;
use crate::sso::providers::canned::Said;

/// Gives the account of `client` a new key.
async fn roll_over(ca: &Ca, client: &mut Client) {
    let (url, next) = (ca.url("key-change"), Key::p256());
    let header = json!({"alg": next.alg(), "jwk": next.jwk(), "url": url});
    let payload = json!({"account": client.account, "oldKey": client.key.jwk()}).to_string();
    let signature =
        next.signature(super::support::signing_input(&header.to_string(), payload.as_bytes()).as_bytes());
    let inner = flattened(&header.to_string(), payload.as_bytes(), &signature);
    let reply = client.post(ca, &url, &inner.into()).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    client.key = next;
}

#[tokio::test]
async fn a_key_rolled_over_while_the_person_is_at_the_provider_ends_the_sign_in() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let mut client = Client::register(&ca).await;
    let asked = client.ask(&ca, ALICE).await;
    let at = browser.start(&ca, asked.link()).await;
    roll_over(&ca, &mut client).await;
    let reply = browser.answer(&ca, "corp", &at.state, &says(ALICE)).await;
    assert!(text(&reply).contains("The program changed its key"), "{}", text(&reply));
    assert_eq!(client.settled(&ca, &asked).await["status"], "invalid");
    assert_eq!(refusals(&ca).await[0], "sso:key-changed");
}

#[tokio::test]
async fn a_key_rolled_over_before_the_code_is_typed_ends_the_sign_in() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let mut client = Client::register(&ca).await;
    let asked = client.ask(&ca, ALICE).await;
    let confirm = browser.sign_in(&ca, asked.link(), ALICE).await;
    roll_over(&ca, &mut client).await;
    let reply = browser.form(&ca, &confirm, &[("code", asked.code())]).await;
    assert!(text(&reply).contains("The program changed its key"), "{}", text(&reply));
    assert_eq!(client.settled(&ca, &asked).await["status"], "invalid");
}

#[tokio::test]
async fn a_key_rolled_over_before_the_link_is_used_does_no_harm() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let mut client = Client::register(&ca).await;
    let asked = client.ask(&ca, ALICE).await;
    roll_over(&ca, &mut client).await;
    let confirm = browser.sign_in(&ca, asked.link(), ALICE).await;
    browser.form(&ca, &confirm, &[("code", asked.code())]).await;
    assert_eq!(client.settled(&ca, &asked).await["status"], "valid");
}

#[tokio::test]
async fn a_deactivated_account_obtains_nothing_at_any_step() {
    for step in 0..3 {
        let (ca, mut browser) = (ca().await, Browser::default());
        let client = Client::register(&ca).await;
        let asked = client.ask(&ca, ALICE).await;
        let end = async || {
            let reply = client.post(&ca, &client.account, &json!({"status": "deactivated"})).await;
            assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        };
        let reply = match step {
            0 => {
                end().await;
                browser.form(&ca, asked.link(), &[]).await
            }
            1 => {
                let at = browser.start(&ca, asked.link()).await;
                end().await;
                browser.answer(&ca, "corp", &at.state, &says(ALICE)).await
            }
            _ => {
                let confirm = browser.sign_in(&ca, asked.link(), ALICE).await;
                end().await;
                browser.form(&ca, &confirm, &[("code", asked.code())]).await
            }
        };
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "step {step}");
        assert!(text(&reply).contains("The program may not ask any more"), "step {step}: {}", text(&reply));
        assert_eq!(refusals(&ca).await, ["sso:account-gone"], "step {step}");
    }
}

#[tokio::test]
async fn an_authorization_that_was_given_up_stays_so() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let client = Client::register(&ca).await;
    let asked = client.ask(&ca, ALICE).await;
    let confirm = browser.sign_in(&ca, asked.link(), ALICE).await;
    client.post(&ca, &asked.authorization, &json!({"status": "deactivated"})).await;
    let reply = browser.form(&ca, &confirm, &[("code", asked.code())]).await;
    assert!(text(&reply).contains("Nobody waits for this any more"), "{}", text(&reply));
    assert_eq!(client.read(&ca, &asked.authorization).await["status"], "deactivated");
    assert_eq!(refusals(&ca).await, ["sso:over"]);
}

#[tokio::test]
async fn a_challenge_that_is_done_stays_done() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let client = Client::register(&ca).await;
    let asked = client.ask(&ca, ALICE).await;
    let confirm = browser.sign_in(&ca, asked.link(), ALICE).await;
    browser.form(&ca, &confirm, &[("code", asked.code())]).await;
    client.settled(&ca, &asked).await;
    for reply in [
        browser.get(&ca, asked.link()).await,
        browser.form(&ca, asked.link(), &[]).await,
        browser.form(&ca, &confirm, &[("code", "0000-0000")]).await,
        browser.form(&ca, &confirm, &[("decline", "yes")]).await,
    ] {
        assert!(text(&reply).contains("Done"), "{}", text(&reply));
    }
    assert_eq!(client.read(&ca, &asked.authorization).await["status"], "valid");
}

#[tokio::test]
async fn caa_of_the_mail_domain_is_asked_when_proven_and_again_at_finalize() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let client = Client::register(&ca).await;
    ca.dns.set_caa_tag("corp.test", "issuemail", "ca.test; ssoproviders=other.idp.example.com");
    let asked = client.ask(&ca, ALICE).await;
    let confirm = browser.sign_in(&ca, asked.link(), ALICE).await;
    browser.form(&ca, &confirm, &[("code", asked.code())]).await;
    let object = client.settled(&ca, &asked).await;
    let error = &object["challenges"][0]["error"];
    assert!(error["type"].as_str().unwrap().ends_with(":caa"), "{object}");
    assert!(error["detail"].as_str().unwrap().contains("signing in at corp.idp.example.com"), "{object}");

    ca.dns.set_caa_tag(
        "corp.test",
        "issuemail",
        "ca.test; ssoproviders=corp.idp.example.com; validationmethods=ca-sso-01",
    );
    let asked = client.ask(&ca, ALICE).await;
    let confirm = browser.sign_in(&ca, asked.link(), ALICE).await;
    browser.form(&ca, &confirm, &[("code", asked.code())]).await;
    assert_eq!(client.settled(&ca, &asked).await["status"], "valid");
    ca.dns.set_caa_tag("corp.test", "issueemail", ";");
    let refused = client.finalize(&ca, &asked.order, ALICE).await;
    assert_eq!(refused.problem(), "caa");
    ca.dns.clear_caa("corp.test");
    assert_eq!(client.finalize(&ca, &asked.order, ALICE).await.json()["status"], "valid");
}

#[tokio::test]
async fn an_address_of_a_domain_without_provider_cannot_be_ordered() {
    let ca = ca().await;
    let client = Client::register(&ca).await;
    let payload =
        json!({"identifiers": [{"type": "email", "value": "bob@sub.corp.test"}], "profile": "user"});
    let reply = client.post(&ca, &ca.url("new-order"), &payload).await;
    assert_eq!(reply.problem(), "rejectedIdentifier");
    let detail = reply.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.contains("no identity provider of this server may vouch for addresses of sub.corp.test"),
        "{detail}"
    );
    let authz = json!({"identifier": {"type": "email", "value": ALICE}});
    let reply = client.post(&ca, &ca.url("new-authz"), &authz).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{reply:?}");
    assert_eq!(reply.json()["challenges"][0]["type"], "sso-01");
}

#[tokio::test]
async fn a_way_of_completing_that_is_turned_off_is_refused() {
    for (offered, answer, wanted) in [
        (CompletionMethod::Redirect, json!({}), "redirect_uri on a loopback address"),
        (CompletionMethod::Code, json!({"redirect_uri": "http://127.0.0.1:49152/"}), "empty object"),
    ] {
        let ca = Ca::start_people(providers(), |config| config.sso.completion = vec![offered]).await;
        let client = Client::register(&ca).await;
        let (_, authorization) = client.order(&ca, ALICE).await;
        let url = client.read(&ca, &authorization).await["challenges"][0]["url"].as_str().unwrap().to_owned();
        let reply = client.post(&ca, &url, &answer).await;
        assert_eq!(reply.problem(), "malformed");
        assert!(reply.json()["detail"].as_str().unwrap().contains(wanted), "{}", reply.json());
        assert_eq!(client.read(&ca, &url).await["status"], "pending");
    }
}

#[tokio::test]
async fn more_facts_than_can_be_kept_end_the_sign_in() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let client = Client::register(&ca).await;
    let asked = client.ask(&ca, ALICE).await;
    let at = browser.start(&ca, asked.link()).await;
    let groups = (0..1000).map(|number| format!("group-{number:0>40}")).collect();
    let reply = browser.answer(&ca, "corp", &at.state, &Said { groups, ..says(ALICE) }).await;
    assert!(text(&reply).contains("The sign-in was not accepted"), "{}", text(&reply));
    assert_eq!(client.settled(&ca, &asked).await["status"], "invalid");
}
