//! The gate in front of the key is the same for EST: rules, limits, lost domains and the journal hold at both of its operations.

use ca_server::internal::domains::recheck;
use rcgen::KeyPair;
use rollcall_tests::internal::InternalCa;
use rollcall_tests::internal::est::{Answer, Identity, Wanted, key, request};
use rustls_pki_types::CertificateDer;
use time::Duration;

use crate::gate::NOBODY;

/// A device that was enrolled once.
struct Device {
    it: InternalCa,
    key: KeyPair,
    authorization: String,
    held: CertificateDer<'static>,
}

impl Device {
    async fn new(it: InternalCa) -> Self {
        it.organisation("Corp").await;
        it.verified_domain("Corp", "corp.test").await;
        it.prefer("Corp", "corp.test").await;
        let key = key();
        let (_, token) = it.activated_for_est("Corp", &key).await;
        let authorization = format!("Bearer {token}");
        let csr = request(&key, &Wanted::default());
        let answer = it.enroll(None, "simpleenroll", Some(&authorization), &csr).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let held = answer.certificates()[0].clone();
        Self { it, key, authorization, held }
    }

    /// Enrols on the token, then with the certificate.
    async fn both(&self) -> [Answer; 2] {
        let wanted = Wanted { common_name: Some("corp.test"), ..Wanted::default() };
        let csr = request(&self.key, &wanted);
        let identity = Identity { certificate: self.held.clone(), key: &self.key };
        [
            self.it.enroll(None, "simpleenroll", Some(&self.authorization), &csr).await,
            self.it.enroll(Some(&identity), "simplereenroll", None, &csr).await,
        ]
    }
}

#[tokio::test]
async fn a_rule_that_forbids_stops_both_and_is_named() {
    let device = Device::new(InternalCa::start().await).await;
    std::fs::write(device.it.ca.folder().join("policy/rules/nobody.cedar"), NOBODY).unwrap();
    device.it.ca.running().reload().await.unwrap();
    let before = device.it.ca.audit().await;
    for answer in device.both().await {
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(answer.body.contains("rule `nobody`"), "{}", answer.body);
    }
    let after = device.it.ca.audit().await;
    assert_eq!(after.count("intent"), before.count("intent"));
    assert_eq!(after.count("refused"), before.count("refused") + 2);
}

#[tokio::test]
async fn both_are_recorded_before_and_after_the_signature_with_the_door_and_what_was_shown() {
    let device = Device::new(InternalCa::start().await).await;
    for answer in device.both().await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let audit = device.it.ca.audit().await;
    assert_eq!((audit.count("intent"), audit.count("issued")), (3, 3));
    let shown: Vec<_> = audit.of_kind("intent").map(|act| act["holder"].clone()).collect();
    assert!(shown.iter().all(|holder| holder["front"] == "est"), "{shown:?}");
    assert_eq!(shown[1]["credential"], "device-token");
    assert!(shown[2]["credential"].as_str().unwrap().starts_with("certificate "), "{shown:?}");
}

#[tokio::test]
async fn both_count_against_the_limit_of_the_account() {
    let it = InternalCa::start_with(|config| config.internal.certificates_per_hour = 2).await;
    let device = Device::new(it).await;
    let [second, third] = device.both().await;
    assert_eq!((second.status, third.status), (200, 429));
    assert!(third.header("retry-after").is_some() && third.body.contains("too many"), "{third:?}");
}

#[tokio::test]
async fn a_lost_domain_stops_both_with_one_record_each() {
    let device = Device::new(InternalCa::start().await).await;
    let record = device.it.ca.dns.txt("_rollcall-domain.corp.test");
    device.it.ca.dns.remove_txt("_rollcall-domain.corp.test", &record[0]);
    device.it.ca.clock.advance(Duration::days(2));
    recheck(device.it.ca.app()).await.unwrap();
    for answer in device.both().await {
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(answer.body.contains("has lost corp.test"), "{}", answer.body);
    }
    let audit = device.it.ca.audit().await;
    assert_eq!(audit.of_kind("refused").filter(|act| act["rule"] == "internal:domain-lost").count(), 2);
}
