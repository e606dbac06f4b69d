//! An `OCSPRequest` (RFC 6960 §4.1), from anybody who reaches the responder.

use certs::ocsp::{
    CertificateStatus, MOST_CERTIFICATES, MOST_OCTETS, Request, ResponseRequest, SingleResponse, response_tbs,
};
use time::OffsetDateTime;

use super::Outcome;
use super::der::{SEQUENCE, sequence, take, tlv};
use super::support::contains;

/// A request that is taken is bounded in every part, asks for what stands in its octets, is taken again when it is built anew from what was read, and is
/// repeated octet for octet in an answer.
pub fn check(input: &[u8]) -> Outcome {
    let request = match Request::parse(input) {
        Ok(request) => request,
        Err(fault) => {
            assert!(!fault.to_string().chars().any(char::is_control), "{fault}");
            return Outcome::Refused;
        }
    };
    assert!(input.len() <= MOST_OCTETS);
    assert!((1..=MOST_CERTIFICATES).contains(&request.certificates.len()));
    if let Some(nonce) = &request.nonce {
        assert!((1..=128).contains(&nonce.len()) && contains(input, nonce));
    }
    let mut list = Vec::new();
    for certificate in &request.certificates {
        let length = certificate.algorithm().length();
        assert_eq!((certificate.name_hash().len(), certificate.key_hash().len()), (length, length));
        assert!((1..=21).contains(&certificate.serial_content().len()));
        assert!(contains(input, certificate.der()), "what is repeated is what was sent");
        assert!(take(certificate.der()).is_some_and(|whole| whole.rest.is_empty()));
        list.extend(tlv(SEQUENCE, certificate.der()));
    }
    let again = tlv(SEQUENCE, &tlv(SEQUENCE, &tlv(SEQUENCE, &list)));
    let read = Request::parse(&again);
    assert_eq!(read.map(|read| read.certificates).as_ref(), Ok(&request.certificates), "read alike twice");
    answer(&request);
    Outcome::Accepted
}

fn answer(request: &Request) {
    let Ok(key) = certs::key::PublicKey::from_spki_der(&SPKI) else { unreachable!("a key on P-256") };
    let now = OffsetDateTime::UNIX_EPOCH;
    let single = |certificate| SingleResponse {
        certificate,
        status: CertificateStatus::Good,
        this_update: now,
        next_update: now,
    };
    let responses: Vec<_> = request.certificates.iter().map(single).collect();
    let nonce = request.nonce.as_deref();
    let tbs =
        response_tbs(&ResponseRequest { responder: &key, produced_at: now, responses: &responses, nonce });
    assert!(sequence(&tbs).is_some());
    assert!(request.certificates.iter().all(|certificate| contains(&tbs, certificate.der())));
}

/// The base point of P-256, which is as good a key as any to be named.
const SPKI: [u8; 91] = *include_bytes!("p256-base-point.der");
