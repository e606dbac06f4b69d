use std::collections::BTreeSet;

use time::{Duration, OffsetDateTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::*;
use crate::key::{KeyKind, SigningKey};
use crate::leaf::LeafUrls;
use crate::leaf::{Proof, Validity, ValidityError};
use crate::samples::{Authority, NOW, device, guest, identifier, url, user};
use crate::tbs::{AssembleError, assemble, check_same_tbs, tbs_of};

fn key() -> SigningKey {
    SigningKey::generate(KeyKind::P256).unwrap()
}

fn oids(certificate: &X509Certificate<'_>) -> Vec<(String, bool)> {
    certificate.iter_extensions().map(|e| (e.oid.to_id_string(), e.critical)).collect()
}

#[test]
fn a_device_leaf_has_exactly_the_documented_extensions() {
    let ca = Authority::new("external");
    let key = key();
    let leaf = ca.leaf(&device(), &[identifier("dns:room-1.example.com")], &key, |_| {});
    let (rest, parsed) = X509Certificate::from_der(&leaf).unwrap();
    assert!(rest.is_empty());
    assert_eq!(parsed.subject().to_string(), "CN=room-1.example.com");
    assert_eq!(parsed.issuer().as_raw(), ca.issuer.subject_der());
    assert_eq!(parsed.public_key().raw, key.public().spki_der());
    assert_eq!(
        oids(&parsed),
        [
            ("2.5.29.35".to_owned(), false),
            ("2.5.29.17".to_owned(), false),
            ("2.5.29.15".to_owned(), true),
            ("2.5.29.37".to_owned(), false),
            ("2.5.29.31".to_owned(), false),
            ("2.5.29.14".to_owned(), false),
            ("1.3.6.1.5.5.7.1.1".to_owned(), false),
            ("2.5.29.32".to_owned(), false),
        ]
    );
    let usage = parsed.key_usage().unwrap().unwrap().value;
    assert_eq!(usage.flags, 1, "digitalSignature alone");
    assert!(parsed.basic_constraints().unwrap().is_none());
    assert_eq!(parsed.signature_algorithm, parsed.tbs_certificate.signature);
}

#[test]
fn identifiers_and_links_are_those_of_the_request() {
    let ca = Authority::new("external");
    let leaf = ca.leaf(&user(), &[identifier("email:alice@example.com")], &key(), |_| {});
    let report = crate::inspect::inspect_certificate(&leaf).unwrap();
    assert_eq!(report.names, ["email:alice@example.com"]);
    assert_eq!(report.extended_key_usages, ["client-auth", "email-protection"]);
    assert_eq!(report.crl_urls, ["http://ca.example/issuing.crl"]);
    assert_eq!(report.ca_issuers_urls, ["http://ca.example/issuing.der"]);
    assert_eq!(report.ocsp_urls, Vec::<String>::new());
    assert_eq!(report.proofs, [Proof::Sso01]);
    let issuers = data_encoding::HEXLOWER.encode(ca.issuer.subject_key_identifier());
    assert_eq!(report.authority_key_identifier, Some(issuers));
    assert_eq!(report.serial.len(), 40);
}

#[test]
fn ocsp_and_several_proofs_are_written_when_given() {
    let ca = Authority::new("external");
    let proofs = BTreeSet::from([Proof::Dns01, Proof::DnsPersist01]);
    let urls = LeafUrls { ocsp: Some(url("http://ca.example/ocsp")), ..crate::samples::urls() };
    let leaf = ca.leaf(&device(), &[identifier("dns:*.example.com")], &key(), |request| {
        // The closure's request lives shorter than these; leak them for the test.
        request.proofs = Box::leak(Box::new(proofs.clone()));
        request.urls = Box::leak(Box::new(urls.clone()));
    });
    let report = crate::inspect::inspect_certificate(&leaf).unwrap();
    assert_eq!(report.ocsp_urls, ["http://ca.example/ocsp"]);
    assert_eq!(report.proofs, [Proof::Dns01, Proof::DnsPersist01]);
}

#[test]
fn common_names_follow_the_rule_and_an_absent_subject_makes_the_names_critical() {
    let ca = Authority::new("external");
    let long = format!("dns:{}.{}.example.com", "a".repeat(60), "b".repeat(10));
    let leaf = ca.leaf(&device(), &[identifier(&long)], &key(), |_| {});
    let (_, parsed) = X509Certificate::from_der(&leaf).unwrap();
    assert_eq!(parsed.subject().to_string(), "");
    assert!(parsed.subject_alternative_name().unwrap().unwrap().critical);

    let mut profile = device();
    profile.subject = SubjectRule::PreferredDomain;
    let domain = crate::name::DnsName::parse("example.com").unwrap();
    let leaf = ca.leaf(&profile, &[identifier("dns:a.example.com")], &key(), |request| {
        request.preferred_domain = Some(Box::leak(Box::new(domain.clone())));
    });
    assert_eq!(crate::inspect::inspect_certificate(&leaf).unwrap().subject, "CN=example.com");

    let urn = "uri:urn:uuid:abababab-abab-abab-abab-abababababab";
    let mut profile = guest();
    profile.subject = SubjectRule::None;
    let leaf = ca.leaf(&profile, &[identifier(urn)], &key(), |_| {});
    let report = crate::inspect::inspect_certificate(&leaf).unwrap();
    assert_eq!((report.subject.as_str(), report.names), ("", vec![urn.to_owned()]));
    assert_eq!(report.proofs, [Proof::Anonymous]);
}

#[test]
fn a_server_profile_has_server_auth_and_no_policy() {
    let ca = Authority::new("external");
    let mut profile = device();
    profile.extended_key_usages = [ExtendedKeyUsage::ServerAuth].into();
    profile.policy = PolicyRule::None;
    let leaf = ca.leaf(&profile, &[identifier("dns:ca.example.com")], &key(), |_| {});
    let report = crate::inspect::inspect_certificate(&leaf).unwrap();
    assert_eq!(report.extended_key_usages, ["server-auth"]);
    assert!(report.proofs.is_empty() && !report.extensions.iter().any(|e| e.oid == "2.5.29.32"));
}

#[test]
fn a_responder_profile_has_ocsp_signing_and_no_check_and_no_file_can_have_it() {
    let ca = Authority::new("external");
    let mut profile = device();
    profile.extended_key_usages = [ExtendedKeyUsage::OcspSigning].into();
    profile.policy = PolicyRule::None;
    let leaf = ca.leaf(&profile, &[identifier("dns:ca.example.com")], &key(), |_| {});
    let (_, parsed) = X509Certificate::from_der(&leaf).unwrap();
    let usage = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.ocsp_signing && !usage.client_auth && !usage.any);
    let no_check = parsed.iter_extensions().find(|e| e.oid.to_id_string() == "1.3.6.1.5.5.7.48.1.5").unwrap();
    assert_eq!((no_check.critical, no_check.value), (false, &[5, 0][..]));
    for text in ["\"ocsp-signing\"", "\"OcspSigning\""] {
        assert!(serde_json::from_str::<ExtendedKeyUsage>(text).is_err());
    }
}

#[test]
fn the_twin_has_the_same_bytes_and_a_worthless_signature() {
    let ca = Authority::new("external");
    let (profile, key) = (device(), key());
    let identifiers = [identifier("dns:room-1.example.com")];
    let mut first = None;
    let leaf = ca.leaf(&profile, &identifiers, &key, |request| {
        let tbs = leaf_tbs(request, &ca.issuer, &ca.twin).unwrap();
        let again = leaf_tbs(request, &ca.issuer, &ca.twin).unwrap();
        assert_eq!(tbs.der(), again.der(), "the bytes are deterministic");
        first = Some(tbs);
    });
    let tbs = first.unwrap();
    assert_eq!(tbs_of(tbs.twin_der()), Some(tbs.der()));
    check_same_tbs(&leaf, tbs.der()).unwrap();
    let (_, twin) = X509Certificate::from_der(tbs.twin_der()).unwrap();
    assert!(!crate::issuer::is_signed_by(&twin, ca.issuer.public_key()));
    let mut other = tbs.der().to_vec();
    *other.last_mut().unwrap() ^= 1;
    assert_eq!(check_same_tbs(&leaf, &other), Err(AssembleError::Differs));
}

#[test]
fn only_the_issuers_signature_over_these_bytes_is_assembled() {
    let ca = Authority::new("external");
    let identifiers = [identifier("dns:room-1.example.com")];
    ca.leaf(&device(), &identifiers, &key(), |request| {
        let tbs = leaf_tbs(request, &ca.issuer, &ca.twin).unwrap();
        let by_another = key().sign(tbs.der()).unwrap();
        let refused = assemble(tbs.der(), &by_another, ca.issuer.public_key());
        assert_eq!(refused, Err(AssembleError::Signature));
        let p384 = SigningKey::generate(KeyKind::P384).unwrap();
        let wrong_kind = assemble(tbs.der(), &p384.sign(tbs.der()).unwrap(), p384.public());
        assert_eq!(wrong_kind, Err(AssembleError::Algorithm(KeyKind::P384)));
        assert_eq!(assemble(b"x", &by_another, ca.issuer.public_key()), Err(AssembleError::NotTbs));
    });
}

#[test]
fn a_p384_issuer_signs_with_sha384() {
    let ca = Authority::with_kinds("external", KeyKind::P256, KeyKind::P384);
    let leaf = ca.leaf(&device(), &[identifier("dns:room-1.example.com")], &key(), |_| {});
    let report = crate::inspect::inspect_certificate(&leaf).unwrap();
    assert_eq!(report.signature_algorithm, "ecdsa-with-SHA384");
    assert_eq!(report.key, "ECDSA P-256");
}

/// What `check` says about a sample request after `change`.
fn refusal(change: impl FnOnce(&mut LeafRequest<'_>, &Authority)) -> LeafError {
    let ca = Authority::new("external");
    let mut refused = None;
    ca.leaf(&device(), &[identifier("dns:room-1.example.com")], &key(), |request| {
        let mut changed = *request;
        change(&mut changed, &ca);
        refused = leaf_tbs(&changed, &ca.issuer, &ca.twin).err();
    });
    refused.unwrap()
}

fn leaked<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

#[test]
fn requests_that_do_not_fit_their_profile_are_refused() {
    let profile = || "sample".to_owned();
    assert_eq!(refusal(|r, _| r.identifiers = &[]), LeafError::NoIdentifiers);
    let twice = leaked([identifier("dns:a.example"), identifier("dns:A.example")]);
    assert_eq!(refusal(|r, _| r.identifiers = twice), LeafError::Duplicate(identifier("dns:a.example")));
    let mail = leaked([identifier("email:a@b.example")]);
    assert_eq!(
        refusal(|r, _| r.identifiers = mail),
        LeafError::KindNotAllowed { profile: profile(), kind: crate::identifier::IdentifierKind::Email }
    );
    let many = leaked((0..11).map(|n| identifier(&format!("dns:a{n}.example"))).collect::<Vec<_>>());
    assert_eq!(
        refusal(|r, _| r.identifiers = many),
        LeafError::TooManyIdentifiers { profile: profile(), count: 11, max: 10 }
    );
    let mut strict = device();
    strict.wildcards = false;
    let strict = leaked(strict);
    let wild = leaked([identifier("dns:*.a.example")]);
    assert!(matches!(
        refusal(|r, _| {
            r.profile = strict;
            r.identifiers = wild;
        }),
        LeafError::Wildcard { .. }
    ));
    let mut demanding = device();
    demanding.identifiers.insert(crate::identifier::IdentifierKind::Uri);
    demanding.required_identifiers.insert(crate::identifier::IdentifierKind::Uri);
    let demanding = leaked(demanding);
    assert!(matches!(refusal(|r, _| r.profile = demanding), LeafError::KindMissing { .. }));
    let none = leaked(BTreeSet::new());
    assert_eq!(refusal(|r, _| r.proofs = none), LeafError::Proof { profile: profile(), proof: None });
    let wrong = leaked(BTreeSet::from([Proof::Token]));
    assert_eq!(
        refusal(|r, _| r.proofs = wrong),
        LeafError::Proof { profile: profile(), proof: Some(Proof::Token) }
    );
}

#[test]
fn keys_and_times_that_do_not_fit_are_refused() {
    let p384 = leaked(SigningKey::generate(KeyKind::P384).unwrap());
    assert_eq!(refusal(|r, _| r.public_key = p384.public()), LeafError::KeyKind(KeyKind::P384));
    let own = |r: &mut LeafRequest<'_>, ca: &Authority| r.public_key = leaked(ca.key.public().clone());
    assert_eq!(refusal(own), LeafError::IssuersKey);
    let until = |days: i64| Validity { not_before: NOW, not_after: NOW + Duration::days(days) };
    assert_eq!(refusal(|r, _| r.validity = until(0)), LeafError::Reversed);
    assert!(matches!(refusal(|r, _| r.validity = until(31)), LeafError::TooLong { .. }));
    let mut long = device();
    long.max_lifetime = std::time::Duration::from_secs(10_000 * 86_400);
    let long = leaked(long);
    assert!(matches!(
        refusal(|r, _| {
            r.profile = long;
            r.validity = until(5000);
        }),
        LeafError::OutlivesIssuer { .. }
    ));
}

#[test]
fn validity_follows_profile_and_order() {
    let profile = device();
    let later = |seconds: i64| -> Option<OffsetDateTime> { Some(NOW + Duration::seconds(seconds)) };
    let now = NOW + Duration::milliseconds(700);
    let default = profile.validity(now, None, None).unwrap();
    let expected = Validity { not_before: NOW - Duration::minutes(1), not_after: NOW + Duration::days(7) };
    assert_eq!(default, expected);
    let asked = profile.validity(now, later(-300), later(3600)).unwrap();
    assert_eq!(Some(asked.not_before), later(-300));
    assert_eq!(Some(asked.not_after), later(3600));
    assert_eq!(profile.validity(now, later(-301), None), Err(ValidityError::BeginsInThePast));
    assert_eq!(profile.validity(now, None, later(0)), Err(ValidityError::Reversed));
    assert_eq!(profile.validity(now, later(60), later(60)), Err(ValidityError::Reversed));
    let max_seconds = 30 * 86_400;
    assert!(profile.validity(now, None, later(30 * 86_400)).is_ok());
    assert_eq!(
        profile.validity(now, None, later(30 * 86_400 + 1)),
        Err(ValidityError::TooLong { max_seconds })
    );
    assert_eq!(
        profile.validity(now, later(1), later(30 * 86_400 + 1)),
        Err(ValidityError::TooLong { max_seconds })
    );
    let last = Some(::time::macros::datetime!(9999-12-31 23:59:59 UTC));
    assert_eq!(profile.validity(now, last, None), Err(ValidityError::TooLong { max_seconds }));
    assert_eq!(profile.validity(now, None, last), Err(ValidityError::TooLong { max_seconds }));
    let issuer = Authority::new("external");
    for validity in [default, asked, profile.validity(now, None, later(30 * 86_400)).unwrap()] {
        issuer.leaf(&profile, &[identifier("dns:a.example")], &key(), |r| r.validity = validity);
    }
}
