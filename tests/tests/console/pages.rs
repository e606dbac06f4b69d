//! Every page without scripts: what it shows, what it leads to, and the headers that it comes with.

use rollcall_tests::browser::Browser;
use serde_json::json;

use crate::raw::Raw;
use crate::setting::Setting;

/// Every page that has a place of its own.
pub(crate) const PAGES: [(&str, &str); 6] = [
    ("/", "Overview"),
    ("/certificates", "Certificates"),
    ("/challenges", "Failed challenges"),
    ("/approvals", "Approvals"),
    ("/journal", "Journal"),
    ("/issuers", "Issuers and lists"),
];

async fn text(browser: &mut Browser, url: &str) -> String {
    let page = browser.open(url).await;
    assert_eq!(page.status, 200, "{url}: {}", page.body);
    page.text()
}

#[tokio::test]
async fn an_empty_console_says_so_and_every_page_comes_with_its_policy() {
    let setting = Setting::start().await;
    let mut browser = setting.browser().await;
    for (path, title) in PAGES {
        let page = browser.open(&setting.at(path)).await;
        assert_eq!((page.status.as_u16(), page.title()), (200, format!("{title} · Rollcall")), "{path}");
        let policy = page.policy().unwrap().to_owned();
        for wanted in
            ["default-src 'none'", "style-src 'sha256-", "base-uri 'none'", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(wanted), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{path}: {policy}");
        for (header, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(page.headers[header], value, "{path}");
        }
        assert!(!page.headers.contains_key("replay-nonce"));
        assert!(!page.body.contains(" style=") && !page.body.contains(" onclick="), "{path}");
    }
    assert!(text(&mut browser, &setting.at("/certificates")).await.contains("Nothing has been issued yet."));
    assert!(text(&mut browser, &setting.at("/challenges")).await.contains("No challenge has failed."));
    assert!(text(&mut browser, &setting.at("/approvals")).await.contains("Nothing waits for a decision."));
    for unreadable in ["/journal?after=x", "/journal?after=1&after=2"] {
        let page = browser.open(&setting.at(unreadable)).await;
        assert_eq!(
            (page.status.as_u16(), page.headers["x-content-type-options"].to_str().unwrap()),
            (400, "nosniff")
        );
        assert!(page.policy().unwrap().starts_with("default-src 'none'"));
    }
    let page = browser.open(&setting.at("/nothing")).await;
    assert_eq!((page.status.as_u16(), page.title().as_str()), (404, "There is no such page · Rollcall"));
}

#[tokio::test]
async fn the_overview_shows_what_an_operator_should_look_at() {
    let setting = Setting::start().await;
    setting.furnish().await;
    let mut browser = setting.browser().await;
    let page = browser.open(&setting.base).await;
    let shown = page.text();
    for wanted in [
        "healthy",
        "4 in 24 hours, 4 in the present one",
        "1 Approvals",
        "room-9.corp.test",
        "another account",
    ] {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    assert_eq!(page.body.matches("<rect class=\"bar\"").count(), 24);
    assert!(page.body.contains("aria-label=\"Time to answer by the minute: "));
    assert!(shown.contains("Everything that ends within a week has been renewed, or still has time."));

    // Past the renewal window of a device, nobody has renewed.
    let issued = setting.issue("late.corp.test").await;
    let report = issued.report();
    let life = report.not_after - report.not_before;
    setting.it.ca.clock.advance(life * 7 / 8);
    let mut browser = setting.browser().await;
    let shown = text(&mut browser, &setting.base).await;
    assert!(shown.contains("late.corp.test") && shown.contains("dns:lobby.corp.test"), "{shown}");
    setting.issue("late.corp.test").await;
    let shown = text(&mut browser, &setting.base).await;
    assert!(!shown.contains("late.corp.test") && shown.contains("dns:lobby.corp.test"), "{shown}");
}

#[tokio::test]
async fn what_waits_is_approved_or_denied_in_the_operators_name() {
    let setting = Setting::start().await;
    setting.it.organisation("Corp").await;
    let (first, second) = (setting.wait_for_approval("Corp").await, setting.wait_for_approval("Corp").await);
    assert_ne!(first, "");
    let mut browser = setting.browser().await;
    browser.open(&setting.at("/approvals")).await;
    assert!(browser.page().body.contains(&first) && browser.page().body.contains(&second));
    let form = |browser: &Browser| {
        browser.page().forms().iter().filter(|form| form.action.starts_with("/approvals/")).count()
    };
    assert_eq!(form(&browser), 2);
    for (button, done) in [("approve", "It was approved."), ("deny", "It was denied.")] {
        let page = Raw::post(
            &setting.at(&format!("/approvals/{}", if button == "approve" { &first } else { &second })),
            &[("form-token", &crate::raw::form_token(&browser)), ("decision", button)],
        );
        let answer = page.with_cookies_of(&browser).with("origin", &setting.base).send().await;
        assert_eq!(answer.status, 303, "{answer:?}");
        let page = browser.open(&setting.at(answer.location())).await;
        assert!(page.text().contains(done), "{}", page.body);
    }
    let decided = setting.it.ask("/approvals?limit=10").await;
    let decision = |id: &str| {
        decided["items"].as_array().unwrap().iter().find(|view| view["id"] == id).unwrap()["decision"].clone()
    };
    assert_eq!((decision(&first), decision(&second)), (json!("approved"), json!("denied")));
    let audit = setting.it.ca.audit().await;
    let by: Vec<_> = audit.of_kind("approval").map(|act| act["by"].clone()).collect();
    let operator = json!("operator root (one-time link)");
    assert_eq!(by, [json!(null), json!(null), operator.clone(), operator]);
}

#[tokio::test]
async fn the_journal_is_read_from_its_end_by_kind_and_by_what_it_is_about() {
    let setting = Setting::start().await;
    let issued = setting.issue("room-1.corp.test").await;
    setting.issue("room-2.corp.test").await;
    let mut browser = setting.browser().await;
    let all = text(&mut browser, &setting.at("/journal")).await;
    assert!(all.find("signed in by one-time link").unwrap() < all.find("room-2.corp.test").unwrap(), "{all}");
    assert!(all.find("room-2.corp.test").unwrap() < all.find("room-1.corp.test").unwrap(), "{all}");
    let about = setting.at(&format!("/journal?about={}", Setting::serial(&issued)));
    let shown = text(&mut browser, &about).await;
    assert!(shown.contains("room-1.corp.test") && !shown.contains("room-2.corp.test"), "{shown}");
    browser.open(&setting.at("/journal")).await;
    let shown = browser.submit(&[("act", "issued"), ("about", "")]).await.text();
    assert!(shown.contains("issued") && !shown.contains("account created"), "{shown}");
    for _ in 0..60 {
        setting.link("somebody").await;
    }
    let page = browser.open(&setting.at("/journal?act=console")).await;
    assert_eq!(page.body.matches("<summary>").count(), 50);
    let body = page.body.clone();
    let next =
        body.split("href=\"/journal?act=console&amp;after=").nth(1).unwrap().split('"').next().unwrap();
    let rest = text(&mut browser, &setting.at(&format!("/journal?act=console&after={next}"))).await;
    assert!(rest.contains("This is the last page.") && rest.contains("signed in by one-time link"), "{rest}");
}

#[tokio::test]
async fn issuers_are_shown_with_their_lists() {
    let setting = Setting::start().await;
    let mut browser = setting.browser().await;
    let page = browser.open(&setting.at("/issuers")).await;
    let id = setting.it.ca.app().authorities.named("external").unwrap().issuer_id().to_owned();
    assert!(page.body.contains(&setting.it.ca.url(&format!("/crl/{id}.crl"))), "{}", page.body);
    for name in ["external", "internal", "Test issuing", "issues"] {
        assert!(page.text().contains(name), "{name}");
    }
}
