//! People who sign in at the console with their identity provider, over TLS: let in by rules that name `operate`, and held to them at every step.

use std::sync::Arc;

use ca_server::config::IdentityProviderConfig;
use rollcall_tests::browser::Browser;
use rollcall_tests::ca::{HOST, TestCa};
use rollcall_tests::identity_provider::{Client, IdentityProvider, ServiceProvider, User};
use serde_json::json;

const RULES: &str = r#"
@id("operators")
permit (principal in Domain::"corp.test", action == Action::"operate", resource)
when { principal.person.groups.contains("operators") };
@id("alice-does-not-revoke")
@reason("ask Bob to revoke")
forbid (principal == Operator::"alice@corp.test", action == Action::"operate", resource)
when { context.task == Task::"revoke" };
"#;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Speaking {
    Saml,
    Oidc,
}

struct Setting {
    ca: TestCa,
    provider: IdentityProvider,
}

impl Setting {
    async fn new(speaking: Speaking, rules: &str) -> Self {
        let user =
            |name: &str, groups: &[&str]| User::new(&format!("{name}@corp.test"), name).in_groups(groups);
        let provider = IdentityProvider::builder()
            .user(user("alice", &["operators"]))
            .user(user("bob", &["operators"]))
            .user(user("carol", &["staff"]))
            .user(User::new("eve@evil.example", "eve").in_groups(&["operators"]))
            .start()
            .await
            .unwrap();
        let own = match speaking {
            Speaking::Saml => "[saml]\nmetadata = \"corp.xml\"\n".to_owned(),
            Speaking::Oidc => {
                format!("[oidc]\nissuer = \"{}\"\nclient_id = \"rollcall\"\n", provider.issuer())
            }
        };
        let head = "name = \"corp\"\nlabel = \"Corp staff\"\ndomains = [\"corp.test\"]\nsso_provider = \"sso.corp.test\"\n";
        let section: IdentityProviderConfig = toml::from_str(&format!("{head}{own}")).unwrap();
        let ca = TestCa::builder()
            .file("corp.xml", &provider.saml_metadata())
            .file("policy/rules/operators.cedar", rules)
            .configure(move |config| {
                config.identity_provider = vec![section];
                config.console.listen = Some("127.0.0.1:0".parse().unwrap());
                config.console.tls = Some(true);
                config.console.url = Some(format!("https://{HOST}/").parse().unwrap());
                config.console.identity_providers = vec!["corp".to_owned()];
            })
            .start()
            .await;
        provider.follow(Arc::new(ca.clock.clone()));
        let client = |redirect_uri: String| Client { id: "rollcall".to_owned(), secret: None, redirect_uri };
        provider.add_client(client(ca.url("/sso/oidc/corp/callback")));
        provider.add_service_provider(ServiceProvider {
            entity_id: ca.url("/sso/saml/corp/metadata"),
            assertion_consumer: ca.url("/sso/saml/corp/acs"),
        });
        Self { ca, provider }
    }

    fn browser(&self) -> Browser {
        let root = std::fs::read_to_string(self.ca.folder().join("tls/fullchain.pem")).unwrap();
        let address = self.ca.running().console_address().unwrap();
        Browser::builder().trusting(&root).reaching(HOST, address).start()
    }

    /// From the console's sign-in to wherever it leads.
    async fn sign_in(&self, browser: &mut Browser, login: &str, speaking: Speaking) {
        let page = browser.open(&self.ca.url("/sign-in")).await;
        assert!(page.text().contains("Sign in with Corp staff"), "{}", page.body);
        browser.press("Sign in with Corp staff", &[]).await;
        browser.submit(&[("login", login), ("password", "demo")]).await;
        if speaking == Speaking::Saml {
            // The page that posts the answer on, for want of scripts by its button.
            browser.submit(&[]).await;
        }
    }
}

#[tokio::test]
async fn a_person_whom_a_rule_permits_signs_in_and_acts_in_her_own_name() {
    for speaking in [Speaking::Oidc, Speaking::Saml] {
        let setting = Setting::new(speaking, RULES).await;
        let mut browser = setting.browser();
        setting.sign_in(&mut browser, "bob", speaking).await;
        assert!(browser.page().text().contains("You are signed in"), "{speaking:?}: {}", browser.page().body);
        let page = browser.follow("/").await;
        assert!(
            page.title().starts_with("Overview") && page.text().contains("bob@corp.test"),
            "{}",
            page.body
        );
        let own = browser.cookies().iter().find(|cookie| cookie.name == "__Host-rollcall-console");
        assert!(own.is_some(), "{:?}", browser.cookies());

        let device = setting.ca.register("alice").await;
        let serial = device.issue(&setting.ca.dns, &["room-1.corp.test"]).await.report().serial;
        browser.open(&setting.ca.url(&format!("/certificates/{serial}/revoke"))).await;
        let page = browser.submit(&[("reason", "4")]).await;
        assert!(page.text().contains("The certificate is revoked"), "{}", page.body);
        let audit = setting.ca.audit().await;
        let by: Vec<_> = audit.of_kind("revoked").map(|act| act["by"].clone()).collect();
        assert_eq!(by, ["operator bob@corp.test"]);
        let word = if speaking == Speaking::Oidc { "oidc" } else { "saml" };
        let signed_in: Vec<_> = audit.of_kind("console").map(|act| act["change"].clone()).collect();
        assert_eq!(signed_in, [json!(format!("signed in by {word} corp"))]);
    }
}

/// Whom the journal says the console refused, and why.
async fn turned_away(setting: &Setting) -> Vec<String> {
    let audit = setting.ca.audit().await;
    let line = |act: &serde_json::Value| {
        format!("{}: {}", act["rule"].as_str().unwrap(), act["credential"].as_str().unwrap_or("nobody"))
    };
    audit.of_kind("refused").map(line).collect()
}

#[tokio::test]
async fn nobody_is_let_in_without_a_rule_and_nobody_does_more_than_the_rules_say() {
    let setting = Setting::new(Speaking::Oidc, "").await;
    let mut browser = setting.browser();
    setting.sign_in(&mut browser, "bob", Speaking::Oidc).await;
    assert_eq!(browser.page().status, 403, "deny by default");
    assert!(
        browser.page().text().contains("no rule permits bob@corp.test to look"),
        "{}",
        browser.page().body
    );
    assert_eq!(turned_away(&setting).await, ["console:no-rule-permits: operator bob@corp.test"]);

    let setting = Setting::new(Speaking::Oidc, RULES).await;
    for (login, why) in
        [("carol", "no rule permits carol@corp.test"), ("eve", "may not vouch for addresses of this domain")]
    {
        let mut browser = setting.browser();
        setting.sign_in(&mut browser, login, Speaking::Oidc).await;
        assert_eq!(browser.page().status, 403, "{login}");
        assert!(browser.page().text().contains(why), "{login}: {}", browser.page().body);
        assert!(browser.cookies().iter().all(|cookie| cookie.name != "__Host-rollcall-console"), "{login}");
    }
    let named = [
        "console:no-rule-permits: operator carol@corp.test",
        "console:foreign-domain: operator eve@evil.example",
    ];
    assert_eq!(turned_away(&setting).await, named, "the journal says who");
    let device = setting.ca.register("alice").await;
    let serial = device.issue(&setting.ca.dns, &["room-1.corp.test"]).await.report().serial;
    let mut browser = setting.browser();
    setting.sign_in(&mut browser, "alice", Speaking::Oidc).await;
    assert!(browser.follow("/").await.title().starts_with("Overview"));
    let token = crate::raw::form_token(&browser);
    let page = browser.open(&setting.ca.url(&format!("/certificates/{serial}/revoke"))).await;
    assert_eq!(
        (page.status.as_u16(), page.text().contains("ask Bob to revoke")),
        (403, true),
        "{}",
        page.body
    );
    assert_ne!(token, "");

    // Rules that change take effect at the next page.
    let rules = RULES.replace("contains(\"operators\")", "contains(\"nobody\")");
    std::fs::write(setting.ca.folder().join("policy/rules/operators.cedar"), rules).unwrap();
    setting.ca.running().reload().await.unwrap();
    let page = browser.open(&setting.ca.url("/issuers")).await;
    assert_eq!(page.status, 403, "{}", page.body);
    assert!(!page.text().contains("Test issuing"));
}

#[tokio::test]
async fn an_answer_is_taken_once_in_the_browser_that_asked_and_no_other_door_takes_it() {
    let setting = Setting::new(Speaking::Oidc, RULES).await;
    let callback = setting.ca.url("/sso/oidc/corp/callback");
    let asking = async || {
        let root = std::fs::read_to_string(setting.ca.folder().join("tls/fullchain.pem")).unwrap();
        let address = setting.ca.running().console_address().unwrap();
        let mut browser = Browser::builder()
            .trusting(&root)
            .reaching(HOST, address)
            .stopping_at(setting.provider.issuer())
            .start();
        browser.open(&setting.ca.url("/sign-in")).await;
        browser.press("Sign in with Corp staff", &[]).await;
        let asked = browser.visited().last().unwrap().clone();
        (browser, setting.provider.answer_oidc(&asked, "bob").unwrap())
    };
    // In another browser: refused, and not used up.
    let (mut browser, answer) = asking().await;
    assert!(answer.as_str().starts_with(&callback), "{answer}");
    let mut other = setting.browser();
    assert_eq!(other.open(answer.as_str()).await.status, 403, "the browser of somebody else");
    assert!(other.page().text().contains("The sign-in began in another browser"));
    assert!(browser.open(answer.as_str()).await.text().contains("You are signed in"));
    assert_eq!(browser.open(answer.as_str()).await.status, 400, "the same answer again");

    // Too late.
    let (mut browser, answer) = asking().await;
    setting.ca.clock.advance(time::Duration::minutes(11));
    assert_eq!(browser.open(answer.as_str()).await.status, 400);

    // Made up.
    for query in ["", "code=x", "code=x&state=y", "state=y&error=access_denied"] {
        let page = browser.open(&format!("{callback}?{query}")).await;
        assert_eq!(page.status, 400, "{query}: {}", page.body);
    }
    // The main listener knows nothing of it.
    let (_, answer) = asking().await;
    let path = format!("{}?{}", answer.path(), answer.query().unwrap());
    let main = setting.ca.http().get(&setting.ca.url(&path)).await;
    assert_ne!(main.status, 303, "{main}");
    assert_eq!(setting.ca.audit().await.count("signed-in"), 0);
}
