//! Parsers meet arbitrary and damaged input: they may refuse, they may not panic.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may")]

use certs::ari::CertId;
use certs::chain::{RevocationList, TrustSets};
use certs::csr::{Csr, create_csr};
use certs::inspect::{inspect_certificate, inspect_csr, inspect_pem};
use certs::issuer::Issuer;
use certs::key::{KeyKind, PublicKey, SigningKey};
use certs::pem::parse_certificates;
use certs::verdict::{State, verdict};
use proptest::prelude::*;
use time::OffsetDateTime;

fn request() -> Vec<u8> {
    let key = SigningKey::generate(KeyKind::P256).unwrap();
    create_csr(&key, &["dns:room-1.example.com".parse().unwrap(), "email:a@b.example".parse().unwrap()])
        .unwrap()
}

/// Changes, cuts or repeats parts of a good input, which gets deeper into a parser than random octets.
fn damaged(good: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let length = good.len();
    let edits = proptest::collection::vec((0..length, any::<u8>()), 1..6);
    (edits, 0..length, 0..length, any::<bool>()).prop_map(move |(edits, from, to, cut)| {
        let mut bytes = good.clone();
        for (at, value) in edits {
            bytes[at] = value;
        }
        if cut {
            bytes.drain(from.min(to)..from.max(to));
        }
        bytes
    })
}

fn feed(bytes: &[u8]) {
    let _ = Csr::parse(bytes);
    let _ = PublicKey::from_spki_der(bytes);
    let _ = SigningKey::from_pkcs8_der(bytes);
    let _ = SigningKey::from_sec1_der(bytes);
    let _ = inspect_certificate(bytes);
    let _ = inspect_csr(bytes).to_string();
    let _ = CertId::from_certificate(bytes);
    let _ = RevocationList::from_der(bytes);
    let certificate = bytes.to_vec().into();
    let trust = TrustSets::new();
    let judged = verdict(&[certificate], &trust, None, &[], OffsetDateTime::UNIX_EPOCH);
    assert_eq!(judged.state, State::Unverified);
    let _ = Issuer::from_chain(vec![bytes.to_vec().into()]);
    let _ = certs::tbs::tbs_of(bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_octets_are_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        feed(&bytes);
    }

    #[test]
    fn damaged_requests_are_refused_without_panic(bytes in damaged(request())) {
        feed(&bytes);
    }

    #[test]
    fn arbitrary_text_is_refused_without_panic(text in any::<String>()) {
        let _ = text.parse::<CertId>();
        let _ = parse_certificates(&text);
        let _ = inspect_pem(&text);
        let _ = inspect_pem(&format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"));
        let _ = SigningKey::from_pem(&text);
    }
}
