//! All rules together: on what `certs` builds, on what is no certificate, and on damaged certificates.
//! What one rule finds is tested beside it.

use certs::authority::{AuthorityRequest, AuthorityUrls, intermediate, root};
use certs::issuer::Issuer;
use certs::key::SigningKey;
use certs::leaf::{LeafRequest, LeafUrls, Validity, leaf_tbs};
use certs::name::DnsName;
use certs::serial::Serial;
use certs::tbs::TwinKey;
use proptest::prelude::*;
use time::Duration;

use super::samples::{NOW, Sample};
use super::*;
use crate::profiles::{Profiles, SHIPPED};

#[test]
fn a_certificate_as_ordered_has_no_findings() {
    let sample = Sample::new();
    let findings = lint(&sample.sign(&sample.params(), &sample.key), &sample.context());
    assert_eq!(findings, []);
    assert!(may_sign(&findings));
}

#[test]
fn what_is_not_a_certificate_is_a_finding() {
    let sample = Sample::new();
    let findings = lint(b"\x30\x03\x02\x01\x05", &sample.context());
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].rule, "parses");
    assert!(!may_sign(&findings));
}

#[test]
fn every_rule_has_a_name_of_its_own_and_a_citation() {
    let mut names: Vec<&str> = ALL.iter().map(|lint| lint.rule).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ALL.len());
    for lint in ALL {
        assert!(lint.citation.starts_with("RFC ") || lint.citation.starts_with("X.690 "), "{}", lint.rule);
    }
}

#[test]
fn a_finding_reads_as_a_line() {
    let sample = Sample::new();
    let mut der = sample.sign(&sample.params(), &sample.key);
    der.push(0);
    let findings = lint(&der, &sample.context());
    assert_eq!(findings[0].to_string(), "error: trailing_data: 1 bytes follow the certificate (X.690 §10)");
}

fn issuer() -> Issuer {
    let request = |name: &str, days| AuthorityRequest {
        common_name: name.to_owned(),
        organization: None,
        serial: Serial::from_entropy([3; 20]),
        validity: Validity { not_before: NOW - Duration::DAY, not_after: NOW + Duration::days(days) },
    };
    let (root_key, key) =
        (SigningKey::generate(KeyKind::P384).unwrap(), SigningKey::generate(KeyKind::P256).unwrap());
    let root = root(&request("root", 3650), &root_key).unwrap();
    let above = Issuer::from_chain(vec![root.clone()]).unwrap();
    let urls = AuthorityUrls { crl: None, ca_issuers: None };
    let below = intermediate(&request("issuing", 1800), &urls, key.public(), &above, &root_key).unwrap();
    Issuer::from_chain(vec![below, root]).unwrap()
}

#[test]
fn what_certs_builds_under_every_shipped_profile_has_no_findings() {
    let (issuer, twin) = (issuer(), TwinKey::generate().unwrap());
    let key = SigningKey::generate(KeyKind::P256).unwrap();
    let urls = LeafUrls {
        crl: "http://ca.example/issuing.crl".parse().unwrap(),
        ca_issuers: "http://ca.example/issuing.der".parse().unwrap(),
        ocsp: Some("http://ca.example/ocsp".parse().unwrap()),
    };
    let long = format!("{}.{}.example.com", "a".repeat(60), "b".repeat(60));
    const ACCOUNT: &str = "urn:uuid:6ba7b810-9dad-41d1-80b4-00c04fd430c8";
    let preferred = DnsName::parse("example.com").unwrap();
    for profile in Profiles::parse(SHIPPED).unwrap().iter() {
        let texts: &[(&str, &str)] = match profile.name.as_str() {
            "user" => &[("email", "bob@example.com")],
            "guest" => &[("uri", ACCOUNT)],
            "internal-device" => &[("uri", ACCOUNT), ("dns", "example.com")],
            "internal-user" => &[("email", "bob@example.com"), ("uri", ACCOUNT)],
            "server" => &[("dns", "ca.example.com"), ("dns", "www.example.com")],
            _ => &[("dns", &long), ("dns", "*.rooms.example.com")],
        };
        let identifiers: Vec<Identifier> =
            texts.iter().map(|(kind, value)| Identifier::from_parts(kind, value).unwrap()).collect();
        for (subject, proofs) in [
            (profile.subject, profile.proofs.clone()),
            (certs::leaf::SubjectRule::None, profile.proofs.clone()),
        ] {
            let profile = LeafProfile { subject, ..profile.clone() };
            let request = LeafRequest {
                profile: &profile,
                identifiers: &identifiers,
                public_key: key.public(),
                serial: Serial::from_entropy([0xff; 20]),
                validity: profile.validity(NOW, None, None).unwrap(),
                proofs: &proofs,
                preferred_domain: (profile.name.as_str() == "internal-device").then_some(&preferred),
                urls: &urls,
            };
            let tbs = leaf_tbs(&request, &issuer, &twin).unwrap();
            let context = LintContext { now: Some(NOW), ..LintContext::of(&request, &issuer) };
            let findings = lint(tbs.twin_der(), &context);
            assert_eq!(findings, [], "{} {subject:?}", profile.name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_certificate_with_any_octet_changed_is_judged_without_panic(
        place in any::<proptest::sample::Index>(),
        octet in any::<u8>(),
        cut in any::<proptest::sample::Index>(),
    ) {
        let (sample, good) = good();
        let mut der = good.clone();
        *place.get_mut(&mut der) = octet;
        let _ = lint(&der, &sample.context());
        let findings = lint(&der[..cut.index(der.len())], &sample.context());
        prop_assert!(!may_sign(&findings), "a truncated certificate may not be signed");
    }
}

fn good() -> &'static (Sample, Vec<u8>) {
    static GOOD: std::sync::OnceLock<(Sample, Vec<u8>)> = std::sync::OnceLock::new();
    GOOD.get_or_init(|| {
        let sample = Sample::new();
        let der = sample.sign(&sample.params(), &sample.key);
        (sample, der)
    })
}
