//! A certificate as it should be, made with `rcgen` alone, and ways to spoil it: what the tests of the rules share.
//! Never compiled into the product.

use std::collections::BTreeSet;

use certs::identifier::Identifier;
use certs::issuer::Issuer;
use certs::key::PublicKey;
use certs::leaf::{LeafProfile, Proof};
use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::{Finding, LintContext, lint};
use crate::profiles::{Profiles, SHIPPED};

pub(super) const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);
pub(super) const CRL: &str = "http://ca.example/issuing.crl";
pub(super) const CA_ISSUERS: &str = "http://ca.example/issuing.der";

pub(super) struct Sample {
    pub(super) profile: LeafProfile,
    pub(super) identifiers: Vec<Identifier>,
    pub(super) proofs: BTreeSet<Proof>,
    pub(super) key: KeyPair,
    spki: Vec<u8>,
    issuer_params: CertificateParams,
    issuer_key: KeyPair,
    issuer: Issuer,
}

impl Sample {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let issuer_key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let mut issuer_params = CertificateParams::default();
        issuer_params.distinguished_name = DistinguishedName::new();
        issuer_params.distinguished_name.push(DnType::CommonName, "Example issuing");
        issuer_params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        issuer_params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        issuer_params.not_before = NOW - Duration::days(30);
        issuer_params.not_after = NOW + Duration::days(1000);
        let issuer_der = issuer_params.self_signed(&issuer_key).unwrap().der().clone();
        Self {
            profile: Profiles::parse(SHIPPED).unwrap().named("device").unwrap().clone(),
            identifiers: vec![
                Identifier::from_parts("dns", "room-1.example.com").unwrap(),
                Identifier::from_parts("dns", "*.rooms.example.com").unwrap(),
            ],
            proofs: BTreeSet::from([Proof::Dns01]),
            spki: key.subject_public_key_info(),
            key,
            issuer: Issuer::from_chain(vec![issuer_der]).unwrap(),
            issuer_params,
            issuer_key,
        }
    }

    pub(super) fn context(&self) -> LintContext<'_> {
        LintContext {
            profile: &self.profile,
            identifiers: &self.identifiers,
            proofs: &self.proofs,
            preferred_domain: None,
            public_key: &self.spki,
            issuer_name: self.issuer.subject_der(),
            issuer_key_identifier: self.issuer.subject_key_identifier(),
            issuer_key_kind: self.issuer.kind(),
            issuer_not_after: Some(self.issuer.not_after()),
            crl: Some(CRL),
            ca_issuers: CA_ISSUERS,
            ocsp: None,
            now: Some(NOW),
        }
    }

    pub(super) fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from_slice(&[0x55; 20]));
        params.not_before = NOW - Duration::minutes(1);
        params.not_after = NOW + Duration::days(7);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "room-1.example.com");
        params.subject_alt_names = vec![dns("room-1.example.com"), dns("*.rooms.example.com")];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![CRL.to_owned()] }];
        let identifier = PublicKey::from_spki_der(&self.spki).unwrap().key_identifier();
        params.custom_extensions = vec![
            extension(&[2, 5, 29, 14], tlv(0x04, &identifier)),
            information_access(&[(2, CA_ISSUERS)]),
            policies(&[Proof::Dns01]),
        ];
        params
    }

    pub(super) fn sign(&self, params: &CertificateParams, key: &impl PublicKeyData) -> Vec<u8> {
        let issuer = rcgen::Issuer::from_params(&self.issuer_params, &self.issuer_key);
        params.signed_by(key, &issuer).unwrap().der().to_vec()
    }
}

/// What a rule says about a certificate whose parameters were changed.
pub(super) fn found(rule: &str, change: impl FnOnce(&mut CertificateParams)) -> Vec<String> {
    let sample = Sample::new();
    let mut params = sample.params();
    change(&mut params);
    of(rule, lint(&sample.sign(&params, &sample.key), &sample.context()))
}

/// What a rule says about a certificate whose bytes were changed.
pub(super) fn found_in_bytes(rule: &str, change: impl FnOnce(&mut Vec<u8>)) -> Vec<String> {
    let sample = Sample::new();
    let mut der = sample.sign(&sample.params(), &sample.key);
    change(&mut der);
    of(rule, lint(&der, &sample.context()))
}

/// What a rule says about a good certificate when something else was ordered.
pub(super) fn found_with(rule: &str, change: impl FnOnce(&mut LintContext<'_>)) -> Vec<String> {
    let sample = Sample::new();
    let der = sample.sign(&sample.params(), &sample.key);
    let mut context = sample.context();
    change(&mut context);
    of(rule, lint(&der, &context))
}

pub(super) fn of(rule: &str, findings: Vec<Finding>) -> Vec<String> {
    findings.into_iter().filter(|finding| finding.rule == rule).map(|finding| finding.detail).collect()
}

/// Replaces the only occurrence of `from`.
pub(super) fn patch(der: &mut [u8], from: &[u8], to: &[u8]) {
    let places: Vec<usize> =
        der.windows(from.len()).enumerate().filter(|(_, window)| *window == from).map(|(at, _)| at).collect();
    assert_eq!((places.len(), from.len()), (1, to.len()));
    der[places[0]..places[0] + to.len()].copy_from_slice(to);
}

pub(super) fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

pub(super) fn extension(oid: &[u64], content: Vec<u8>) -> CustomExtension {
    CustomExtension::from_oid_content(oid, content)
}

/// `authorityInfoAccess` with these access methods below `id-ad` and these URIs.
pub(super) fn information_access(entries: &[(u8, &str)]) -> CustomExtension {
    let mut content = Vec::new();
    for (method, uri) in entries {
        let oid = tlv(0x06, &[0x2b, 6, 1, 5, 5, 7, 48, *method]);
        content.extend(tlv(0x30, &[oid, tlv(0x86, uri.as_bytes())].concat()));
    }
    extension(&[1, 3, 6, 1, 5, 5, 7, 1, 1], tlv(0x30, &content))
}

pub(super) fn policies(proofs: &[Proof]) -> CustomExtension {
    let mut content = Vec::new();
    for proof in proofs {
        let arcs: Vec<u64> = proof.oid().split('.').map(|arc| arc.parse().unwrap()).collect();
        content.extend(tlv(0x30, &tlv(0x06, &oid(&arcs))));
    }
    extension(&[2, 5, 29, 32], tlv(0x30, &content))
}

/// Base-128 content octets of an object identifier.
fn oid(arcs: &[u64]) -> Vec<u8> {
    let mut content = vec![u8::try_from(arcs[0] * 40 + arcs[1]).unwrap()];
    for arc in &arcs[2..] {
        let mut octets = vec![u8::try_from(arc & 0x7f).unwrap()];
        let mut rest = arc >> 7;
        while rest > 0 {
            octets.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
            rest >>= 7;
        }
        content.extend(octets.iter().rev());
    }
    content
}

pub(super) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    let head = if length < 0x80 { vec![tag, length] } else { vec![tag, 0x81, length] };
    [&head, content].concat()
}
