//! The npm package `oidc-provider`: code, PKCE and ID tokens of another hand, in a browser that runs no scripts.

use rollcall_tests::foreign::Account;
use rollcall_tests::foreign::chromium::{Chromium, Look};

use crate::enrolment::{Enrolment, Method};
use crate::page;
use crate::setting::{BOB, Setting};

/// Whether the window shows both the problem and the field, to which the focus has moved it.
const PROBLEM_IS_SEEN: &str = "
    const seen = (box) => box.top >= 0 && box.bottom <= innerHeight;
    const [problem, field] = ['[role=alert]', '#code'].map((found) => document.querySelector(found));
    return document.activeElement === field && [problem, field].every((node) => seen(node.getBoundingClientRect()));";

#[tokio::test(flavor = "multi_thread")]
async fn a_person_enrols_at_oidc_provider_and_comes_back_to_the_client() {
    let Some((setting, provider)) = Setting::with_oidc_provider().await else { return };
    let Some(browser) = setting.browser() else { return };
    let enrolment = Enrolment::begin(&setting, BOB.email, Method::Redirect);
    browser.go(&enrolment.link).unwrap();
    browser.click(&browser.button("Sign in with Corp staff").unwrap()).unwrap();
    sign_in(&browser, &BOB);
    browser.heading("Back at acme-client").unwrap();
    let (enrolled, verdict) = enrolment.succeed(&setting, BOB.email);
    assert_eq!(verdict.display, BOB.email);
    assert!(verdict.to_string().contains("proven by sso"), "{verdict}");

    let evidence = setting.evidence(enrolled["serial"].as_str().unwrap());
    assert_eq!(evidence["protocol"], "oidc", "{evidence:#}");
    assert_eq!(evidence["issuer"], provider.issuer.as_str());
    assert_eq!(evidence["subject"], BOB.login);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_enrols_at_oidc_provider_by_typing_the_code_without_scripts() {
    let Some((setting, provider)) = Setting::with_oidc_provider().await else { return };
    let Some(browser) = setting.browser() else { return };
    let enrolment = Enrolment::begin(&setting, BOB.email, Method::Code);
    browser.wear(&Look::DESKTOP.without_scripts()).unwrap();
    browser.go(&enrolment.link).unwrap();
    page::check(&browser, false, &setting.server.url, "start-without-scripts");
    browser.click(&browser.button("Sign in with Corp staff").unwrap()).unwrap();
    sign_in(&browser, &BOB);

    browser.heading("Type the code").unwrap();
    page::check(&browser, false, &setting.server.url, "confirm");
    browser.wear(&Look::PHONE.without_scripts()).unwrap();
    browser.type_into(&browser.find("#code").unwrap(), "0000-0000").unwrap();
    browser.click(&browser.button("Confirm").unwrap()).unwrap();
    // The page before had the same heading.
    browser.find("[role=alert]").unwrap();
    assert!(browser.text().unwrap().contains("That is not the code"), "{}", browser.text().unwrap());
    // The focus comes once the page is drawn, which may be after it was loaded.
    browser.find("#code:focus").unwrap();
    let nodes = browser.read_out().unwrap();
    let field = nodes.iter().find(|node| node.role == "textbox").unwrap();
    assert!(field.invalid && field.description.contains("not the code"), "{field:?}");
    assert!(nodes.iter().any(|node| node.role == "alert"), "{nodes:?}");
    assert_eq!(browser.evaluate(PROBLEM_IS_SEEN).unwrap(), true, "on a phone, the field has moved it away");
    page::check(&browser, false, &setting.server.url, "confirm-again");

    browser.type_into(&browser.find("#code").unwrap(), enrolment.code.as_deref().unwrap()).unwrap();
    browser.click(&browser.button("Confirm").unwrap()).unwrap();
    browser.heading("Done").unwrap();
    page::check(&browser, false, &setting.server.url, "done-without-scripts");
    let (_, verdict) = enrolment.succeed(&setting, BOB.email);
    assert_eq!(verdict.display, BOB.email);
    drop(provider);
}

/// Signs in and consents at its own pages.
#[track_caller]
pub(crate) fn sign_in(browser: &Chromium, person: &Account<'_>) {
    browser.type_into(&browser.find("[name=login]").unwrap(), person.login).unwrap();
    browser.type_into(&browser.find("[name=password]").unwrap(), person.password).unwrap();
    browser.click(&browser.button("Sign-in").unwrap()).unwrap();
    browser.click(&browser.button("Continue").unwrap()).unwrap();
}
