//! An authority with a console in clear on loopback, something of everything in its store, and browsers that are signed in.

use policies::profiles::SHIPPED;
use rollcall_tests::browser::Browser;
use rollcall_tests::ca::TestCa;
use rollcall_tests::device::Issued;
use rollcall_tests::internal::InternalCa;
use rollcall_tests::internal::est::{Wanted, key, request};
use serde_json::{Value, json};

/// The authority.
pub(crate) struct Setting {
    pub(crate) it: InternalCa,
    /// The console's address, without a slash at the end.
    pub(crate) base: String,
}

impl Setting {
    /// One that has done nothing yet.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same with something of its configuration changed.
    pub(crate) async fn start_with(
        change: impl FnOnce(&mut ca_server::config::Config) + Send + 'static,
    ) -> Self {
        let (_, text) = SHIPPED.iter().find(|(name, _)| *name == "internal-device.toml").unwrap();
        let text = text.replace("needs-approval = false", "needs-approval = true");
        let builder = TestCa::builder().file("policy/profiles/internal-device.toml", &text);
        let it = InternalCa::build(builder, |config| {
            config.console.listen = Some("127.0.0.1:0".parse().unwrap());
            change(config);
        })
        .await;
        let base = format!("http://{}", it.ca.running().console_address().unwrap());
        Self { it, base }
    }

    /// A one-time link for somebody of this name, through the admin socket.
    pub(crate) async fn link(&self, name: &str) -> String {
        let link = self.it.tell("/console/links", json!({ "name": name })).await;
        link["url"].as_str().unwrap().to_owned()
    }

    /// A browser that nobody has signed in with.
    pub(crate) fn stranger(&self) -> Browser {
        Browser::builder().start()
    }

    /// A browser that used a one-time link.
    pub(crate) async fn browser(&self) -> Browser {
        let mut browser = self.stranger();
        let link = self.link("root").await;
        browser.open(&link).await;
        let page = browser.submit(&[]).await;
        assert_eq!(page.title(), "Overview · Rollcall", "{}", page.body);
        browser
    }

    /// The address of a page.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// A certificate for this name.
    pub(crate) async fn issue(&self, name: &str) -> Issued {
        let alice = self.it.ca.register("alice").await;
        alice.issue(&self.it.ca.dns, &[name]).await
    }

    /// The serial of a certificate.
    pub(crate) fn serial(issued: &Issued) -> String {
        issued.report().serial
    }

    /// A challenge that fails since the record of `name` says something else.
    pub(crate) async fn fail(&self, name: &str, record: &str) {
        let bob = self.it.ca.register("bob").await;
        let order = bob.new_order(&[name]).await;
        let url = order.authorizations().remove(0);
        self.it.ca.dns.set_txt(&format!("_acme-challenge.{name}"), &[record]);
        assert_eq!(bob.answer(&url, "dns-01").await["status"], "invalid");
    }

    /// A device of `organisation` that waits for approval: the id of the request.
    pub(crate) async fn wait_for_approval(&self, organisation: &str) -> String {
        let ids = async || -> Vec<String> {
            let listed = self.it.ask("/approvals?limit=100").await;
            let items = listed["items"].as_array().unwrap();
            items.iter().map(|view| view["id"].as_str().unwrap().to_owned()).collect()
        };
        let before = ids().await;
        let key = key();
        let (_, token) = self.it.activated_for_est(organisation, &key).await;
        let token = format!("Bearer {token}");
        let csr = request(&key, &Wanted::default());
        let answer = self.it.enroll(None, "simpleenroll", Some(&token), &csr).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        ids().await.into_iter().find(|id| !before.contains(id)).expect("it waits")
    }

    /// A certificate of the internal authority for a person who is called so.
    pub(crate) async fn person(&self, address: &str, name: &str) {
        let mut claims = self.it.claims(address);
        claims["email"] = address.into();
        claims["email_verified"] = true.into();
        claims["name"] = name.into();
        let reply = self.it.certificate(&self.it.issuer.token(&claims)).await;
        assert_eq!(reply.status, 200, "{reply}");
    }

    /// Something of everything: an organisation, people, devices, a failure, something to decide.
    pub(crate) async fn furnish(&self) {
        self.it.organisation("Corp").await;
        self.it.verified_domain("Corp", "corp.test").await;
        self.person("alice@corp.test", "Alice Example").await;
        for name in ["lobby", "room-1", "room-2"] {
            self.issue(&format!("{name}.corp.test")).await;
        }
        self.fail("room-9.corp.test", "the record of another account").await;
        self.wait_for_approval("Corp").await;
    }

    /// What the journal says of the console.
    pub(crate) async fn told(&self) -> Vec<String> {
        let audit = self.it.ca.audit().await;
        let line = |act: &Value| {
            format!("{}: {}", act["operator"].as_str().unwrap(), act["change"].as_str().unwrap())
        };
        audit.of_kind("console").map(line).collect()
    }
}
