//! A real browser at the console: every page seen by everybody, with and without scripts, by keyboard alone; axe-core has nothing to say.

use std::path::Path;

use rollcall_tests::foreign::chromium::{Chromium, Key, Look};
use rollcall_tests::foreign::skip;
use serde_json::Value;

use crate::attacks::plant;
use crate::page;
use crate::pages::PAGES;
use crate::setting::Setting;

const AXE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/foreign/axe/node_modules/axe-core/axe.min.js");

/// What axe-core finds, in words.
const RUN: &str = "
    return axe.run(document, { resultTypes: ['violations'] }).then((found) => found.violations.map((one) =>
        one.id + ': ' + one.nodes.map((node) => node.target.join(' ') + ' ' + node.failureSummary).join(' | ')));";

/// A browser, and axe-core; `None` where one is missing.
fn start() -> Option<(Chromium, String)> {
    let browser = Chromium::start(&[]).unwrap()?;
    if !Path::new(AXE).is_file() {
        skip("axe-core (`npm ci` in tests/foreign/axe)");
        return None;
    }
    Some((browser, std::fs::read_to_string(AXE).unwrap()))
}

#[track_caller]
fn axe(browser: &Chromium, source: &str, name: &str) {
    for dark in [false, true] {
        browser.wear(&Look::DESKTOP.with_dark(dark)).unwrap();
        browser.evaluate(source).unwrap();
        let found = browser.evaluate(RUN).unwrap();
        assert_eq!(found, Value::Array(Vec::new()), "{name}, dark: {dark}: {found:#}");
    }
    browser.wear(&Look::PHONE).unwrap();
    browser.evaluate(source).unwrap();
    let found = browser.evaluate(RUN).unwrap();
    assert_eq!(found, Value::Array(Vec::new()), "{name}, on a phone: {found:#}");
    browser.wear(&Look::DESKTOP).unwrap();
}

/// Signs in with a one-time link, as a person would.
async fn sign_in(setting: &Setting, browser: &Chromium) {
    browser.go(&setting.link("alice").await).unwrap();
    browser.click(&browser.button("Sign in").unwrap()).unwrap();
    browser.heading("Overview").unwrap();
}

/// Some more for the pictures: a day's work.
async fn a_day(setting: &Setting) {
    setting.furnish().await;
    let device = setting.it.ca.register("fleet").await;
    for hour in 0..9_i64 {
        for number in 0..(hour * 7 % 5) {
            device.issue(&setting.it.ca.dns, &[&format!("room-{hour}{number}.corp.test")]).await;
        }
        setting.it.ca.clock.advance(time::Duration::hours(1));
    }
    setting.fail("canteen.corp.test", "the record of the room before").await;
    let last = device.issue(&setting.it.ca.dns, &["studio.corp.test"]).await;
    let serial = last.report().serial;
    setting.it.tell(&format!("/certificates/{serial}/revoke"), serde_json::json!({"reason": 1})).await;
    for minute in 0..12 {
        setting.it.ca.clock.advance(time::Duration::minutes(1));
        for _ in 0..minute {
            setting.it.ca.http().get(&setting.it.ca.url("/acme/external/directory")).await;
        }
    }
    setting.wait_for_approval("Corp").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_for_everybody_and_axe_finds_nothing() {
    let Some((browser, source)) = start() else { return };
    let setting = Setting::start().await;
    a_day(&setting).await;
    let alice = setting.it.ask("/certificates?limit=1&identifier=alice@corp.test").await;
    let serial = alice["items"][0]["serial"].as_str().unwrap().to_owned();
    let room = Setting::serial(&setting.issue("room-1.corp.test").await);

    browser.go(&setting.at("/certificates")).unwrap();
    browser.heading("Sign in").unwrap();
    page::check(&browser, true, &setting.base, "console-sign-in");
    axe(&browser, &source, "sign-in");
    browser.go(&setting.link("alice").await).unwrap();
    page::check(&browser, true, &setting.base, "console-link");
    axe(&browser, &source, "link");
    browser.go(&setting.at("/sign-in/link/none")).unwrap();
    page::check(&browser, true, &setting.base, "console-link-over");
    axe(&browser, &source, "link-over");

    sign_in(&setting, &browser).await;
    let mut pages: Vec<(String, String)> = PAGES
        .iter()
        .map(|(path, title)| ((*path).to_owned(), title.to_lowercase().replace(' ', "-")))
        .collect();
    pages.extend([
        (format!("/certificates/{serial}"), "certificate".to_owned()),
        (format!("/certificates/{room}/revoke"), "revoke".to_owned()),
        ("/certificates?q=nobody.corp.test".to_owned(), "certificates-none".to_owned()),
        ("/approvals?done=approved".to_owned(), "approvals-done".to_owned()),
        ("/journal?act=console".to_owned(), "journal-console".to_owned()),
        ("/nothing".to_owned(), "nothing".to_owned()),
    ]);
    for (path, name) in &pages {
        browser.go(&setting.at(path)).unwrap();
        page::check(&browser, true, &setting.base, &format!("console-{name}"));
        axe(&browser, &source, name);
    }
    let kept = browser.evaluate("return document.cookie;").unwrap();
    assert_eq!(kept, "", "no script sees the cookie");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_done_without_scripts() {
    let Some((browser, _)) = start() else { return };
    let setting = Setting::start().await;
    setting.furnish().await;
    browser.wear(&Look::DESKTOP.without_scripts()).unwrap();
    sign_in(&setting, &browser).await;
    for (path, title) in PAGES {
        browser.go(&setting.at(path)).unwrap();
        browser.heading(title).unwrap();
        page::check(
            &browser,
            false,
            &setting.base,
            &format!("console-without-scripts{}", path.replace('/', "-")),
        );
    }
    browser.wear(&Look::NARROW.without_scripts()).unwrap();
    browser.go(&setting.at("/certificates")).unwrap();
    browser.type_into(&browser.find("#q").unwrap(), "lobby.corp.test").unwrap();
    browser.click(&browser.button("Search").unwrap()).unwrap();
    // The page that answers says what was asked for; the one before has links of the same kind.
    browser.find("#q[value='lobby.corp.test']").unwrap();
    browser.click(&browser.find("td a[href^='/certificates/']").unwrap()).unwrap();
    browser.heading("lobby.corp.test").unwrap();
    browser.click(&browser.find("a[href$='/revoke']").unwrap()).unwrap();
    browser.heading("Revoke this certificate?").unwrap();
    browser.type_into(&browser.find("#reason").unwrap(), "It is no longer needed").unwrap();
    browser.click(&browser.button("Revoke").unwrap()).unwrap();
    browser.heading("The certificate is revoked").unwrap();
    browser.go(&setting.at("/approvals")).unwrap();
    browser.click(&browser.find("button[value=approve]").unwrap()).unwrap();
    browser.find(".note").unwrap();
    assert!(browser.text().unwrap().contains("It was approved."));
    browser.click(&browser.button("Sign out").unwrap()).unwrap();
    browser.heading("You are signed out").unwrap();
    let audit = setting.it.ca.audit().await;
    let revoked: Vec<_> =
        audit.of_kind("revoked").map(|act| (act["by"].clone(), act["reason"].clone())).collect();
    assert_eq!(revoked, [("operator alice (one-time link)".into(), 5.into())]);
    assert_eq!(audit.of_kind("approval").filter(|act| act["change"] == "approved").count(), 1);
}

/// Presses Tab until something of this name has the focus.
#[track_caller]
fn tab_to(browser: &Chromium, role: &str, name: &str) {
    for _ in 0..80 {
        browser.press(Key::Tab).unwrap();
        let (found, label) = browser.focused().unwrap();
        if found == role && label.contains(name) {
            return;
        }
    }
    panic!("no {role} {name:?} is reached");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_found_and_revoked_with_the_keyboard_alone() {
    let Some((browser, _)) = start() else { return };
    let setting = Setting::start().await;
    setting.issue("room-1.corp.test").await;
    browser.go(&setting.link("alice").await).unwrap();
    tab_to(&browser, "button", "Sign in");
    browser.press(Key::Enter).unwrap();
    browser.heading("Overview").unwrap();
    browser.press(Key::Tab).unwrap();
    assert_eq!(browser.focused().unwrap().1, "Skip to the content");
    tab_to(&browser, "link", "Certificates");
    browser.press(Key::Enter).unwrap();
    browser.heading("Certificates").unwrap();
    tab_to(&browser, "searchbox", "Name");
    browser.keys("room-1.corp.test").unwrap();
    browser.press(Key::Enter).unwrap();
    browser.find("input[value='room-1.corp.test']").unwrap();
    tab_to(&browser, "link", "dns:room-1.corp.test");
    browser.press(Key::Enter).unwrap();
    browser.heading("room-1.corp.test").unwrap();
    tab_to(&browser, "link", "Revoke");
    browser.press(Key::Enter).unwrap();
    browser.heading("Revoke this certificate?").unwrap();
    tab_to(&browser, "button", "Revoke");
    browser.press(Key::Enter).unwrap();
    browser.heading("The certificate is revoked").unwrap();
    assert_eq!(setting.it.ca.audit().await.count("revoked"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_open_shows_what_happens_and_can_be_told_to_stop() {
    let Some((browser, _)) = start() else { return };
    let setting = Setting::start().await;
    setting.it.organisation("Corp").await;
    sign_in(&setting, &browser).await;
    browser.go(&setting.at("/approvals")).unwrap();
    assert!(browser.text().unwrap().contains("Nothing waits for a decision."));
    setting.wait_for_approval("Corp").await;
    browser.find("[data-live] button[value=approve]").unwrap();
    browser.click(&browser.button("Pause updates").unwrap()).unwrap();
    browser.button("Resume updates").unwrap();
    assert!(browser.text().unwrap().contains("Updates are paused."));
    // A form that came with an update is one of this session.
    browser.click(&browser.find("button[value=approve]").unwrap()).unwrap();
    browser.find(".note").unwrap();
    assert!(browser.text().unwrap().contains("It was approved."));
    setting.it.tell("/console/close", serde_json::json!({})).await;
    browser.find("#live button").unwrap();
    let signed_out = "//*[@role='status'][contains(., 'You were signed out')]";
    let script = format!(
        "const look = (done) => document.evaluate({signed_out:?}, document, null, 9, null).singleNodeValue ? done(true) : setTimeout(look, 200, done); \
         return new Promise(look);"
    );
    assert_eq!(browser.evaluate(&script).unwrap(), true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_told_to_stop_while_it_asked_keeps_what_it_shows() {
    let Some((browser, _)) = start() else { return };
    let setting = Setting::start().await;
    setting.it.organisation("Corp").await;
    sign_in(&setting, &browser).await;
    browser.go(&setting.at("/approvals")).unwrap();
    let hold = "const real = window.fetch; \
                return new Promise((asked) => { \
                    window.fetch = (...what) => { \
                        asked(true); window.answer = real(...what); \
                        return new Promise((go) => { window.release = () => go(window.answer); }); }; });";
    setting.wait_for_approval("Corp").await;
    assert_eq!(browser.evaluate(hold).unwrap(), true);
    browser.click(&browser.button("Pause updates").unwrap()).unwrap();
    browser.button("Resume updates").unwrap();
    let release = "return window.answer.then((answer) => { const copy = answer.clone(); window.release(); return copy.text(); }) \
                   .then((text) => new Promise((done) => setTimeout(done, 0, text.includes('Nothing waits'))));";
    assert_eq!(browser.evaluate(release).unwrap(), false, "the answer has something new");
    let text = browser.text().unwrap();
    assert!(text.contains("Updates are paused.") && text.contains("Nothing waits for a decision."), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_in_a_name_or_an_error_does_not_run() {
    let Some((browser, _)) = start() else { return };
    let setting = Setting::start().await;
    plant(&setting).await;
    sign_in(&setting, &browser).await;
    let listed = setting.it.ask("/certificates?limit=100").await;
    let mut paths: Vec<String> = PAGES.iter().map(|(path, _)| (*path).to_owned()).collect();
    let serials = listed["items"].as_array().unwrap().iter().map(|view| view["serial"].as_str().unwrap());
    paths.extend(serials.map(|serial| format!("/certificates/{serial}")));
    for path in paths {
        browser.go(&setting.at(&path)).unwrap();
        let taken =
            browser.evaluate("return [typeof window.taken, document.title, location.origin];").unwrap();
        assert_eq!((&taken[0], &taken[2]), (&"undefined".into(), &setting.base.as_str().into()), "{path}");
        assert!(taken[1].as_str().unwrap().ends_with(" · Rollcall"), "{path}: {taken}");
    }
    let traffic = browser.traffic().unwrap();
    assert!(traffic.complaints.is_empty(), "nothing even tried: {:?}", traffic.complaints);
    assert!(traffic.requests.iter().all(|request| !request.url.contains("evil.example")));
}
