//! The provider's pages in a browser without scripts.

use ca_server::clock::Clock as _;
use http::StatusCode;
use rollcall_tests::browser::Browser;
use url::Url;

use crate::setting::{NONCE, STATE, Setting, verifier};

async fn arrive(setting: &Setting, browser: &mut Browser) {
    let to = setting.provider.authorize(STATE, NONCE, &verifier()).await.unwrap();
    browser.open(to.as_str()).await;
}

fn browser() -> Browser {
    Browser::builder().stopping_at("https://ca.test/").start()
}

fn came_back(browser: &Browser) -> &Url {
    let last = browser.visited().last().unwrap();
    assert!(last.as_str().starts_with(crate::setting::CALLBACK), "{last}");
    last
}

#[tokio::test]
async fn a_person_signs_in_with_name_and_password() {
    let (setting, mut browser) = (Setting::new().await, browser());
    arrive(&setting, &mut browser).await;
    assert_eq!(browser.page().title(), "Sign in");
    assert!(browser.page().text().contains("rollcall"), "it says who asks");
    browser.submit(&[("login", "alice"), ("password", "demo")]).await;
    let person = setting.redeem(came_back(&browser)).await.unwrap();
    assert_eq!(person.email().to_string(), "alice@corp.test");
}

#[tokio::test]
async fn a_wrong_password_is_said_and_may_be_corrected() {
    let (setting, mut browser) = (Setting::new().await, browser());
    arrive(&setting, &mut browser).await;
    let page = browser.submit(&[("login", "alice"), ("password", "wrong")]).await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    assert!(page.text().contains("User name or password is wrong."), "{}", page.text());
    assert_eq!(page.forms()[0].field("login").unwrap().value, "alice", "the name need not be typed again");
    browser.press("Sign in", &[("password", "demo")]).await;
    setting.redeem(came_back(&browser)).await.unwrap();
}

#[tokio::test]
async fn a_person_may_say_no() {
    let (setting, mut browser) = (Setting::new().await, browser());
    arrive(&setting, &mut browser).await;
    browser.press("Cancel", &[]).await;
    let refusal = setting.redeem(came_back(&browser)).await.unwrap_err();
    assert_eq!(refusal.reason(), "provider-refused");
}

#[tokio::test]
async fn who_is_signed_in_must_sign_in_again_for_us_but_not_for_others() {
    let (setting, mut browser) = (Setting::new().await, browser());
    arrive(&setting, &mut browser).await;
    browser.submit(&[("login", "alice"), ("password", "demo")]).await;
    setting.clock.advance(time::Duration::minutes(5));
    arrive(&setting, &mut browser).await;
    assert_eq!(browser.page().title(), "Sign in", "the session is not enough");

    // A careless relying party would not ask for a new sign-in. The provider answers it at once, with an old `auth_time`.
    let careful = setting.provider.authorize(STATE, NONCE, &verifier()).await.unwrap();
    let mut careless = careful.clone();
    let kept = careful.query_pairs().filter(|(name, _)| name != "prompt" && name != "max_age");
    careless.query_pairs_mut().clear().extend_pairs(kept);
    browser.open(careless.as_str()).await;
    let refusal = setting.redeem(came_back(&browser)).await.unwrap_err();
    assert_eq!(refusal.reason(), "stale-authentication");
    assert_eq!(setting.clock.now(), crate::setting::NOON + time::Duration::minutes(5));
}

#[tokio::test]
async fn a_request_that_is_not_registered_gets_a_page_and_goes_nowhere() {
    let (setting, mut browser) = (Setting::new().await, browser());
    let to = setting.provider.authorize(STATE, NONCE, &verifier()).await.unwrap();
    let elsewhere = to.as_str().replace("ca.test", "evil.test");
    let page = browser.open(&elsewhere).await;
    assert_eq!((page.status, page.title().as_str()), (StatusCode::BAD_REQUEST, "That does not work"));
    assert!(page.text().contains("not registered"), "{}", page.text());
}

#[tokio::test]
async fn pages_use_nothing_from_elsewhere_and_say_what_is_what() {
    let (setting, mut browser) = (Setting::new().await, browser());
    arrive(&setting, &mut browser).await;
    let body = &browser.page().body;
    for word in ["src=", "href=", "@import", "url("] {
        assert!(!body.contains(word), "{word} in {body}");
    }
    for field in ["login", "password"] {
        assert!(body.contains(&format!("<label for=\"{field}\">")), "{field} has a label");
    }
}
