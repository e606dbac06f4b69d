use rcgen::{Attribute, CertificateParams, CustomExtension, DistinguishedName, DnType, IsCa, SanType};

use super::*;
use crate::asn1::{OCTET_STRING, SEQUENCE, object_identifier, tlv};
use crate::key::SigningKey;
use crate::pem::{Label, parse_many};
use crate::samples::identifier;

fn key() -> SigningKey {
    SigningKey::generate(KeyKind::P256).unwrap()
}

fn vector(text: &str) -> Vec<u8> {
    parse_many(text, Label::CertificateRequest).unwrap().remove(0)
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

/// A request by another program, changed by `change`.
fn foreign(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = vec![dns("room-1.example.com")];
    change(&mut params);
    params.serialize_request(&key()).unwrap().der().to_vec()
}

fn extension(oid: &[u64], critical: bool, content: &[u8]) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(oid, content.to_vec());
    extension.set_criticality(critical);
    extension
}

fn named(names: &[&str]) -> Vec<Identifier> {
    names.iter().map(|name| identifier(name)).collect()
}

#[test]
fn our_own_requests_come_back_as_they_were_made() {
    let key = key();
    let asked = named(&[
        "dns:*.example.com",
        "email:Alice@example.com",
        "uri:urn:uuid:abababab-abab-abab-abab-abababababab",
    ]);
    let der = create_csr(&key, &asked).unwrap();
    let csr = Csr::parse(&der).unwrap();
    assert_eq!(csr.public_key(), key.public());
    assert_eq!(csr.identifiers(), asked);
    assert_eq!(csr.digest(), crate::asn1::sha256(&der));
    csr.check_identifiers(&asked).unwrap();
}

#[test]
fn a_p256_request_signed_with_sha384_keeps_its_key() {
    let der = vector(include_str!("../../tests/vectors/p256-sha384.csr.pem"));
    let csr = Csr::parse(&der).unwrap();
    assert_eq!(csr.public_key().kind(), KeyKind::P256);
    assert_eq!(csr.identifiers(), named(&["dns:room-1.example.com", "dns:room-2.example.com"]));
}

#[test]
fn keys_that_are_not_uncompressed_p256_are_named() {
    let refused = |text: &str| Csr::parse(&vector(text)).unwrap_err();
    assert_eq!(
        refused(include_str!("../../tests/vectors/rsa.csr.pem")),
        CsrError::Key(KeyError::Algorithm { algorithm: "RSA".into() })
    );
    assert_eq!(
        refused(include_str!("../../tests/vectors/compressed.csr.pem")),
        CsrError::Key(KeyError::CompressedPoint)
    );
    assert_eq!(
        refused(include_str!("../../tests/vectors/p384.csr.pem")),
        CsrError::Key(KeyError::Curve { curve: "P-384".into(), accepted: "P-256" })
    );
    let p521 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap();
    let params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    let der = params.serialize_request(&p521).unwrap().der().to_vec();
    assert_eq!(
        Csr::parse(&der).unwrap_err(),
        CsrError::Key(KeyError::Curve { curve: "P-521".into(), accepted: "P-256" })
    );
}

#[test]
fn requests_to_become_an_authority_are_refused() {
    let by_constraints = CsrError::Authority { asked: "basicConstraints CA:TRUE" };
    let der = vector(include_str!("../../tests/vectors/ca-true.csr.pem"));
    assert_eq!(Csr::parse(&der).unwrap_err(), by_constraints);
    let der = foreign(|p| p.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained));
    assert_eq!(Csr::parse(&der).unwrap_err(), by_constraints);
    let der = foreign(|p| p.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign]);
    assert!(matches!(Csr::parse(&der), Err(CsrError::Authority { .. })));
    let der = foreign(|p| p.is_ca = IsCa::ExplicitNoCa);
    assert!(Csr::parse(&der).is_ok());
}

#[test]
fn usages_and_challenge_passwords_are_tolerated_and_ignored() {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Example");
    params.subject_alt_names = vec![dns("room-1.example.com")];
    params.key_usages =
        vec![rcgen::KeyUsagePurpose::DigitalSignature, rcgen::KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let must_staple: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 24];
    params.custom_extensions = vec![extension(must_staple, false, &[0x30, 0x03, 0x02, 0x01, 0x05])];
    let password = tlv(0x31, &[&tlv(0x0c, &[b"secret"])]);
    let attribute = Attribute { oid: &[1, 2, 840, 113_549, 1, 9, 7], values: password };
    let der = params.serialize_request_with_attributes(&key(), vec![attribute]).unwrap();
    assert_eq!(Csr::parse(der.der()).unwrap().identifiers(), named(&["dns:room-1.example.com"]));
}

#[test]
fn critical_extensions_that_are_not_understood_are_refused() {
    let der = foreign(|p| p.custom_extensions = vec![extension(&[1, 2, 3, 4], true, &[5, 0])]);
    assert_eq!(Csr::parse(&der).unwrap_err(), CsrError::CriticalExtension { oid: "1.2.3.4".into() });
    let der = foreign(|p| p.custom_extensions = vec![extension(&[1, 2, 3, 4], false, &[5, 0])]);
    assert!(Csr::parse(&der).is_ok());
}

#[test]
fn duplicate_extensions_and_requests_are_refused() {
    let names = tlv(SEQUENCE, &[&tlv(0x82, &[b"evil.example.com"])]);
    let der = foreign(|p| p.custom_extensions = vec![extension(&[2, 5, 29, 17], false, &names)]);
    assert_eq!(Csr::parse(&der).unwrap_err(), CsrError::Duplicate { oid: "2.5.29.17".into() });

    let san = tlv(SEQUENCE, &[&object_identifier(&[2, 5, 29, 17]), &tlv(OCTET_STRING, &[&names])]);
    let second =
        Attribute { oid: &[1, 2, 840, 113_549, 1, 9, 14], values: tlv(0x31, &[&tlv(SEQUENCE, &[&san])]) };
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![dns("room-1.example.com")];
    let der = params.serialize_request_with_attributes(&key(), vec![second]).unwrap();
    assert_eq!(
        Csr::parse(der.der()).unwrap_err(),
        CsrError::Duplicate { oid: "1.2.840.113549.1.9.14".into() }
    );
}

#[test]
fn the_common_name_is_one_of_the_names() {
    let with_cn = |cn: &str| {
        let der = foreign(|p| p.distinguished_name.push(DnType::CommonName, cn));
        Csr::parse(&der)
    };
    assert_eq!(with_cn("Room-1.Example.com").unwrap().identifiers(), named(&["dns:room-1.example.com"]));
    let two = with_cn("evil.example.com").unwrap();
    assert_eq!(
        two.check_identifiers(&named(&["dns:room-1.example.com"])),
        Err(CsrError::Identifiers { missing: vec![], extra: named(&["dns:evil.example.com"]) })
    );
    assert!(matches!(with_cn("Meeting room 1"), Err(CsrError::Name { field: "common name", .. })));
    let only = foreign(|p| {
        p.subject_alt_names.clear();
        p.distinguished_name.push(DnType::CommonName, "alice@example.com");
    });
    assert_eq!(Csr::parse(&only).unwrap().identifiers(), named(&["email:alice@example.com"]));
    let none = foreign(|p| p.subject_alt_names.clear());
    assert_eq!(Csr::parse(&none), Err(CsrError::NoNames));
}

#[test]
fn names_that_are_not_certified_are_refused() {
    let refused = |san: SanType| Csr::parse(&foreign(|p| p.subject_alt_names.push(san))).unwrap_err();
    let ip = SanType::IpAddress("192.0.2.1".parse().unwrap());
    assert_eq!(refused(ip), CsrError::NameKind { kind: "iPAddress" });
    assert!(matches!(refused(dns("a_b.example")), CsrError::Name { .. }));
    assert!(matches!(refused(dns("localhost")), CsrError::Name { .. }));
    let url = SanType::URI("https://a.example/".try_into().unwrap());
    assert!(matches!(refused(url), CsrError::Name { .. }));
    let other = SanType::OtherName((vec![1, 2, 3], rcgen::OtherNameValue::Utf8String("x".into())));
    assert_eq!(refused(other), CsrError::NameKind { kind: "otherName" });
}

#[test]
fn differences_from_the_order_are_listed_both_ways() {
    let der = create_csr(&key(), &named(&["dns:a.example", "dns:b.example"])).unwrap();
    let csr = Csr::parse(&der).unwrap();
    csr.check_identifiers(&named(&["dns:b.example", "dns:a.example"])).unwrap();
    let fault = csr.check_identifiers(&named(&["dns:b.example", "dns:c.example"])).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "the request's names differ from the order's: missing dns:c.example, extra dns:a.example"
    );
}

#[test]
fn bytes_around_the_request_are_noticed() {
    let der = foreign(|_| {});
    assert!(Csr::parse(&der).is_ok());
    let mut longer = der.clone();
    longer.extend_from_slice(&[0, 0]);
    assert_eq!(Csr::parse(&longer), Err(CsrError::TrailingData { octets: 2 }));
    assert_eq!(Csr::parse(&der[..der.len() - 1]), Err(CsrError::NotPkcs10));
    assert_eq!(Csr::parse(&[]), Err(CsrError::NotPkcs10));
    assert_eq!(Csr::parse(b"-----BEGIN CERTIFICATE REQUEST-----"), Err(CsrError::Pem));
    assert_eq!(Csr::parse(&vec![0x30; MAX_CSR + 1]), Err(CsrError::TooBig { length: MAX_CSR + 1 }));
}

#[test]
fn a_request_signed_by_another_key_is_refused() {
    let (one, other) = (foreign(|_| {}), foreign(|_| {}));
    let parts = |der: &[u8]| {
        let content = crate::asn1::sequence_content(der).unwrap().to_vec();
        let (info, rest) = crate::asn1::take_element(&content).unwrap();
        (info.whole.to_vec(), rest.to_vec())
    };
    let mixed = tlv(SEQUENCE, &[&parts(&one).0, &parts(&other).1]);
    assert_eq!(Csr::parse(&mixed), Err(CsrError::BadSignature));
}

#[test]
fn no_single_changed_octet_gets_another_key_or_name_through() {
    let der = foreign(|_| {});
    let csr = Csr::parse(&der).unwrap();
    for at in 0..der.len() {
        let mut changed = der.clone();
        changed[at] ^= 0x01;
        if let Ok(other) = Csr::parse(&changed) {
            assert_eq!(
                (other.public_key(), other.identifiers()),
                (csr.public_key(), csr.identifiers()),
                "{at}"
            );
        }
    }
}
