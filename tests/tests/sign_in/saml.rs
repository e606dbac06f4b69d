//! The provider's SAML side against our own service provider, in a browser: a request by redirect comes back as a form with a signed response.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_server::clock::FixedClock;
use ca_server::sso::person::Person;
use ca_server::sso::saml::{
    AttributeNames, AuthenticationRequest, Expected, Metadata, RelayState, SamlIdentityProvider, SamlRefusal,
    ServiceProvider, verify,
};
use http::{Method, StatusCode};
use rollcall_tests::browser::Browser;
use rollcall_tests::identity_provider::{self as provider, AssertionDraft, Faults, IdentityProvider};
use time::Duration;
use url::Url;

use crate::setting::{NOON, alice};

const ACS: &str = "https://ca.test/sso/saml/corp/acs";
const ENTITY: &str = "https://ca.test/sso/saml/corp";
const REQUEST: &str = "_0123456789abcdef0123456789abcdef";

/// What is wrong with an assertion.
type Wrong = fn(&mut AssertionDraft);

struct Setting {
    idp: IdentityProvider,
    known: SamlIdentityProvider,
    ours: ServiceProvider,
}

impl Setting {
    async fn new() -> Self {
        let clock = Arc::new(FixedClock::at(NOON));
        let idp = IdentityProvider::builder().clock(clock).user(alice()).start().await.unwrap();
        idp.add_service_provider(provider::ServiceProvider {
            entity_id: ENTITY.to_owned(),
            assertion_consumer: ACS.to_owned(),
        });
        let metadata = Metadata::parse(idp.saml_metadata().as_bytes(), None).unwrap();
        let known = SamlIdentityProvider { metadata, attributes: AttributeNames::default() };
        let ours = ServiceProvider::new(ENTITY.to_owned(), Url::parse(ACS).unwrap(), None);
        Self { idp, known, ours }
    }

    fn request(&self) -> Url {
        let request = AuthenticationRequest { id: REQUEST, issued: NOON, contexts: &[] };
        request.redirect(&self.known, &self.ours, &RelayState::parse("relay").unwrap())
    }

    fn verify(&self, response: &str) -> Result<Person, SamlRefusal> {
        let expected = Expected {
            provider: "corp",
            request_id: REQUEST,
            now: NOON,
            requested: NOON,
            skew: Duration::minutes(1),
            contexts: &[],
        };
        verify(response.as_bytes(), &self.known, &self.ours, &expected)
    }

    fn answer(&self) -> Result<Person, SamlRefusal> {
        self.verify(&self.idp.answer_saml(&self.request(), "alice").unwrap().response)
    }

    fn reason_with(&self, change: impl FnOnce(&mut Faults)) -> &'static str {
        self.idp.heal();
        self.idp.faults(change);
        self.answer().unwrap_err().reason()
    }
}

#[tokio::test]
async fn a_request_comes_back_as_a_form_with_a_signed_assertion() {
    let setting = Setting::new().await;
    let mut browser = Browser::builder().stopping_at("https://ca.test/").start();
    browser.open(setting.request().as_str()).await;
    assert!(browser.page().text().contains(ENTITY), "it says who asks");
    let page = browser.submit(&[("login", "alice"), ("password", "demo")]).await;
    assert_eq!((page.status, page.title().as_str()), (StatusCode::OK, "Signed in"));
    let form = page.forms().remove(0);
    assert_eq!((form.action.as_str(), form.method.clone()), (ACS, Method::POST));
    assert_eq!(form.field("RelayState").unwrap().value, "relay");
    let person = setting.verify(&form.field("SAMLResponse").unwrap().value).unwrap();
    assert_eq!(person.email().to_string(), "alice@corp.test");
    let evidence = person.evidence();
    assert_eq!(evidence.issuer, setting.idp.saml_metadata_url());
    assert_eq!(evidence.groups, ["admins", "staff"]);
    assert_eq!(evidence.display_name.as_deref(), Some("Alice Ahlgren"));
    assert_eq!(evidence.authenticated, NOON);
    browser.press("Continue", &[]).await;
    assert_eq!(browser.visited().last().unwrap().as_str(), ACS);
}

#[tokio::test]
async fn without_pages_the_answer_is_the_same_and_the_response_may_be_signed_too() {
    let setting = Setting::new().await;
    let answer = setting.idp.answer_saml(&setting.request(), "alice").unwrap();
    assert_eq!((answer.assertion_consumer.as_str(), answer.relay_state.as_deref()), (ACS, Some("relay")));
    setting.verify(&answer.response).unwrap();
    setting.idp.faults(|faults| faults.sign_response = true);
    setting.answer().expect("both are signed");
    setting.idp.faults(|faults| faults.assertion_unsigned = true);
    setting.answer().expect("the response's signature covers the assertion");
    setting.idp.faults(|faults| faults.sign_response = false);
    assert_eq!(setting.answer().unwrap_err().reason(), "unsigned");
}

#[tokio::test]
async fn each_switch_is_refused_for_its_own_reason() {
    let setting = Setting::new().await;
    let cases: [(Wrong, &str); 8] = [
        (|draft| draft.issuer = "https://evil.test".to_owned(), "issuer"),
        (|draft| draft.audience = vec!["https://other.test".to_owned()], "audience"),
        (|draft| draft.audience.clear(), "no-audience"),
        (|draft| draft.destination = Some("https://other.test".to_owned()), "destination"),
        (|draft| draft.response_in_response_to = None, "unsolicited"),
        (|draft| draft.not_on_or_after = Some(NOON - Duration::minutes(2)), "expired"),
        (|draft| draft.authenticated = Some(NOON - Duration::minutes(2)), "stale-authentication"),
        (|draft| draft.authenticated = None, "no-authentication"),
    ];
    for (change, reason) in cases {
        assert_eq!(setting.reason_with(|faults| faults.assertion = Some(Arc::new(change))), reason);
    }
    let altered = setting.reason_with(|faults| {
        faults.response = Some(Arc::new(|xml| *xml = xml.replace("alice@", "bob@")));
    });
    setting.idp.heal();
    setting.answer().unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!(altered, "digest-mismatch");
}

#[tokio::test]
async fn who_says_no_is_reported_to_the_service_provider() {
    let setting = Setting::new().await;
    let mut browser = Browser::builder().stopping_at("https://ca.test/").start();
    browser.open(setting.request().as_str()).await;
    let page = browser.press("Cancel", &[]).await;
    let response = page.forms()[0].field("SAMLResponse").unwrap().value.clone();
    assert_eq!(setting.verify(&response).unwrap_err().reason(), "status");
    let xml = String::from_utf8(STANDARD.decode(response).unwrap()).unwrap();
    assert!(xml.contains(":status:AuthnFailed") && !xml.contains("Assertion "), "{xml}");
}

#[tokio::test]
async fn an_address_that_is_not_registered_gets_nothing() {
    let setting = Setting::new().await;
    let elsewhere =
        ServiceProvider::new(ENTITY.to_owned(), Url::parse("https://evil.test/acs").unwrap(), None);
    let request = AuthenticationRequest { id: REQUEST, issued: NOON, contexts: &[] };
    let to = request.redirect(&setting.known, &elsewhere, &RelayState::parse("relay").unwrap());
    let mut browser = Browser::builder().start();
    let page = browser.open(to.as_str()).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.text().contains("not registered"), "{}", page.text());
}
