//! The way that is meant.

use http::StatusCode;
use serde_json::json;

use super::bench::*;
use super::support::Ca;
use crate::order::model::Certificate;
use crate::sso::providers::Providers;
use crate::sso::providers::canned::provider;
use crate::store::tables::certificates::CertificateFilter;

#[tokio::test]
async fn a_person_who_signs_in_and_types_the_code_gets_a_certificate_with_its_evidence() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let client = Client::register(&ca).await;
    let asked = client.ask(&ca, ALICE).await;
    assert_eq!(asked.object["type"], "sso-01");
    assert_eq!(asked.object["sso_provider"], "corp.idp.example.com");
    assert!(asked.object.get("token").is_none(), "the token is the secret of the link");
    assert_eq!(client.read(&ca, &asked.url).await["sso_code"], asked.object["sso_code"]);

    let confirm = browser.sign_in(&ca, asked.link(), ALICE).await;
    let page = browser.get(&ca, &confirm).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(text(&page).contains(ALICE) && text(&page).contains("127.0.0.1"));
    assert!(!text(&page).contains(asked.code()), "the page must not tell the code");
    assert_eq!(client.status(&ca, &asked).await, "processing", "signing in alone proves nothing");

    let done = browser.form(&ca, &confirm, &[("code", &asked.code().to_lowercase())]).await;
    assert_eq!(
        (done.status, done.header("location")),
        (StatusCode::SEE_OTHER, &*format!("{}/sso/done", ca.base))
    );
    let authorization = client.settled(&ca, &asked).await;
    assert_eq!(authorization["status"], "valid", "{authorization}");
    assert!(authorization["challenges"][0].get("sso_url").is_none(), "{authorization}");
    let next = ca.running.app().clock.now() + time::Duration::hours(12);
    let said = next.format(&time::format_description::well_known::Rfc3339).unwrap();
    assert_eq!(authorization["expires"], said.as_str(), "when the next sign-in is needed");

    let order = client.finalize(&ca, &asked.order, ALICE).await;
    assert_eq!(order.json()["status"], "valid", "{order:?}");
    let page = ca.running.app().store.certificates(&CertificateFilter::default(), None, 9).await.unwrap();
    let record: &Certificate = &page.items[0].value;
    assert_eq!(record.evidence.len(), 1);
    assert_eq!((record.evidence[0].provider.as_str(), record.evidence[0].subject.as_str()), ("corp", ALICE));
    let acts = acts(&ca).await;
    let of = |name: &str| acts.iter().find(|act| act["act"] == name).unwrap().clone();
    assert_eq!(of("signed-in")["evidence"]["groups"], json!(["staff"]));
    assert_eq!(of("intent")["evidence"][0]["assertion"], of("signed-in")["evidence"]["assertion"]);
}

#[tokio::test]
async fn a_client_on_the_same_machine_completes_it_with_the_code_it_is_sent() {
    for member in ["redirect_uri", "redirect_url"] {
        let (ca, mut browser) = (ca().await, Browser::default());
        let client = Client::register(&ca).await;
        let answer = json!({member: "http://127.0.0.1:49152/done"});
        let asked = client.ask_with(&ca, ALICE, &answer).await;
        assert!(asked.object.get("sso_code").is_none());
        let to = browser.sign_in(&ca, asked.link(), ALICE).await;
        let code = to.strip_prefix("http://127.0.0.1:49152/done?code=").unwrap();
        assert_eq!(client.status(&ca, &asked).await, "processing");

        let wrong = client.post(&ca, &asked.url, &json!({"completion_code": "x"})).await;
        assert_eq!(wrong.problem(), "incorrectResponse");
        assert_eq!(client.status(&ca, &asked).await, "processing", "a wrong code changes nothing");
        let right = client.post(&ca, &asked.url, &json!({"completion_code": code})).await;
        assert_eq!(right.status, StatusCode::OK, "{right:?}");
        assert_eq!(client.settled(&ca, &asked).await["status"], "valid");
        let again = client.post(&ca, &asked.url, &json!({"completion_code": code})).await;
        assert_eq!(again.json()["status"], "valid", "{again:?}");
    }
}

#[tokio::test]
async fn looking_at_the_link_consumes_nothing_and_shows_what_is_asked() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let client = Client::register(&ca).await;
    let asked = client.ask(&ca, ALICE).await;
    for _ in 0..3 {
        let page = browser.get(&ca, asked.link()).await;
        assert_eq!(page.status, StatusCode::OK);
        let text = text(&page);
        let jwk: crate::verify::jwk::Jwk = serde_json::from_value(client.key.jwk()).unwrap();
        let words = crate::sso::key_words::key_words(&jwk.thumbprint());
        for shown in [ALICE, "127.0.0.1", "corp sign-in", &words, "ca.test"] {
            assert!(text.contains(shown), "{shown}");
        }
        let policy = page.header("content-security-policy");
        assert!(policy.contains("form-action 'self' https://idp.example.com"), "{policy}");
        assert_eq!(page.header("cache-control"), "no-store");
    }
    let confirm = browser.sign_in(&ca, asked.link(), ALICE).await;
    browser.form(&ca, &confirm, &[("code", asked.code())]).await;
    assert_eq!(client.settled(&ca, &asked).await["status"], "valid");
}

#[tokio::test]
async fn each_provider_of_a_domain_has_its_own_challenge_and_the_page_leads_to_the_others() {
    let providers = Providers::new(vec![
        provider("one", &["corp.test"]),
        provider("two", &["corp.test"]),
        provider("other", &["other.test"]),
    ]);
    let ca = Ca::start_people(providers, |_| {}).await;
    let client = Client::register(&ca).await;
    let (_, authorization) = client.order(&ca, ALICE).await;
    let object = client.read(&ca, &authorization).await;
    let challenges = object["challenges"].as_array().unwrap();
    let names: Vec<_> = challenges.iter().map(|one| one["sso_provider"].as_str().unwrap()).collect();
    assert_eq!(names, ["one.idp.example.com", "two.idp.example.com"]);
    let mut links = Vec::new();
    for challenge in challenges {
        let reply = client.post(&ca, challenge["url"].as_str().unwrap(), &json!({})).await;
        links.push(reply.json()["sso_url"].as_str().unwrap().to_owned());
    }
    let page = text(&Browser::default().get(&ca, &links[0]).await);
    assert!(page.contains("two sign-in") && page.contains(&links[1]), "{page}");
    assert!(!page.contains("other sign-in"), "{page}");
}

#[tokio::test]
async fn a_sign_in_serves_further_orders_for_as_long_as_it_is_said_to() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let client = Client::register(&ca).await;
    let asked = client.ask(&ca, ALICE).await;
    let confirm = browser.sign_in(&ca, asked.link(), ALICE).await;
    browser.form(&ca, &confirm, &[("code", asked.code())]).await;
    client.settled(&ca, &asked).await;
    assert_eq!(client.finalize(&ca, &asked.order, ALICE).await.json()["status"], "valid");

    ca.clock.advance(time::Duration::hours(11));
    let (order, _) = client.order(&ca, ALICE).await;
    assert_eq!(client.read(&ca, &order).await["status"], "ready", "renewed without signing in");
    assert_eq!(client.finalize(&ca, &order, ALICE).await.json()["status"], "valid");
    ca.clock.advance(time::Duration::hours(2));
    let (order, _) = client.order(&ca, ALICE).await;
    assert_eq!(client.read(&ca, &order).await["status"], "pending", "a new sign-in is needed");
}

#[tokio::test]
async fn a_sign_in_outlives_a_restart_at_every_step() {
    let (ca, mut browser) = (ca().await, Browser::default());
    let client = Client::register(&ca).await;
    let asked = client.ask(&ca, ALICE).await;
    let ca = ca.again().await;
    let at = browser.start(&ca, asked.link()).await;
    let ca = ca.again().await;
    let reply = browser.answer(&ca, "corp", &at.state, &says(ALICE)).await;
    let confirm = reply.header("location").to_owned();
    let ca = ca.again().await;
    assert_eq!(client.status(&ca, &asked).await, "processing");
    // The worker has the row of the link's end in its hands since the start; what is completed now must not wait for that.
    browser.form(&ca, &confirm, &[("code", asked.code())]).await;
    assert_eq!(client.settled(&ca, &asked).await["status"], "valid");
}
