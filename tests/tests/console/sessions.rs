//! Sessions: how one begins, how it ends, and what a stolen cookie is worth.

use serde_json::json;
use time::Duration;

use crate::raw::{AGENT, Raw};
use crate::setting::Setting;

/// Whether the browser's session is good, asked with its cookie and nothing else.
async fn is_signed_in(setting: &Setting, browser: &rollcall_tests::browser::Browser) -> bool {
    let answer = Raw::get(&setting.at("/issuers")).with_cookies_of(browser).send().await;
    assert!(answer.status == 200 || answer.location() == "/sign-in", "{answer:?}");
    answer.status == 200
}

#[tokio::test]
async fn a_link_is_good_once_for_minutes_and_looking_at_it_uses_nothing_up() {
    let setting = Setting::start().await;
    let link = setting.link("alice").await;
    assert!(link.starts_with(&format!("{}/sign-in/link/", setting.base)), "{link}");
    for _ in 0..3 {
        let looked = Raw::get(&link).send().await;
        assert!(looked.status == 200 && looked.cookies().is_empty(), "{looked:?}");
    }
    let used = Raw::post(&link, &[]).send().await;
    assert_eq!((used.status, used.location()), (303, "/"));
    let cookie = used.cookies()[0].to_owned();
    assert!(
        cookie.starts_with("rollcall-console=") && cookie.ends_with("; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    for again in [Raw::get(&link), Raw::post(&link, &[])] {
        let again = again.send().await;
        assert_eq!((again.status, again.cookies().len()), (410, 0), "a link that was replayed");
    }
    let late = setting.link("alice").await;
    setting.it.ca.clock.advance(Duration::minutes(5));
    assert_eq!(Raw::post(&late, &[]).send().await.status, 410, "a link that is too old");
    let told = setting.told().await;
    assert_eq!(told[0], "alice: one-time link made");
    assert_eq!(told[1], "alice (one-time link): signed in by one-time link");
    let audit = setting.it.ca.audit().await;
    assert!(audit.of_kind("refused").any(|act| act["rule"] == "console:link-over"), "a replay is recorded");
    // Nothing that opens the console is kept anywhere.
    let secret = link.rsplit('/').next().unwrap();
    let kept = setting.it.ca.snapshot().await;
    assert!(kept.holds("one-time link") && !kept.holds(secret));
}

#[tokio::test]
async fn a_session_ends_when_its_owner_says_so_or_does_nothing_or_the_administrator_closes() {
    let setting = Setting::start().await;
    let mut browser = setting.browser().await;
    let stolen = Raw::get(&setting.at("/issuers")).with_cookies_of(&browser);
    let page = browser.press("Sign out", &[]).await;
    assert!(page.text().contains("You are signed out"), "{}", page.body);
    assert_eq!(
        stolen.send().await.location(),
        "/sign-in",
        "a cookie that was stolen before is worth nothing after"
    );
    assert_eq!(setting.told().await.last().unwrap(), "root (one-time link): signed out");

    let idle = setting.browser().await;
    setting.it.ca.clock.advance(Duration::minutes(29));
    assert!(
        Raw::get(&setting.at("/")).with("rollcall-live", "1").with_cookies_of(&idle).send().await.status
            == 200
    );
    setting.it.ca.clock.advance(Duration::minutes(1));
    let live = Raw::get(&setting.at("/")).with("rollcall-live", "1").with_cookies_of(&idle).send().await;
    assert_eq!(live.status, 401, "the script keeps no session awake, and is told in a word");
    assert!(!is_signed_in(&setting, &idle).await);

    let browser = setting.browser().await;
    let link = setting.link("bob").await;
    let listed = setting.it.ask("/console/sessions").await;
    assert_eq!(listed["items"][0]["operator"], "root (one-time link)", "{listed}");
    assert_eq!(setting.it.tell("/console/close", json!({})).await["ended"], 1);
    assert!(!is_signed_in(&setting, &browser).await);
    assert_eq!(Raw::post(&link, &[]).send().await.status, 410, "links are closed too");
}

#[tokio::test]
async fn a_stolen_cookie_shown_by_another_browser_or_address_ends_the_session_for_both() {
    let setting = Setting::start().await;
    for how in ["another browser", "another address"] {
        let browser = setting.browser().await;
        let stolen = Raw::get(&setting.at("/issuers")).with_cookies_of(&browser);
        let stolen = if how == "another browser" {
            stolen.with("user-agent", "curl")
        } else {
            stolen.from("127.0.0.2")
        };
        let answer = stolen.send().await;
        assert_eq!(answer.status, 401, "{how}: {}", answer.body);
        assert!(answer.body.contains(how) && answer.cookies()[0].contains("Max-Age=0"), "{answer:?}");
        assert!(!answer.body.contains("Test issuing"));
        assert!(!is_signed_in(&setting, &browser).await, "{how}");
        let told = setting.told().await;
        assert!(told.last().unwrap().contains(how), "{told:?}");
    }
    let roaming = Setting::start_with(|config| config.console.same_address = false).await;
    let browser = roaming.browser().await;
    let moved = Raw::get(&roaming.at("/issuers")).with_cookies_of(&browser).from("127.0.0.2").send().await;
    assert_eq!(moved.status, 200, "if the operator wants it so");
}

#[tokio::test]
async fn a_copy_of_a_cookie_that_was_replaced_ends_the_session() {
    let setting = Setting::start().await;
    let mut browser = setting.browser().await;
    let copy = || Raw::get(&setting.at("/issuers")).with("user-agent", AGENT);
    let first = browser.cookies()[0].value.clone();
    setting.it.ca.clock.advance(Duration::minutes(6));
    browser.open(&setting.base).await;
    assert_ne!(browser.cookies()[0].value, first, "a new secret, offered with a page");
    browser.open(&setting.base).await;
    let crossing = copy().with("cookie", &format!("rollcall-console={first}")).send().await;
    assert_eq!(crossing.status, 200, "answers cross, for half a minute");
    setting.it.ca.clock.advance(Duration::minutes(1));
    let answer = copy().with("cookie", &format!("rollcall-console={first}")).send().await;
    assert_eq!(answer.status, 401, "{}", answer.body);
    assert!(!is_signed_in(&setting, &browser).await);
    assert!(setting.told().await.last().unwrap().contains("a cookie that was replaced was shown"));
}
