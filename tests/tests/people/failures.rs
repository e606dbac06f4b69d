//! What a person reads when something is amiss, in real browsers: the page looks as every page does, and the client hears of it.

use rollcall_tests::foreign::chromium::Chromium;

use crate::enrolment::{Enrolment, Method};
use crate::page;
use crate::setting::{BOB, Setting};
use crate::simplesamlphp::sign_in;

/// Presses the button of the first page; gives the address of the provider to which it leads.
#[track_caller]
fn start(browser: &Chromium, link: &str) -> String {
    browser.go(link).unwrap();
    browser.click(&browser.button("Sign in with Corp staff").unwrap()).unwrap();
    browser.find("#username").unwrap();
    let requests = browser.traffic().unwrap().requests.into_iter();
    requests.map(|request| request.url).find(|url| url.contains("SAMLRequest=")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_was_begun_in_another_browser_is_refused_there_and_goes_on_here() {
    let Some((setting, provider)) = Setting::with_simplesamlphp().await else { return };
    let (Some(here), Some(there)) = (setting.browser(), setting.browser()) else { return };
    let enrolment = Enrolment::begin(&setting, BOB.email, Method::Code);
    let request = start(&here, &enrolment.link);
    there.go(&request).unwrap();
    sign_in(&there);
    there.heading("Another browser began this").unwrap();
    page::check(&there, true, &setting.server.url, "other-browser");

    there.go(&enrolment.link).unwrap();
    there.heading("This link was used already").unwrap();
    page::check(&there, true, &setting.server.url, "link-used");

    sign_in(&here);
    here.heading("Type the code").unwrap();
    here.type_into(&here.find("#code").unwrap(), enrolment.code.as_deref().unwrap()).unwrap();
    here.click(&here.button("Confirm").unwrap()).unwrap();
    here.heading("Done").unwrap();
    enrolment.succeed(&setting, BOB.email);
    drop(provider);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_did_not_ask_stops_it_and_the_client_is_told() {
    let Some((setting, provider)) = Setting::with_simplesamlphp().await else { return };
    let Some(browser) = setting.browser() else { return };
    let enrolment = Enrolment::begin(&setting, BOB.email, Method::Code);
    start(&browser, &enrolment.link);
    sign_in(&browser);
    browser.click(&browser.button("I did not ask for this").unwrap()).unwrap();
    browser.heading("Stopped").unwrap();
    page::check(&browser, true, &setting.server.url, "declined");
    let told = enrolment.fail();
    assert!(
        told.to_string().contains("did not ask") || told.to_string().contains("not asked for"),
        "{told:#}"
    );
    let known = setting.ask(&["certificates", "list", "--identifier", BOB.email]);
    assert_eq!(known["items"].as_array().map(Vec::len), Some(0), "{known:#}");
    drop(provider);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_leads_nowhere_and_an_answer_that_nobody_waits_for_have_pages_of_their_own() {
    let Some((setting, provider)) = Setting::with_simplesamlphp().await else { return };
    let Some(browser) = setting.browser() else { return };
    let url = &setting.server.url;
    for (path, heading, name) in [
        ("sso/start/no-such-link", "This link leads nowhere", "unknown-link"),
        ("sso/saml/corp/acs", "Nobody waits for this answer", "unsolicited"),
    ] {
        browser.go(&format!("{url}/{path}")).unwrap();
        browser.heading(heading).unwrap();
        page::check(&browser, true, url, name);
    }
    // What SimpleSAMLphp sends without being asked (IdP-initiated).
    let initiated = format!(
        "{}/saml2/idp/SSOService.php?spentityid={url}/sso/saml/corp/metadata&RelayState=x",
        provider.origin()
    );
    browser.go(&initiated).unwrap();
    sign_in(&browser);
    browser.heading("Nobody waits for this answer").unwrap();
}
