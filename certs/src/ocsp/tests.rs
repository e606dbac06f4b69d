use time::Duration;

use super::*;
use crate::asn1::{OCTET_STRING, SEQUENCE, object_identifier, sequence_content, take_element, tlv};
use crate::crl::RevocationReason;
use crate::key::{KeyKind, SigningKey};
use crate::samples::{Authority, NOW};
use crate::tbs::AssembleError;

const SHA1: &[u64] = &[1, 3, 14, 3, 2, 26];
const SHA256: &[u64] = &[2, 16, 840, 1, 101, 3, 4, 2, 1];
const NONCE: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 1, 2];
const UNKNOWN_EXTENSION: &[u64] = &[1, 3, 6, 1, 4, 1, 99_999, 1];

fn cert_id(algorithm: &[u64], name: &[u8], key: &[u8], serial: &[u8]) -> Vec<u8> {
    let algorithm = tlv(SEQUENCE, &[&object_identifier(algorithm), &[5, 0]]);
    let parts: [&[u8]; 4] =
        [&algorithm, &tlv(OCTET_STRING, &[name]), &tlv(OCTET_STRING, &[key]), &tlv(2, &[serial])];
    tlv(SEQUENCE, &parts)
}

fn sample(serial: &[u8]) -> Vec<u8> {
    cert_id(SHA1, &[1; 20], &[2; 20], serial)
}

fn extension(oid: &[u64], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
    tlv(SEQUENCE, &[&object_identifier(oid), critical, &tlv(OCTET_STRING, &[value])])
}

/// A request for these certificates; `more` stands after the list.
fn request(certificates: &[Vec<u8>], more: &[u8]) -> Vec<u8> {
    let list: Vec<u8> = certificates.iter().flat_map(|one| tlv(SEQUENCE, &[one])).collect();
    tlv(SEQUENCE, &[&tlv(SEQUENCE, &[&tlv(SEQUENCE, &[&list]), more])])
}

fn extensions(list: &[Vec<u8>]) -> Vec<u8> {
    tlv(0xa2, &[&tlv(SEQUENCE, &[&list.concat()])])
}

fn nonce(octets: &[u8]) -> Vec<u8> {
    extensions(&[extension(NONCE, false, &tlv(OCTET_STRING, &[octets]))])
}

#[test]
fn a_request_says_which_certificates_and_which_nonce() {
    let der = request(&[sample(&[0x41; 20]), cert_id(SHA256, &[3; 32], &[4; 32], &[7])], &nonce(&[9; 32]));
    let read = Request::parse(&der).unwrap();
    assert_eq!(read.nonce.as_deref(), Some(&[9; 32][..]));
    let [first, second] = read.certificates.as_slice() else { panic!("{read:?}") };
    assert_eq!((first.algorithm(), first.serial_content()), (HashAlgorithm::Sha1, &[0x41; 20][..]));
    assert_eq!((first.name_hash(), first.key_hash()), (&[1; 20][..], &[2; 20][..]));
    assert_eq!(first.der(), sample(&[0x41; 20]));
    assert_eq!((second.algorithm(), second.serial_content()), (HashAlgorithm::Sha256, &[7][..]));
}

#[test]
fn requestor_signature_version_and_harmless_extensions_are_passed_over() {
    let list = tlv(SEQUENCE, &[&tlv(SEQUENCE, &[&sample(&[7])])]);
    let requestor = tlv(0xa1, &[&tlv(0x82, &[b"me.example"])]);
    let harmless = extensions(&[extension(UNKNOWN_EXTENSION, false, &[5, 0])]);
    let tbs = tlv(SEQUENCE, &[&[0xa0, 3, 2, 1, 0], &requestor, &list, &harmless]);
    let signature = tlv(0xa0, &[&tlv(SEQUENCE, &[&[5, 0]])]);
    let read = Request::parse(&tlv(SEQUENCE, &[&tbs, &signature])).unwrap();
    assert_eq!((read.certificates.len(), read.nonce), (1, None));
}

#[test]
fn what_is_out_of_bounds_is_refused_with_its_reason() {
    let many = vec![sample(&[7]); MOST_CERTIFICATES + 1];
    let twice = [nonce(&[9; 8]), nonce(&[9; 8])].map(|one| {
        let list = take_element(&one).unwrap().0.content;
        sequence_content(list).unwrap().to_vec()
    });
    let critical = extensions(&[extension(UNKNOWN_EXTENSION, true, &[5, 0])]);
    let list = tlv(SEQUENCE, &[&tlv(SEQUENCE, &[&sample(&[7])])]);
    let version_2 = tlv(SEQUENCE, &[&tlv(SEQUENCE, &[&[0xa0, 3, 2, 1, 1], &list])]);
    for (der, expected) in [
        (vec![0; MOST_OCTETS + 1], RequestError::TooLarge(MOST_OCTETS + 1)),
        (request(&[], &[]), RequestError::Count(0)),
        (request(&many, &[]), RequestError::Count(MOST_CERTIFICATES + 1)),
        (request(&[cert_id(SHA1, &[1; 19], &[2; 20], &[7])], &[]), RequestError::HashLength),
        (request(&[cert_id(SHA256, &[1; 20], &[2; 20], &[7])], &[]), RequestError::HashLength),
        (request(&[cert_id(NONCE, &[1; 20], &[2; 20], &[7])], &[]), RequestError::Algorithm),
        (request(&[sample(&[])], &[]), RequestError::Serial(0)),
        (request(&[sample(&[0x41; 22])], &[]), RequestError::Serial(22)),
        (request(&[sample(&[7])], &nonce(&[])), RequestError::Nonce(0)),
        (request(&[sample(&[7])], &nonce(&[9; 129])), RequestError::Nonce(129)),
        (request(&[sample(&[7])], &extensions(&twice)), RequestError::Extensions),
        (request(&[sample(&[7])], &critical), RequestError::Critical),
        (version_2, RequestError::Version),
    ] {
        assert_eq!(Request::parse(&der), Err(expected));
    }
}

#[test]
fn what_is_not_distinguished_or_followed_by_octets_is_refused() {
    let good = request(&[sample(&[7])], &[]);
    assert!(Request::parse(&good).is_ok());
    let mut longer = good.clone();
    longer.push(0);
    for der in [longer, good[..good.len() - 1].to_vec(), request(&[sample(&[0, 7])], &[]), Vec::new()] {
        assert!(matches!(Request::parse(&der), Err(RequestError::Encoding(_))), "{der:x?}");
    }
}

#[test]
fn an_issuer_is_known_by_the_hashes_of_its_name_and_key_under_every_algorithm() {
    use aws_lc_rs::digest;
    let (ours, other) = (Authority::new("external"), Authority::new("other"));
    let hashes = IssuerHashes::of(&ours.issuer);
    for (oid, algorithm) in [(SHA1, &digest::SHA1_FOR_LEGACY_USE_ONLY), (SHA256, &digest::SHA256)] {
        let id = |issuer: &crate::issuer::Issuer| {
            let name = digest::digest(algorithm, issuer.subject_der());
            let key = digest::digest(algorithm, issuer.public_key().point());
            let der = request(&[cert_id(oid, name.as_ref(), key.as_ref(), &[7])], &[]);
            Request::parse(&der).unwrap().certificates.remove(0)
        };
        assert!(hashes.name(&id(&ours.issuer)) && !hashes.name(&id(&other.issuer)));
    }
}

#[test]
fn a_response_is_signed_by_its_responder_and_repeats_the_nonce() {
    let key = SigningKey::generate(KeyKind::P256).unwrap();
    let asked = Request::parse(&request(&[sample(&[0x41; 20])], &nonce(&[9; 32]))).unwrap();
    let single = |status| SingleResponse {
        certificate: &asked.certificates[0],
        status,
        this_update: NOW,
        next_update: NOW + Duration::hours(12),
    };
    let revoked = CertificateStatus::Revoked { at: NOW, reason: RevocationReason::KeyCompromise };
    let tbs = response_tbs(&ResponseRequest {
        responder: key.public(),
        produced_at: NOW,
        responses: &[single(CertificateStatus::Good), single(revoked), single(CertificateStatus::Unknown)],
        nonce: asked.nonce.as_deref(),
    });
    let text = data_encoding::HEXLOWER.encode(&tbs);
    assert!(text.contains(&data_encoding::HEXLOWER.encode(&[9; 32])));
    assert!(text.contains(&data_encoding::HEXLOWER.encode(b"20260601120000Z")));
    assert!(text.contains("a0030a0101"), "the reason");
    let signature = key.sign(&tbs).unwrap();
    let der = assemble_response(&tbs, &signature, key.public(), b"\x30\x00").unwrap();
    assert_eq!(&sequence_content(&der).unwrap()[..3], [0x0a, 1, 0]);
    let other = SigningKey::generate(KeyKind::P256).unwrap();
    assert_eq!(assemble_response(&tbs, &signature, other.public(), &[]), Err(AssembleError::Signature));
    assert_eq!(failure_response(Failure::Unauthorized), [0x30, 3, 0x0a, 1, 6]);
}
