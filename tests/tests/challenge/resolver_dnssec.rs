//! Validation by DNSSEC against a zone that is signed, spoiled or not signed at all.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use ca_server::challenge::resolver::{Resolve, StubResolver, StubResolverError};
use ca_server::config::{DnsConfig, DnssecMode};
use certs::name::DnsName;
use rollcall_tests::dns::{FakeDns, Fault};

const NAME: &str = "_acme-challenge.room-1.corp.example";

struct Signed {
    dns: FakeDns,
    anchors: tempfile::NamedTempFile,
}

async fn signed(two_keys: bool) -> Signed {
    let dns = FakeDns::start().await;
    dns.set_ttl(60);
    dns.add_zone("corp.example");
    dns.set_txt(NAME, &["proof"]);
    dns.set_caa("corp.example", &[(0, "issue", "ca.example")]);
    let anchor = if two_keys { dns.sign_with_two_keys("corp.example") } else { dns.sign("corp.example") };
    let mut anchors = tempfile::NamedTempFile::new().unwrap();
    anchors.write_all(anchor.as_bytes()).unwrap();
    Signed { dns, anchors }
}

impl Signed {
    fn resolver(&self, dnssec: DnssecMode) -> StubResolver {
        let config = DnsConfig {
            resolvers: vec![self.dns.address()],
            timeout: Duration::from_secs(20),
            dnssec,
            trust_anchors: Some(self.anchors.path().to_owned()),
            ..DnsConfig::default()
        };
        StubResolver::new(&config, Path::new(".")).unwrap()
    }
}

#[tokio::test]
async fn records_of_a_signed_zone_are_taken() {
    for two_keys in [false, true] {
        let zone = signed(two_keys).await;
        for mode in [DnssecMode::Require, DnssecMode::Opportunistic] {
            let resolver = zone.resolver(mode);
            let answer = resolver.txt(NAME).await.unwrap();
            assert_eq!(answer.records, [b"proof".to_vec()], "two keys: {two_keys}, {mode:?}");
            assert_eq!(resolver.caa(&DnsName::parse("corp.example").unwrap()).await.unwrap().len(), 1);
        }
    }
}

#[tokio::test]
async fn proven_absence_is_an_empty_answer() {
    let zone = signed(true).await;
    for mode in [DnssecMode::Require, DnssecMode::Opportunistic] {
        let resolver = zone.resolver(mode);
        assert!(resolver.caa(&DnsName::parse("room-1.corp.example").unwrap()).await.unwrap().is_empty());
        assert!(resolver.txt("_acme-challenge.room-2.corp.example").await.unwrap().records.is_empty());
    }
}

#[tokio::test]
async fn spoiled_and_missing_signatures_are_bogus_in_both_modes() {
    for fault in [Fault::BadSignatures, Fault::NoSignatures] {
        for mode in [DnssecMode::Require, DnssecMode::Opportunistic] {
            let zone = signed(false).await;
            // The keys are honest, so that only the record itself is at fault.
            zone.dns.fault_at(NAME, fault);
            let failure = zone.resolver(mode).txt(NAME).await.unwrap_err();
            assert!(failure.reason.contains("DNSSEC: bogus"), "{fault:?} {mode:?}: {failure}");
        }
    }
}

#[tokio::test]
async fn keys_that_the_anchor_did_not_sign_are_bogus() {
    let zone = signed(true).await;
    zone.dns.sign("corp.example"); // the zone has new keys, the anchor file the old ones
    for mode in [DnssecMode::Require, DnssecMode::Opportunistic] {
        let failure = zone.resolver(mode).txt(NAME).await.unwrap_err();
        assert!(failure.reason.contains("trust anchor"), "{failure}");
    }
}

#[tokio::test]
async fn absence_claimed_without_proof_is_bogus() {
    for mode in [DnssecMode::Require, DnssecMode::Opportunistic] {
        let zone = signed(false).await;
        zone.dns.fault_at("room-1.corp.example", Fault::NxDomain);
        let name = DnsName::parse("room-1.corp.example").unwrap();
        let failure = zone.resolver(mode).caa(&name).await.unwrap_err();
        assert!(failure.reason.contains("DNSSEC: bogus"), "{mode:?}: {failure}");
    }
}

#[tokio::test]
async fn a_zone_outside_all_anchors_is_taken_only_if_signatures_are_not_required() {
    let zone = signed(false).await;
    zone.dns.set_txt("_acme-challenge.room-1.unsigned.test", &["plain"]);
    let name = "_acme-challenge.room-1.unsigned.test";
    assert_eq!(zone.resolver(DnssecMode::Opportunistic).txt(name).await.unwrap().records.len(), 1);
    let failure = zone.resolver(DnssecMode::Require).txt(name).await.unwrap_err();
    assert!(failure.reason.contains("no trust anchor"), "{failure}");
}

#[tokio::test]
async fn a_servfail_is_told_as_such_and_not_as_bogus() {
    let zone = signed(false).await;
    zone.dns.fault_at(NAME, Fault::ServFail);
    let failure = zone.resolver(DnssecMode::Require).txt(NAME).await.unwrap_err();
    assert!(failure.reason.contains("SERVFAIL") && !failure.reason.contains("bogus"), "{failure}");
}

#[test]
fn a_missing_empty_or_broken_anchor_file_is_told_at_start() {
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in [("broken", "corp.example. DNSKEY not a key\n"), ("empty", "\n")] {
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    for file in ["missing", "broken", "empty"] {
        let config = DnsConfig {
            resolvers: vec!["127.0.0.1:53".parse().unwrap()],
            dnssec: DnssecMode::Require,
            trust_anchors: Some(file.into()),
            ..DnsConfig::default()
        };
        let error = StubResolver::new(&config, folder.path()).err().unwrap();
        assert!(matches!(error, StubResolverError::Dnssec(_)) && error.to_string().contains(file), "{error}");
    }
}
