//! People, from the order to the certificate: our server, the demo identity provider in both protocols, and a browser that runs no script.

use std::sync::Arc;

use ca_server::config::IdentityProviderConfig;
use certs::identifier::Identifier;
use certs::inspect::inspect_certificate;
use certs::key::{KeyKind, SigningKey};
use rollcall_tests::browser::Browser;
use rollcall_tests::ca::TestCa;
use rollcall_tests::device::Device;
use rollcall_tests::identity_provider::{Client, Faults, IdentityProvider, ServiceProvider, User};
use serde_json::{Value, json};
use url::Url;

use crate::support::assert_verified;

const ALICE: &str = "alice@corp.test";

/// Where a client would listen; nothing does. Below the ports that Linux gives to whoever asks for any, or a provider could have it.
const LISTENER: &str = "http://127.0.0.1:5009/";

/// How the provider is spoken with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Speaking {
    Saml,
    Oidc,
}

impl Speaking {
    fn section(self, provider: &IdentityProvider) -> IdentityProviderConfig {
        let head = "name = \"corp\"\ndomains = [\"corp.test\"]\nsso_provider = \"sso.corp.test\"\n";
        let own = match self {
            Self::Saml => "[saml]\nmetadata = \"corp.xml\"\n".to_owned(),
            Self::Oidc => format!("[oidc]\nissuer = \"{}\"\nclient_id = \"rollcall\"\n", provider.issuer()),
        };
        toml::from_str(&format!("{head}{own}")).unwrap()
    }
}

/// An authority and the provider of corp.test, which knows Alice.
pub(crate) struct Setting {
    pub(crate) ca: TestCa,
    pub(crate) provider: IdentityProvider,
}

impl Setting {
    async fn new(speaking: Speaking, rules: &str) -> Self {
        let provider = knowing_alice().await;
        let section = speaking.section(&provider);
        Self::with(provider, section, rules).await
    }

    /// With a provider, and what the configuration says of it.
    pub(crate) async fn with(
        provider: IdentityProvider,
        section: IdentityProviderConfig,
        rules: &str,
    ) -> Self {
        let ca = TestCa::builder()
            .file("corp.xml", &provider.saml_metadata())
            .file("policy/rules/people.cedar", rules)
            .configure(move |config| config.identity_provider = vec![section])
            .start()
            .await;
        provider.follow(Arc::new(ca.clock.clone()));
        provider.add_client(Client {
            id: "rollcall".to_owned(),
            secret: None,
            redirect_uri: ca.url("/sso/oidc/corp/callback"),
        });
        provider.add_service_provider(ServiceProvider {
            entity_id: ca.url("/sso/saml/corp/metadata"),
            assertion_consumer: ca.url("/sso/saml/corp/acs"),
        });
        Self { ca, provider }
    }

    pub(crate) fn browser(&self) -> Browser {
        let root = std::fs::read_to_string(self.ca.folder().join("tls/fullchain.pem")).unwrap();
        Browser::builder()
            .trusting(&root)
            .reaching(rollcall_tests::ca::HOST, self.ca.running().address())
            .stopping_at(LISTENER)
            .start()
    }

    /// An order for Alice and its answered challenge.
    pub(crate) async fn ask(
        &self,
        device: &Device,
        answer: &Value,
    ) -> (rollcall_tests::device::Order, Value) {
        let payload = json!({"identifiers": [{"type": "email", "value": ALICE}], "profile": "user"});
        let order = device.order(&payload).await.unwrap();
        let authorization = device.read(order.body["authorizations"][0].as_str().unwrap()).await;
        let challenge = &authorization["challenges"][0];
        assert_eq!(
            (&challenge["type"], &challenge["sso_provider"]),
            (&json!("sso-01"), &json!("sso.corp.test"))
        );
        let reply = device.post(challenge["url"].as_str().unwrap(), answer).await;
        (order, reply.json())
    }
}

/// A provider that knows Alice.
pub(crate) async fn knowing_alice() -> IdentityProvider {
    let alice = User::new(ALICE, "Alice Example").in_groups(&["staff", "all"]);
    IdentityProvider::builder().user(alice).start().await.unwrap()
}

/// From the start page to wherever the server sends the browser after the sign-in.
pub(crate) async fn sign_in(browser: &mut Browser, speaking: Speaking, link: &str) {
    let page = browser.open(link).await;
    assert!(page.text().contains(ALICE), "{}", page.body);
    browser.submit(&[]).await;
    browser.submit(&[("login", "alice"), ("password", "demo")]).await;
    if matches!(speaking, Speaking::Saml) {
        // The page that posts the answer on, for want of scripts by its button.
        browser.submit(&[]).await;
    }
}

pub(crate) async fn finalized(
    setting: &Setting,
    device: &Device,
    order: &rollcall_tests::device::Order,
) -> Value {
    let authorization = order.body["authorizations"][0].as_str().unwrap();
    let settled = device.settled(authorization).await;
    assert_eq!(settled["status"], "valid", "{settled}");
    let identifier = Identifier::from_parts("email", ALICE).unwrap();
    let key = SigningKey::generate(KeyKind::P256).unwrap();
    let csr = certs::csr::create_csr(&key, &[identifier]).unwrap();
    let order = device.finalize(order, &csr).await.unwrap();
    let chain = device.download(order.body["certificate"].as_str().unwrap()).await;
    assert_verified(&setting.ca, &chain);
    assert_eq!(inspect_certificate(&chain[0]).unwrap().names, [format!("email:{ALICE}")]);
    order.body
}

#[tokio::test]
async fn a_person_signs_in_types_the_code_and_is_certified() {
    for speaking in [Speaking::Saml, Speaking::Oidc] {
        let setting = Setting::new(speaking, "").await;
        let device = setting.ca.register("laptop").await;
        let (order, challenge) = setting.ask(&device, &json!({})).await;
        let mut browser = setting.browser();
        sign_in(&mut browser, speaking, challenge["sso_url"].as_str().unwrap()).await;
        let page = browser.page();
        assert!(page.url.path().starts_with("/sso/confirm/"), "{speaking:?}: {}", page.body);
        let code = challenge["sso_code"].as_str().unwrap();
        let done = browser.submit(&[("code", code)]).await;
        assert_eq!(done.title(), "Done", "{}", done.body);
        finalized(&setting, &device, &order).await;
        let audit = setting.ca.audit().await;
        assert_eq!((audit.count("signed-in"), audit.count("issued")), (1, 1), "{speaking:?}");
    }
}

#[tokio::test]
async fn a_client_that_listens_on_the_machine_completes_it_itself() {
    for speaking in [Speaking::Saml, Speaking::Oidc] {
        let setting = Setting::new(speaking, "").await;
        let device = setting.ca.register("laptop").await;
        let answer = json!({"redirect_uri": format!("{LISTENER}done")});
        let (order, challenge) = setting.ask(&device, &answer).await;
        let mut browser = setting.browser();
        sign_in(&mut browser, speaking, challenge["sso_url"].as_str().unwrap()).await;
        let last = browser.visited().last().unwrap().clone();
        let code = last.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        assert!(last.as_str().starts_with(&format!("{LISTENER}done?code=")), "{last}");
        device.post(challenge["url"].as_str().unwrap(), &json!({"completion_code": code})).await;
        finalized(&setting, &device, &order).await;
    }
}

#[tokio::test]
async fn what_the_provider_says_of_the_person_decides_under_the_rule_for_staff_with_mfa() {
    let rules = include_str!("../../../docs/samples/staff-with-mfa.cedar");
    for (speaking, strong) in [
        (Speaking::Saml, User { context: "https://refeds.org/profile/mfa".to_owned(), ..person() }),
        (Speaking::Oidc, User { methods: vec!["pwd".to_owned(), "mfa".to_owned()], ..person() }),
    ] {
        for (user, allowed) in
            [(person(), false), (strong.clone(), true), (strong.clone().in_groups(&["guests"]), false)]
        {
            let setting = Setting::new(speaking, rules).await;
            setting.provider.add_user(user);
            let device = setting.ca.register("laptop").await;
            let (order, challenge) = setting.ask(&device, &json!({})).await;
            let mut browser = setting.browser();
            sign_in(&mut browser, speaking, challenge["sso_url"].as_str().unwrap()).await;
            browser.submit(&[("code", challenge["sso_code"].as_str().unwrap())]).await;
            if allowed {
                finalized(&setting, &device, &order).await;
                continue;
            }
            device.settled(order.body["authorizations"][0].as_str().unwrap()).await;
            let identifier = Identifier::from_parts("email", ALICE).unwrap();
            let key = SigningKey::generate(KeyKind::P256).unwrap();
            let csr = certs::csr::create_csr(&key, &[identifier]).unwrap();
            let problem = device.finalize(&order, &csr).await.unwrap_err();
            assert!(problem.detail.contains("signed in with a second factor"), "{problem:?}");
        }
    }
}

fn person() -> User {
    User::new(ALICE, "Alice Example").in_groups(&["staff"])
}

#[tokio::test]
async fn an_answer_that_does_not_pass_ends_the_sign_in_for_a_reason_that_only_the_journal_tells() {
    type Fault = fn(&mut Faults);
    let faults: [(Speaking, &str, Fault); 5] = [
        (Speaking::Oidc, "sso:oidc:email-unverified", |faults| faults.claim("email_verified", json!(false))),
        (Speaking::Oidc, "sso:oidc:audience", |faults| faults.claim("aud", json!("somebody-else"))),
        (Speaking::Oidc, "sso:oidc:nonce", |faults| faults.claim("nonce", json!("another"))),
        (Speaking::Oidc, "sso:other-address", |faults| faults.claim("email", json!("bob@corp.test"))),
        (Speaking::Saml, "sso:saml:unsigned", |faults| faults.assertion_unsigned = true),
    ];
    for (speaking, rule, fault) in faults {
        let setting = Setting::new(speaking, "").await;
        setting.provider.faults(fault);
        let device = setting.ca.register("laptop").await;
        let (order, challenge) = setting.ask(&device, &json!({})).await;
        let mut browser = setting.browser();
        sign_in(&mut browser, speaking, challenge["sso_url"].as_str().unwrap()).await;
        let page = browser.page();
        assert_eq!(page.status.as_u16(), 403, "{rule}: {}", page.body);
        let word = rule.rsplit(':').next().unwrap();
        assert!(!page.text().contains(word) && page.text().contains("What to do"), "{rule}: {}", page.text());
        let settled = device.settled(order.body["authorizations"][0].as_str().unwrap()).await;
        assert_eq!(settled["status"], "invalid", "{rule}");
        let rules = refusals(&setting).await;
        assert!(rules.contains(&rule.to_owned()), "{rule} is not among {rules:?}");
        assert_eq!(setting.ca.audit().await.count("signed-in"), 0, "{rule}");
    }
}

#[tokio::test]
async fn an_answer_to_another_accounts_request_is_refused_by_what_it_answers() {
    let setting = Setting::new(Speaking::Saml, "").await;
    let (victim, attacker) = (setting.ca.register("victim").await, setting.ca.register("attacker").await);
    let (_, hers) = setting.ask(&victim, &json!({})).await;
    let (order, his) = setting.ask(&attacker, &json!({})).await;
    let (mut her_browser, mut his_browser) = (setting.browser(), setting.browser());
    let her_request = request(&mut her_browser, hers["sso_url"].as_str().unwrap()).await;
    request(&mut his_browser, his["sso_url"].as_str().unwrap()).await;
    // Her own provider vouches for her, in answer to her own request; he has got hold of it and posts it as the answer to his.
    let answer = setting.provider.answer_saml(&her_request, "alice").unwrap();
    his_browser.submit(&[("login", "alice"), ("password", "demo")]).await;
    let page = his_browser.submit(&[("SAMLResponse", &answer.response)]).await;
    assert_eq!(page.status.as_u16(), 403, "{}", page.body);
    let settled = attacker.settled(order.body["authorizations"][0].as_str().unwrap()).await;
    assert_eq!(settled["status"], "invalid");
    let rules = refusals(&setting).await;
    assert!(rules.contains(&"sso:saml:in-response-to".to_owned()), "{rules:?}");
}

/// The request that the browser is sent to the provider with.
async fn request(browser: &mut Browser, link: &str) -> Url {
    browser.open(link).await;
    browser.submit(&[]).await;
    browser
        .visited()
        .iter()
        .rev()
        .find(|url| url.query().is_some_and(|query| query.contains("SAMLRequest")))
        .unwrap()
        .clone()
}

/// The rules by which sign-ins were refused.
pub(crate) async fn refusals(setting: &Setting) -> Vec<String> {
    let acts = setting.ca.audit().await;
    let of = |act: &Value| (act["action"] == "sign-in").then(|| act["rule"].as_str().unwrap().to_owned());
    acts.of_kind("refused").filter_map(of).collect()
}
