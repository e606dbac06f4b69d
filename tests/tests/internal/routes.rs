//! Every route that issues, as the server's own table has them: each is recorded before and after the signature, asked of the rules, and limited.
//!
//! That nothing else signs is held by types: a signature takes a `Permit`, which only the durable intent makes.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_server::request::router::{Signs, routes};
use rcgen::KeyPair;
use rollcall_tests::ca::TestCa;
use rollcall_tests::device::{Device, Order};
use rollcall_tests::internal::InternalCa;
use rollcall_tests::internal::est::{Identity, PKCS10, Wanted, key, request};
use serde_json::json;

use crate::gate::NOBODY;

/// Somebody for every route: an ACME account with an order that is proven, and a device with token and certificate.
struct Callers {
    it: InternalCa,
    account: Device,
    order: Order,
    key: KeyPair,
    token: String,
    held: rustls_pki_types::CertificateDer<'static>,
}

impl Callers {
    async fn new(it: InternalCa) -> Self {
        it.organisation("Corp").await;
        it.verified_domain("Corp", "corp.test").await;
        it.prefer("Corp", "corp.test").await;
        let account = it.ca.register("alice").await;
        let order = account.prove(&it.ca.dns, &account.new_order(&["room-1.corp.test"]).await).await;
        let key = key();
        let (_, token) = it.activated_for_est("Corp", &key).await;
        let csr = request(&key, &Wanted::default());
        let answer = it.enroll(None, "simpleenroll", Some(&format!("Bearer {token}")), &csr).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let held = answer.certificates()[0].clone();
        Self { it, account, order, key, token, held }
    }

    /// A good request to the route: the status of its answer. `None` if this test knows no such route.
    async fn call(&self, route: &str) -> Option<u16> {
        let wanted = Wanted { common_name: Some("corp.test"), ..Wanted::default() };
        let csr = request(&self.key, &wanted);
        let bearer = format!("Bearer {}", self.token);
        if route == "/acme/{authority}/order/{order}/finalize" {
            let (_, csr) = self.order.csr();
            return Some(self.account.finalize_once(&self.order, &csr).await.status.as_u16());
        }
        if route == "/internal/certificates" {
            let csr = STANDARD.encode(&csr);
            let reply = self.it.post("certificates", Some(&self.token), &json!({"csr": csr})).await;
            return Some(reply.status.as_u16());
        }
        let (at, operation) = route.rsplit_once('/')?;
        let at = at.replace("{label}", "internal");
        let line = format!("POST {at}/{operation}");
        let identity = Identity { certificate: self.held.clone(), key: &self.key };
        let (identity, headers) = match operation {
            "simpleenroll" => (None, vec![PKCS10, ("Authorization", &*bearer)]),
            "simplereenroll" => (Some(&identity), vec![PKCS10]),
            _ => return None,
        };
        let body = STANDARD.encode(&csr);
        Some(self.it.est(identity, &line, &headers, body.as_bytes()).await.status)
    }

    async fn counted(&self) -> [usize; 3] {
        let audit = self.it.ca.audit().await;
        ["intent", "issued", "refused"].map(|kind| audit.count(kind))
    }
}

fn issuing() -> Vec<String> {
    let issuing = routes().into_iter().filter(|route| route.signs == Signs::Certificates);
    issuing.map(|route| route.path).collect()
}

#[tokio::test]
async fn every_route_that_issues_is_recorded_before_and_after_the_signature() {
    let callers = Callers::new(InternalCa::start().await).await;
    assert_eq!(issuing().len(), 8, "a new one belongs into `call`");
    for route in issuing() {
        let before = callers.counted().await;
        let status = callers.call(&route).await;
        assert_eq!(status, Some(200), "{route}");
        let after = callers.counted().await;
        assert_eq!((after[0], after[1]), (before[0] + 1, before[1] + 1), "{route}");
    }
}

#[tokio::test]
async fn a_rule_that_forbids_stops_every_route_that_issues_before_the_key_is_asked() {
    let callers = Callers::new(InternalCa::build(TestCa::builder(), |_| {}).await).await;
    std::fs::write(callers.it.ca.folder().join("policy/rules/nobody.cedar"), NOBODY).unwrap();
    callers.it.ca.running().reload().await.unwrap();
    for route in issuing() {
        let before = callers.counted().await;
        assert_eq!(callers.call(&route).await, Some(403), "{route}");
        let after = callers.counted().await;
        assert_eq!(after, [before[0], before[1], before[2] + 1], "{route}");
    }
}

#[tokio::test]
async fn every_route_that_issues_has_a_limit_of_rate() {
    let it = InternalCa::start_with(|config| {
        config.internal.certificates_per_hour = 1;
        config.limits.orders_per_hour = 1;
    })
    .await;
    let callers = Callers::new(it).await;
    for route in issuing() {
        let mut statuses = BTreeSet::new();
        for _ in 0..6 {
            statuses.extend(callers.call(&route).await);
        }
        assert!(statuses.contains(&429), "{route}: {statuses:?}");
    }
}
