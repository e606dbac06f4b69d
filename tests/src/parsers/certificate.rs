//! Certificates and revocation lists of anybody, as `certs` shows, names and judges them.

use acme_client::enroll::Leaf;
use aws_lc_rs::digest::{SHA256, digest};
use certs::ari::CertId;
use certs::chain::{RevocationList, TrustSets};
use certs::inspect::{CertificateReport, InspectError, inspect_certificate};
use certs::issuer::Issuer;
use certs::key::PublicKey;
use certs::tbs::tbs_of;
use certs::verdict::{State, verdict};
use time::OffsetDateTime;

use super::Outcome;
use super::support::{contains, is_tame};

/// What is shown of a certificate stands in its octets and cannot steer a terminal, its renewal name reads back, no more octets
/// belong to it, and without a trusted root nobody is verified by it.
pub fn check(input: &[u8]) -> Outcome {
    let judged = verdict(&[input.to_vec().into()], &TrustSets::new(), None, &[], OffsetDateTime::UNIX_EPOCH);
    assert_eq!(judged.state, State::Unverified, "nobody is trusted, so nobody is verified");
    let _ = RevocationList::from_der(input);
    let _ = Issuer::from_chain(vec![input.to_vec().into()]);
    if let Some(tbs) = tbs_of(input) {
        assert!(contains(input, tbs));
    }
    let report = match inspect_certificate(input) {
        Ok(report) => report,
        Err(fault) => {
            assert!(CertId::from_certificate(input).is_err(), "{fault}");
            assert!(PublicKey::of_certificate(input).is_err(), "{fault}");
            assert!(Leaf::from_der(input).is_err(), "the agent takes what `inspect` refuses: {fault}");
            return Outcome::Refused;
        }
    };
    check_report(input, &report);
    check_text(&report);
    let longer = [input, &[0]].concat();
    assert_eq!(inspect_certificate(&longer), Err(InspectError::TrailingData { octets: 1 }));
    match (CertId::from_certificate(input), &report.renewal_id) {
        (Ok(id), Some(shown)) => {
            assert_eq!(*shown, id.to_string());
            assert_eq!(shown.parse().as_ref(), Ok(&id), "a renewal name reads back");
        }
        (Err(_), None) => {}
        (found, shown) => unreachable!("two answers about one renewal name: {found:?}, {shown:?}"),
    }
    let Ok(leaf) = Leaf::from_der(input) else { unreachable!("the agent refuses what `inspect` takes") };
    assert_eq!(leaf.serial, report.serial);
    if let (Some(agents), Some(ours)) = (&leaf.id, &report.renewal_id) {
        assert_eq!(agents.as_str(), ours, "client and server name it alike (RFC 9773 §4.1)");
    }
    if let Ok(key) = PublicKey::of_certificate(input) {
        assert!(contains(input, key.spki_der()));
        assert_eq!(report.key, format!("ECDSA {}", key.kind()));
    }
    Outcome::Accepted
}

/// Every name, serial and digest comes from the octets.
fn check_report(input: &[u8], report: &CertificateReport) {
    let sha256: String = digest(&SHA256, input).as_ref().iter().map(|octet| format!("{octet:02x}")).collect();
    assert_eq!(report.sha256, sha256);
    let serial: Vec<u8> = (0..report.serial.len() / 2)
        .filter_map(|at| report.serial.get(2 * at..2 * at + 2))
        .filter_map(|digits| u8::from_str_radix(digits, 16).ok())
        .collect();
    assert_eq!(serial.len() * 2, report.serial.len());
    assert!(contains(input, &serial), "the serial {} does not stand in the certificate", report.serial);
    let urls = report.crl_urls.iter().chain(&report.ca_issuers_urls).chain(&report.ocsp_urls);
    let named = ["dns:", "email:", "uri:"];
    let names = report.names.iter().filter_map(|name| named.iter().find_map(|kind| name.strip_prefix(kind)));
    // What was escaped to be shown stands there in another spelling.
    for shown in urls.map(String::as_str).chain(names).filter(|shown| !shown.contains("\\u{")) {
        assert!(contains(input, shown.as_bytes()), "{shown:?} does not stand in the certificate");
    }
    if report.ca {
        assert!(contains(input, &[0x55, 0x1d, 0x13]), "a CA has basic constraints");
    }
}

/// Every line begins with a label of ours, and nothing steers the terminal.
fn check_text(report: &CertificateReport) {
    let text = report.to_string();
    for (at, line) in text.lines().enumerate() {
        assert!(is_tame(line), "{line:?}");
        assert!(at == 0 || line.starts_with("  "), "a line that is not ours: {line:?}");
    }
    assert!(serde_json::to_string(report).is_ok());
}
