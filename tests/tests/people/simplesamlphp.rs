//! SimpleSAMLphp: assertions of another hand, by both ways of completion.

use rollcall_tests::foreign::chromium::{Chromium, Key, Look};

use crate::enrolment::{Enrolment, Method};
use crate::page;
use crate::setting::{BOB, DOMAIN, Setting};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_enrols_at_simplesamlphp_and_comes_back_to_the_client() {
    let Some((setting, provider)) = Setting::with_simplesamlphp().await else { return };
    let Some(browser) = setting.browser() else { return };
    let enrolment = Enrolment::begin(&setting, BOB.email, Method::Redirect);
    browser.go(&enrolment.link).unwrap();
    let text = browser.text().unwrap();
    for wanted in [BOB.email, enrolment.key_words.as_str(), "127.0.0.1", "Corp staff"] {
        assert!(text.contains(wanted), "{wanted} is not in:\n{text}");
    }
    page::check(&browser, true, &setting.server.url, "start");

    browser.click(&browser.button("Sign in with Corp staff").unwrap()).unwrap();
    sign_in(&browser);
    browser.heading("Back at acme-client").unwrap();
    assert!(browser.url().unwrap().starts_with("http://127.0.0.1:"), "{}", browser.url().unwrap());
    page::check_plain(&browser, "client");
    let (enrolled, verdict) = enrolment.succeed(&setting, BOB.email);
    assert_eq!(verdict.display, BOB.email);
    let authority = verdict.authority.as_deref().unwrap();
    assert!(authority.contains(DOMAIN) && authority.contains("external"), "{authority}");
    assert_eq!(verdict.to_string(), format!("{}: verified by {authority}, proven by sso-01", BOB.email));

    let evidence = setting.evidence(enrolled["serial"].as_str().unwrap());
    assert_eq!(evidence["protocol"], "saml", "{evidence:#}");
    assert_eq!(evidence["issuer"], "urn:example:simplesamlphp");
    assert_eq!(evidence["subject"], BOB.email);
    assert_eq!(evidence["groups"], serde_json::json!(BOB.groups));
    assert_eq!(evidence["display_name"], BOB.name);
    assert_eq!(evidence["context"], "urn:oasis:names:tc:SAML:2.0:ac:classes:Password");
    drop(provider);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_enrols_at_simplesamlphp_by_typing_the_code_with_the_keyboard_alone() {
    let Some((setting, provider)) = Setting::with_simplesamlphp().await else { return };
    let Some(browser) = setting.browser() else { return };
    let enrolment = Enrolment::begin(&setting, BOB.email, Method::Code);
    browser.wear(&Look::PHONE).unwrap();
    browser.go(&enrolment.link).unwrap();
    walk_to(&browser, "Sign in with Corp staff");
    browser.press(Key::Enter).unwrap();
    // Its page puts the focus there, as it runs scripts; what is typed before that goes nowhere.
    browser.find("#username:focus").unwrap();
    browser.keys(BOB.login).unwrap();
    browser.press(Key::Tab).unwrap();
    browser.keys(BOB.password).unwrap();
    browser.press(Key::Enter).unwrap();

    browser.heading("Type the code").unwrap();
    walk_to(&browser, "Code");
    let (role, name) = browser.focused().unwrap();
    assert_eq!((role.as_str(), name.as_str()), ("textbox", "Code"));
    let text = browser.text().unwrap();
    assert!(text.contains(BOB.email) && text.contains(&enrolment.key_words), "{text}");
    browser.keys(&enrolment.code.clone().unwrap().to_lowercase()).unwrap();
    browser.press(Key::Enter).unwrap();
    browser.heading("Done").unwrap();
    page::check(&browser, true, &setting.server.url, "done");
    let (_, verdict) = enrolment.succeed(&setting, BOB.email);
    assert_eq!(verdict.display, BOB.email);
    drop(provider);
}

/// Presses Tab until a control of this name has the focus.
#[track_caller]
fn walk_to(browser: &Chromium, name: &str) {
    for _ in 0..20 {
        browser.press(Key::Tab).unwrap();
        if browser.focused().unwrap().1 == name {
            return;
        }
    }
    panic!("the keyboard does not reach {name:?}");
}

/// Signs in at its own page.
#[track_caller]
pub(crate) fn sign_in(browser: &Chromium) {
    browser.type_into(&browser.find("#username").unwrap(), BOB.login).unwrap();
    browser.type_into(&browser.find("#password").unwrap(), BOB.password).unwrap();
    browser.click(&browser.find("#submit_button").unwrap()).unwrap();
}
