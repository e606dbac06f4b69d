//! Certificate requests (PKCS#10), as `certs` reads them for `finalize`.
//!
//! A changed request is no longer signed, so each is also tried with a key of ours put in and signed anew: only then do the
//! attributes and names of hostile requests get looked at.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use certs::csr::{Csr, CsrError, MAX_CSR, create_csr};
use certs::identifier::Identifier;
use certs::inspect::inspect_csr;
use certs::key::{KeyKind, PublicKey, SigningKey};

use super::support::{contains, is_tame};
use super::{Outcome, der};

/// A request that is taken has a P-256 key that stands in it, names somebody, names nobody who does not stand in it, each in one
/// spelling, and is bound to the order's names exactly.
pub fn check(input: &[u8]) -> Outcome {
    let outcome = check_one(input);
    if let Some(signed) = signed_anew(input) {
        let anew = check_one(&signed);
        if outcome == Outcome::Accepted && signed.len() <= MAX_CSR {
            assert_eq!(anew, Outcome::Accepted, "another key changes nothing");
        }
    }
    outcome
}

fn check_one(input: &[u8]) -> Outcome {
    let report = inspect_csr(input);
    assert!(is_tame(&report.to_string().replace('\n', "")), "{report:?}");
    let csr = match Csr::parse(input) {
        Ok(csr) => csr,
        Err(fault) => {
            assert_eq!((report.names.len(), &report.key), (0, &None), "a refused request is not believed");
            assert!(report.problem.is_some_and(|problem| !problem.is_empty()), "{fault}");
            return Outcome::Refused;
        }
    };
    assert_eq!(csr.public_key().kind(), KeyKind::P256);
    assert!(contains(input, csr.public_key().spki_der()), "the key certified is the one in the request");
    assert_eq!(PublicKey::from_spki_der(csr.public_key().spki_der()).as_ref(), Ok(csr.public_key()));
    assert_eq!(csr.digest().as_slice(), digest(&SHA256, input).as_ref());
    assert_eq!(report.problem, None);
    assert_eq!(report.names, csr.identifiers().iter().map(ToString::to_string).collect::<Vec<_>>());
    check_names(input, &csr);
    let longer = [input, &[0]].concat();
    if longer.len() <= MAX_CSR {
        assert_eq!(Csr::parse(&longer), Err(CsrError::TrailingData { octets: 1 }));
    }
    Outcome::Accepted
}

fn check_names(input: &[u8], csr: &Csr) {
    let names = csr.identifiers();
    assert!(!names.is_empty(), "a request for nobody must be refused");
    let lower = input.to_ascii_lowercase();
    for (at, identifier) in names.iter().enumerate() {
        assert!(!names.iter().skip(at + 1).any(|other| other == identifier), "each name once");
        let value = identifier.value();
        assert!(
            contains(&lower, value.to_ascii_lowercase().as_bytes()),
            "{value} does not stand in the request"
        );
        assert_eq!(identifier.to_string().parse::<Identifier>().as_ref(), Ok(identifier));
    }
    let reversed: Vec<Identifier> = names.iter().rev().cloned().collect();
    assert_eq!(csr.check_identifiers(&reversed), Ok(()), "the order of names does not matter");
    let [first, rest @ ..] = names else { return };
    let extra = CsrError::Identifiers { missing: Vec::new(), extra: vec![first.clone()] };
    assert_eq!(csr.check_identifiers(rest), Err(extra), "no name beyond the order's");
    let Ok(other) = "dns:not-in-the-request.example".parse::<Identifier>() else { return };
    if !names.contains(&other) {
        let more: Vec<Identifier> = names.iter().chain([&other]).cloned().collect();
        let missing = CsrError::Identifiers { missing: vec![other], extra: Vec::new() };
        assert_eq!(csr.check_identifiers(&more), Err(missing), "every name of the order");
    }
}

/// The same request for our key, signed by it; `None` if the input is not even an outline of one.
fn signed_anew(input: &[u8]) -> Option<Vec<u8>> {
    static KEY: LazyLock<Option<(SigningKey, Vec<u8>)>> = LazyLock::new(|| {
        let key = SigningKey::generate(KeyKind::P256).ok()?;
        let sample = create_csr(&key, &["dns:sample.example".parse().ok()?]).ok()?;
        // Of the sample only the signature's algorithm identifier is used.
        let after_info = der::take(der::sequence(&sample)?)?.rest;
        let algorithm = der::take(after_info)?.whole.to_vec();
        Some((key, algorithm))
    });
    let (key, algorithm) = KEY.as_ref()?;
    let info = der::sequence(der::sequence(input)?)?;
    let version = der::take(info)?;
    let subject = der::take(version.rest)?;
    let key_of_others = der::take(subject.rest)?;
    let info = [version.whole, subject.whole, key.public().spki_der(), key_of_others.rest].concat();
    let info = der::tlv(der::SEQUENCE, &info);
    let signature = [&[0], key.sign(&info).ok()?.as_slice()].concat();
    let signature = der::tlv(der::BIT_STRING, &signature);
    Some(der::tlv(der::SEQUENCE, &[info.as_slice(), algorithm, &signature].concat()))
}
