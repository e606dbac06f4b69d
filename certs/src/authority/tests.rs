use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::*;
use crate::issuer::IssuerError;
use crate::key::KeyKind;
use crate::pem::encode_chain;
use crate::samples::{Authority, device, identifier, request};

#[test]
fn a_root_is_a_self_signed_authority() {
    for kind in [KeyKind::P256, KeyKind::P384] {
        let key = SigningKey::generate(kind).unwrap();
        let der = root(&request("Example root", 1, 3650), &key).unwrap();
        let (_, parsed) = X509Certificate::from_der(&der).unwrap();
        assert_eq!(parsed.subject().to_string(), "O=Example Org, CN=Example root");
        assert_eq!(parsed.subject().as_raw(), parsed.issuer().as_raw());
        assert!(crate::issuer::is_signed_by(&parsed, key.public()));
        let constraints = parsed.basic_constraints().unwrap().unwrap();
        assert!(constraints.critical && constraints.value.ca);
        assert_eq!(constraints.value.path_len_constraint, None);
        let usage = parsed.key_usage().unwrap().unwrap();
        assert!(usage.critical && usage.value.key_cert_sign() && usage.value.crl_sign());
        assert!(!usage.value.digital_signature());
        assert!(parsed.name_constraints().unwrap().is_none());
    }
}

#[test]
fn an_intermediate_signs_leaves_only() {
    let ca = Authority::new("external");
    let (_, parsed) = X509Certificate::from_der(&ca.issuer.chain()[0]).unwrap();
    let constraints = parsed.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && constraints.value.ca);
    assert_eq!(constraints.value.path_len_constraint, Some(0));
    assert!(parsed.name_constraints().unwrap().is_none());
    let report = crate::inspect::inspect_certificate(&ca.issuer.chain()[0]).unwrap();
    assert_eq!(report.other_policies, ["2.5.29.32.0"]);
    let roots = data_encoding::HEXLOWER.encode(&ca.root_key.public().key_identifier());
    assert_eq!(report.authority_key_identifier, Some(roots));
    assert_eq!(report.crl_urls, ["http://ca.example/root.crl"]);
    assert_eq!(ca.issuer.display_name(), "external issuing");
}

#[test]
fn requests_that_make_no_authority_are_refused() {
    let ca = Authority::new("external");
    let root_issuer = Issuer::from_chain(vec![ca.root.clone()]).unwrap();
    let urls = AuthorityUrls::default();
    let make = |request: &AuthorityRequest, key: &PublicKey, root_key: &SigningKey| {
        intermediate(request, &urls, key, &root_issuer, root_key).unwrap_err()
    };
    let fresh = SigningKey::generate(KeyKind::P256).unwrap();
    let good = request("x", 3, 100);
    assert_eq!(make(&good, fresh.public(), &ca.key), AuthorityError::WrongRootKey);
    assert_eq!(make(&good, ca.root_key.public(), &ca.root_key), AuthorityError::SameKey);
    let long = make(&request("x", 3, 3651), fresh.public(), &ca.root_key);
    assert_eq!(long, AuthorityError::OutlivesRoot { root_not_after: root_issuer.not_after() });
    assert_eq!(make(&request("x", 3, -1), fresh.public(), &ca.root_key), AuthorityError::Reversed);
    let unnamed = root(&request("", 3, 1), &fresh).unwrap_err();
    assert_eq!(unnamed, AuthorityError::Name { field: "common name", length: 0 });
    let long_name = root(&request(&"ü".repeat(65), 3, 1), &fresh).unwrap_err();
    assert_eq!(long_name, AuthorityError::Name { field: "common name", length: 65 });
}

#[test]
fn issuers_are_read_from_a_chain_that_hangs_together() {
    let ca = Authority::new("external");
    let read = Issuer::from_pem(&encode_chain(ca.issuer.chain())).unwrap();
    assert_eq!(read.public_key(), ca.key.public());
    assert_eq!(read.chain().len(), 2);
    let other = Authority::new("other");
    let mixed = vec![ca.issuer.chain()[0].clone(), other.root.clone()];
    assert_eq!(Issuer::from_chain(mixed).unwrap_err(), IssuerError::NotChained { position: 1 });
    let leaf_key = SigningKey::generate(KeyKind::P256).unwrap();
    let leaf = ca.leaf(&device(), &[identifier("dns:a.example")], &leaf_key, |_| {});
    let refused = Issuer::from_chain(vec![leaf]).unwrap_err();
    assert!(matches!(refused, IssuerError::KeyUsage | IssuerError::NotAuthority { position: 1 }));
    assert_eq!(Issuer::from_chain(vec![]).unwrap_err(), IssuerError::Empty);
    let broken = Issuer::from_chain(vec![vec![0x30, 0].into()]).unwrap_err();
    assert_eq!(broken, IssuerError::Malformed { position: 1 });
}

/// Two organisational units, domain components, a PrintableString: none of it may be rewritten in what is issued.
#[test]
fn an_issuer_with_any_name_is_copied_byte_for_byte() {
    let key = SigningKey::generate(KeyKind::P256).unwrap();
    let der = root(&request("placeholder", 1, 3650), &key).unwrap();
    let attribute = |oid: &[u64], tag: u8, value: &str| {
        let pair = tlv(SEQUENCE, &[&object_identifier(oid), &tlv(tag, &[value.as_bytes()])]);
        tlv(0x31, &[&pair])
    };
    let name = tlv(
        SEQUENCE,
        &[
            &attribute(&[0, 9, 2342, 19_200_300, 100, 1, 25], 0x16, "com"),
            &attribute(&[0, 9, 2342, 19_200_300, 100, 1, 25], 0x16, "example"),
            &attribute(&[2, 5, 4, 11], 0x13, "Unit One"),
            &attribute(&[2, 5, 4, 11], 0x0c, "Unit Two"),
        ],
    );
    let old_name = Issuer::from_chain(vec![der.clone()]).unwrap().subject_der().to_vec();
    let tbs = crate::tbs::tbs_of(&der).unwrap();
    let renamed = replace_all(tbs_content(tbs), &old_name, &name);
    let tbs = tlv(SEQUENCE, &[&renamed]);
    let der = assemble(&tbs, &key.sign(&tbs).unwrap(), key.public()).unwrap();
    let issuer = Issuer::from_chain(vec![der]).unwrap();
    assert_eq!(issuer.subject_der(), name);
    let below = SigningKey::generate(KeyKind::P256).unwrap();
    let made =
        intermediate(&request("below", 2, 10), &AuthorityUrls::default(), below.public(), &issuer, &key)
            .unwrap();
    let (_, parsed) = X509Certificate::from_der(&made).unwrap();
    assert_eq!(parsed.issuer().as_raw(), name);
    assert!(Issuer::from_chain(vec![made, issuer.chain()[0].clone()]).is_ok());
}

fn tbs_content(tbs: &[u8]) -> &[u8] {
    crate::asn1::sequence_content(tbs).unwrap()
}

fn replace_all(haystack: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = haystack;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}

#[test]
fn a_request_gives_name_and_key_back_and_must_be_signed_by_its_key() {
    let key = SigningKey::generate(KeyKind::P256).unwrap();
    let der = create_request("Example issuing 2", Some("Example Org"), &key).unwrap();
    let read = IntermediateRequest::parse(&der).unwrap();
    assert_eq!(
        (read.common_name.as_str(), read.organization.as_deref()),
        ("Example issuing 2", Some("Example Org"))
    );
    assert_eq!(read.key, *key.public());
    let mut changed = der.clone();
    let at = der.windows(7).position(|window| window == b"Example").unwrap();
    changed[at] = b'e';
    assert_eq!(IntermediateRequest::parse(&changed), Err(crate::csr::CsrError::BadSignature));
    assert!(IntermediateRequest::parse(&[der.as_slice(), &[0]].concat()).is_err());
    assert!(create_request("", None, &key).is_err());
}

#[test]
fn only_a_certificate_of_this_key_below_this_root_and_in_force_may_issue() {
    let (ca, other) = (Authority::new("external"), Authority::new("other"));
    let root_issuer = Issuer::from_chain(vec![ca.root.clone()]).unwrap();
    let (key, good) = (ca.key.public(), ca.issuer.chain()[0].clone());
    let now = ca.issuer.not_before() + time::Duration::days(1);
    assert_eq!(fit(&good, &root_issuer, key, now).unwrap().subject_der(), ca.issuer.subject_der());
    assert_eq!(fit(&good, &root_issuer, other.key.public(), now).unwrap_err(), Unfit::Key);
    let before = ca.issuer.not_before() - time::Duration::days(1);
    assert_eq!(fit(&good, &root_issuer, key, before).unwrap_err(), Unfit::NotYet(ca.issuer.not_before()));
    let end = ca.issuer.not_after();
    assert_eq!(fit(&good, &root_issuer, key, end).unwrap_err(), Unfit::Ended(end));
    let strange = Issuer::from_chain(vec![other.root.clone()]).unwrap();
    let unsigned = fit(&good, &strange, key, now).unwrap_err();
    assert_eq!(unsigned, Unfit::Issuer(IssuerError::NotChained { position: 1 }));
    let itself = fit(&ca.root, &root_issuer, ca.root_key.public(), now).unwrap_err();
    assert_eq!(itself, Unfit::Name);
    // A second root of the same key: it may sign further authorities.
    let unlimited = root(&request("Second", 9, 100), &ca.root_key).unwrap();
    let unlimited =
        fit(&unlimited, &Issuer::from_chain(vec![unlimited.clone()]).unwrap(), ca.root_key.public(), now);
    assert!(unlimited.is_err());
}
