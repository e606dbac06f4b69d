use super::*;
use crate::key::{KeyKind, SigningKey};
use crate::pem::{encode, encode_chain};
use crate::samples::{Authority, device, identifier};

fn key() -> SigningKey {
    SigningKey::generate(KeyKind::P256).unwrap()
}

#[test]
fn a_file_is_shown_block_by_block_and_keys_are_not_looked_into() {
    let ca = Authority::new("external");
    let key = key();
    let leaf = ca.leaf(&device(), &[identifier("dns:room-1.example.com")], &key, |_| {});
    let csr = crate::csr::create_csr(&key, &[identifier("dns:room-1.example.com")]).unwrap();
    let text = encode_chain(&[leaf, ca.root.clone()])
        + &encode(Label::CertificateRequest, &csr)
        + &key.to_pem().unwrap();
    let found = inspect_pem(&text).unwrap();
    assert_eq!(found.len(), 4);
    let shown = found.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(shown[0].contains("  for           dns:room-1.example.com\n"));
    assert!(shown[0].contains("  proven by     dns-01\n"));
    assert!(shown[0].contains("  valid until   2026-06-08T12:00:00Z\n"));
    assert!(shown[1].starts_with("CA certificate\n") && !shown[1].contains("  for "));
    assert!(shown[2].starts_with("certificate request\n") && !shown[2].contains("problem"));
    assert_eq!(shown[3], "PRIVATE KEY (not shown)\n");
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json[0]["type"], "certificate");
    assert_eq!(json[0]["names"][0], "dns:room-1.example.com");
    assert_eq!(json[0]["proofs"][0], "dns-01");
    assert_eq!(json[1]["ca"], true);
    assert_eq!(json[2]["type"], "request");
    assert_eq!(json[3]["label"], "PRIVATE KEY");
}

#[test]
fn the_renewal_id_and_fingerprint_are_those_of_the_certificate() {
    let ca = Authority::new("external");
    let leaf = ca.leaf(&device(), &[identifier("dns:a.example")], &key(), |_| {});
    let report = inspect_certificate(&leaf).unwrap();
    let id = CertId::from_certificate(&leaf).unwrap();
    assert_eq!(id.authority_key_identifier(), ca.issuer.subject_key_identifier());
    assert_eq!(id.serial().unwrap().to_string(), report.serial);
    assert_eq!(report.renewal_id, Some(id.to_string()));
    assert_eq!(report.sha256, hex(&sha256(&leaf)));
}

#[test]
fn a_request_that_would_be_refused_says_why() {
    let der = include_str!("../../tests/vectors/ca-true.csr.pem");
    let found = inspect_pem(der).unwrap();
    assert!(found[0].to_string().contains("  problem       the request asks for a CA certificate"));
    let report = inspect_csr(b"x");
    assert_eq!(report.problem.as_deref(), Some("not a PKCS#10 certificate request"));
}

#[test]
fn text_from_a_certificate_cannot_drive_a_terminal() {
    assert_eq!(printable("a\u{1b}[2J\r\nb\u{202e}c ü"), "a\\u{1b}[2J\\u{d}\\u{a}b\\u{202e}c ü");
    assert_eq!(printable("a\u{2028}b\u{61c}c"), "a\\u{2028}b\\u{61c}c");
    assert_eq!(inspect_certificate(b"x"), Err(InspectError::NotCertificate));
    assert!(matches!(inspect_pem("x"), Err(InspectError::Pem(_))));
}
