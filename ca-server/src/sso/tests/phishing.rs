//! What an attacker would do: send the link, use it twice, wait, talk the person out of the code, replay and mix answers.
//!
//! Each is refused for its own reason, the journal says so, and the rightful sign-in still succeeds wherever it still can.

use http::StatusCode;
use serde_json::json;

use super::bench::*;
use super::support::Ca;
use crate::sso::providers::canned::Said;

/// Completes an asked challenge in this browser, to show that nothing was spoilt.
async fn still_succeeds(ca: &Ca, client: &Client, asked: &Challenge, browser: &mut Browser) {
    let confirm = browser.sign_in(ca, asked.link(), ALICE).await;
    browser.form(ca, &confirm, &[("code", asked.code())]).await;
    assert_eq!(client.settled(ca, asked).await["status"], "valid");
}

#[tokio::test]
async fn an_answer_in_another_browser_than_the_one_that_used_the_link_is_refused() {
    let ca = ca().await;
    let client = Client::register(&ca).await;
    let asked = client.ask(&ca, ALICE).await;
    let (mut first, mut second) = (Browser::default(), Browser::default());
    let at = first.start(&ca, asked.link()).await;
    for _ in 0..2 {
        let reply = second.answer(&ca, "corp", &at.state, &says(ALICE)).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
        assert!(text(&reply).contains("Another browser began this"), "{}", text(&reply));
        // With a cookie of its own it is refused all the same.
        let own = client.ask(&ca, ALICE).await;
        second.start(&ca, own.link()).await;
    }
    let reply = first.answer(&ca, "corp", &at.state, &says(ALICE)).await;
    let confirm = reply.header("location").to_owned();
    // Nor does the confirm page serve another browser, even with the right code.
    let stolen = second.form(&ca, &confirm, &[("code", asked.code())]).await;
    assert_eq!(stolen.status, StatusCode::FORBIDDEN);
    assert_eq!(client.status(&ca, &asked).await, "processing");
    first.form(&ca, &confirm, &[("code", asked.code())]).await;
    assert_eq!(client.settled(&ca, &asked).await["status"], "valid");
    assert_eq!(refusals(&ca).await, ["sso:other-browser"]);
}

#[tokio::test]
async fn a_link_is_used_once() {
    let ca = ca().await;
    let client = Client::register(&ca).await;
    let asked = client.ask(&ca, ALICE).await;
    let (mut first, mut second) = (Browser::default(), Browser::default());
    let at = first.start(&ca, asked.link()).await;
    for browser in [&mut second, &mut first.clone()] {
        for reply in [browser.form(&ca, asked.link(), &[]).await, browser.get(&ca, asked.link()).await] {
            assert_eq!(reply.status, StatusCode::GONE);
            assert!(text(&reply).contains("This link was used already"), "{}", text(&reply));
            assert!(reply.headers.get("set-cookie").is_none());
        }
    }
    let reply = first.answer(&ca, "corp", &at.state, &says(ALICE)).await;
    first.form(&ca, reply.header("location"), &[("code", asked.code())]).await;
    assert_eq!(client.settled(&ca, &asked).await["status"], "valid");
    assert_eq!(refusals(&ca).await, ["sso:link-used"]);
}

#[tokio::test]
async fn of_many_presses_at_the_same_time_one_wins() {
    let ca = ca().await;
    let client = Client::register(&ca).await;
    let asked = client.ask(&ca, ALICE).await;
    let presses = (0..16).map(|_| async {
        let mut browser = Browser::default();
        browser.form(&ca, asked.link(), &[]).await.status
    });
    let all = futures_util::future::join_all(presses).await;
    assert_eq!(all.iter().filter(|status| **status == StatusCode::SEE_OTHER).count(), 1, "{all:?}");
}

#[tokio::test]
async fn a_link_ends_and_so_does_the_challenge() {
    let ca = ca().await;
    let client = Client::register(&ca).await;
    let asked = client.ask(&ca, ALICE).await;
    let half = client.ask(&ca, ALICE).await;
    let mut browser = Browser::default();
    let at = browser.start(&ca, half.link()).await;
    ca.clock.advance(time::Duration::minutes(10));
    for reply in [
        browser.get(&ca, asked.link()).await,
        browser.form(&ca, asked.link(), &[]).await,
        browser.answer(&ca, "corp", &at.state, &says(ALICE)).await,
    ] {
        assert_eq!(reply.status, StatusCode::GONE);
        assert!(text(&reply).contains("The time is over"), "{}", text(&reply));
    }
    let ca = ca.again().await;
    for challenge in [&asked, &half] {
        let object = client.settled(&ca, challenge).await;
        let error = &object["challenges"][0]["error"];
        assert!(error["type"].as_str().unwrap().ends_with(":unauthorized"), "{object}");
        assert!(error["detail"].as_str().unwrap().contains("before the link expired"), "{object}");
    }
    let rules = refusals(&ca).await;
    assert_eq!(rules.iter().filter(|rule| *rule == "sso:expired").count(), 2, "{rules:?}");
    assert_eq!(rules.iter().filter(|rule| *rule == "challenge:unauthorized").count(), 2, "{rules:?}");
}

#[tokio::test]
async fn without_the_code_signing_in_proves_nothing_and_five_wrong_codes_end_it() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let client = Client::register(&ca).await;
    let asked = client.ask(&ca, ALICE).await;
    let confirm = browser.sign_in(&ca, asked.link(), ALICE).await;
    for left in [4, 3, 2, 1] {
        let page = browser.form(&ca, &confirm, &[("code", "0000-0000")]).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        let wanted = if left == 1 { "One try is left".to_owned() } else { format!("{left} tries are left") };
        assert!(text(&page).contains(&wanted), "{}", text(&page));
        assert_eq!(client.status(&ca, &asked).await, "processing");
    }
    let page = browser.form(&ca, &confirm, &[("code", "")]).await;
    assert!(text(&page).contains("Too many wrong codes"), "{}", text(&page));
    let object = client.settled(&ca, &asked).await;
    assert_eq!(object["status"], "invalid");
    assert!(object["challenges"][0]["error"]["detail"].as_str().unwrap().contains("wrong codes"), "{object}");
    let late = browser.form(&ca, &confirm, &[("code", asked.code())]).await;
    assert!(text(&late).contains("Too many wrong codes"), "{}", text(&late));
    let rules = refusals(&ca).await;
    assert_eq!(rules[..2], ["sso:wrong-code", "sso:wrong-codes"]);
}

#[tokio::test]
async fn a_person_who_did_not_ask_stops_it() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let client = Client::register(&ca).await;
    let asked = client.ask(&ca, ALICE).await;
    let confirm = browser.sign_in(&ca, asked.link(), ALICE).await;
    let page = browser.form(&ca, &confirm, &[("decline", "yes")]).await;
    assert!(text(&page).contains("No certificate will be issued"), "{}", text(&page));
    assert_eq!(client.settled(&ca, &asked).await["status"], "invalid");
    assert_eq!(refusals(&ca).await[0], "sso:declined");
}

#[tokio::test]
async fn a_form_that_another_site_sends_is_refused() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let client = Client::register(&ca).await;
    let asked = client.ask(&ca, ALICE).await;
    for site in ["cross-site", "same-site", "none"] {
        let reply = browser.form_from(&ca, asked.link(), &[], site).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{site}");
        assert!(text(&reply).contains("Another web site"), "{}", text(&reply));
    }
    let confirm = browser.sign_in(&ca, asked.link(), ALICE).await;
    // The attacker knows the code, which his client showed him; the page he makes for it does not count.
    let reply = browser.form_from(&ca, &confirm, &[("code", asked.code())], "cross-site").await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert_eq!(client.status(&ca, &asked).await, "processing");
    browser.form(&ca, &confirm, &[("code", asked.code())]).await;
    assert_eq!(client.settled(&ca, &asked).await["status"], "valid");
    assert_eq!(refusals(&ca).await, ["sso:cross-site"]);
}

#[tokio::test]
async fn an_answer_that_the_attacker_got_for_himself_is_refused_in_the_victims_browser() {
    let ca = ca().await;
    let (victim, attacker) = (Client::register(&ca).await, Client::register(&ca).await);
    let (mut hers, mut his) = (Browser::default(), Browser::default());
    let (asked, own) = (victim.ask(&ca, ALICE).await, attacker.ask(&ca, "mallory@corp.test").await);
    hers.start(&ca, asked.link()).await;
    let at = his.start(&ca, own.link()).await;
    let reply = hers.answer(&ca, "corp", &at.state, &says("mallory@corp.test")).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert_eq!(attacker.status(&ca, &own).await, "processing");
    let reply = his.answer(&ca, "corp", &at.state, &says("mallory@corp.test")).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", text(&reply));
}

#[tokio::test]
async fn an_assertion_is_taken_once_even_after_a_restart() {
    let ca = ca().await;
    let client = Client::register(&ca).await;
    let said = says(ALICE);
    let mut browser = Browser::default();
    let first = client.ask(&ca, ALICE).await;
    let at = browser.start(&ca, first.link()).await;
    let reply = browser.answer(&ca, "corp", &at.state, &said).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER);
    // The very same post again: nobody waits for it any more.
    let again = browser.answer(&ca, "corp", &at.state, &said).await;
    assert!(text(&again).contains("Nobody waits for this answer"), "{}", text(&again));
    let ca = ca.again().await;
    let second = client.ask(&ca, ALICE).await;
    let at = browser.start(&ca, second.link()).await;
    let reply = browser.answer(&ca, "corp", &at.state, &said).await;
    assert!(text(&reply).contains("This answer was used before"), "{}", text(&reply));
    assert_eq!(client.settled(&ca, &second).await["status"], "invalid");
    assert!(refusals(&ca).await.contains(&"sso:replayed".to_owned()));
}

#[tokio::test]
async fn an_answer_to_another_challenge_is_refused() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let client = Client::register(&ca).await;
    let (one, other) = (client.ask(&ca, ALICE).await, client.ask(&ca, ALICE).await);
    let (at_one, at_other) = (browser.start(&ca, one.link()).await, browser.start(&ca, other.link()).await);
    assert_ne!(at_one.nonce, at_other.nonce);
    // What the provider signed for one, under the state of the other.
    let said = Said { commitment: Some(at_one.nonce.clone()), ..says(ALICE) };
    let reply = browser.answer(&ca, "corp", &at_other.state, &said).await;
    assert!(text(&reply).contains("The sign-in was not accepted"), "{}", text(&reply));
    assert!(!text(&reply).contains("nonce"), "no detail for the browser");
    assert_eq!(client.settled(&ca, &other).await["status"], "invalid");
    let reply = browser.answer(&ca, "corp", &at_one.state, &said).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER);
    assert_eq!(refusals(&ca).await[0], "sso:oidc:nonce");
}

#[tokio::test]
async fn the_commitment_names_the_key_of_the_account_that_asked() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let (one, other) = (Client::register(&ca).await, Client::register(&ca).await);
    let (asked, theirs) = (one.ask(&ca, ALICE).await, other.ask(&ca, ALICE).await);
    let at = browser.start(&ca, asked.link()).await;
    let at_theirs = browser.start(&ca, theirs.link()).await;
    let said = Said { commitment: Some(at_theirs.nonce), ..says(ALICE) };
    browser.answer(&ca, "corp", &at.state, &said).await;
    assert_eq!(one.settled(&ca, &asked).await["status"], "invalid");
}

#[tokio::test]
async fn a_provider_cannot_speak_for_a_domain_that_is_not_its_own() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let client = Client::register(&ca).await;
    let asked = client.ask(&ca, ALICE).await;
    let at = browser.start(&ca, asked.link()).await;
    // The other provider's answer for her address: under its own name nobody waits for it.
    let reply = browser.answer(&ca, "other", &at.state, &says(ALICE)).await;
    assert!(text(&reply).contains("Nobody waits for this answer"), "{}", text(&reply));
    let unknown = browser.answer(&ca, "nobody", &at.state, &says(ALICE)).await;
    assert_eq!(unknown.status, StatusCode::FORBIDDEN);
    // Its own answer for an address that is not hers.
    for (address, word, shown) in [
        ("bob@corp.test", "sso:other-address", "You signed in as somebody else"),
        ("Alice@corp.test", "sso:other-address", "You signed in as somebody else"),
        ("alice@other.test", "sso:foreign-domain", "may not vouch for addresses of this domain"),
    ] {
        let asked = client.ask(&ca, ALICE).await;
        let at = browser.start(&ca, asked.link()).await;
        let reply = browser.answer(&ca, "corp", &at.state, &says(address)).await;
        assert!(text(&reply).contains(shown), "{}", text(&reply));
        assert_eq!(refusals(&ca).await.iter().rfind(|rule| rule.starts_with("sso:")).unwrap(), word);
        assert!(!text(&reply).contains(address), "who it was is nobody's business");
        assert_eq!(client.settled(&ca, &asked).await["status"], "invalid");
    }
    let reply = browser.answer(&ca, "corp", &at.state, &says(ALICE)).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "the first still stands");
}

#[tokio::test]
async fn states_that_are_none_of_ours_change_nothing() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let client = Client::register(&ca).await;
    let asked = client.ask(&ca, ALICE).await;
    let at = browser.start(&ca, asked.link()).await;
    let id = &at.state[..22];
    let guess = format!("{id}{}", "A".repeat(22));
    for state in ["", "x", "https://evil.example/", id, &guess, &format!("{}A", at.state)] {
        let reply = browser.answer(&ca, "corp", state, &says(ALICE)).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{state}");
        assert!(text(&reply).contains("Nobody waits for this answer"), "{state}");
    }
    let url = format!("{}/sso/saml/corp/acs", ca.base);
    let twice = [("RelayState", at.state.as_str()), ("RelayState", &at.state), ("SAMLResponse", "x")];
    assert_eq!(browser.form(&ca, &url, &twice).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(browser.get(&ca, &url).await.status, StatusCode::FORBIDDEN);
    let reply = browser.answer(&ca, "corp", &at.state, &says(ALICE)).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_redirect_address_that_leads_elsewhere_is_refused_and_the_challenge_stays_pending() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let client = Client::register(&ca).await;
    let (_, authorization) = client.order(&ca, ALICE).await;
    let object = client.read(&ca, &authorization).await;
    let url = object["challenges"][0]["url"].as_str().unwrap();
    for (payload, why) in [
        (json!({"redirect_uri": "javascript:alert(1)"}), "neither http://127.0.0.1"),
        (json!({"redirect_uri": "data:text/html,x"}), "neither http://127.0.0.1"),
        (json!({"redirect_uri": "https://evil.example/"}), "neither http://127.0.0.1"),
        (json!({"redirect_url": "http://localhost:49152/"}), "neither http://127.0.0.1"),
        (json!({"redirect_uri": "http://127.0.0.1:49152@evil.example/"}), "user name"),
        (json!({"redirect_uri": "http://127.0.0.1:49152/\r\nX: y"}), "characters"),
        (json!({"redirect_uri": "http://127.0.0.1:49152/#x"}), "fragment"),
        (json!({"redirect_uri": "x"}), "absolute"),
        (json!({"redirect_uri": 7}), "must be a string"),
        (
            json!({"redirect_uri": "http://127.0.0.1:1/", "redirect_url": "http://127.0.0.1:2/"}),
            "two spellings",
        ),
    ] {
        let reply = client.post(&ca, url, &payload).await;
        assert_eq!(reply.problem(), "malformed", "{payload}");
        assert!(reply.json()["detail"].as_str().unwrap().contains(why), "{payload}: {}", reply.json());
        assert_eq!(client.read(&ca, url).await["status"], "pending", "{payload}");
    }
    let reply = client.post(&ca, url, &json!({})).await;
    let (order, authorization) = (String::new(), authorization);
    let asked = Challenge { order, authorization, url: url.to_owned(), object: reply.json() };
    still_succeeds(&ca, &client, &asked, &mut browser).await;
}
