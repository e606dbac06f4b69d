//! A relying party's side of OCSP (RFC 6960): a request for some serials, and an answer taken apart and checked whole.

#![expect(clippy::expect_used, reason = "a test must stop at the first wrong answer")]

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use certs::issuer::Issuer;
use certs::key::PublicKey;
use certs::tbs::tbs_of;

use crate::parsers::der::{Element, SEQUENCE, take, tlv};

const OCTET_STRING: u8 = 0x04;
const INTEGER: u8 = 0x02;
const NULL: &[u8] = &[5, 0];
const SHA1_OID: &[u8] = &[6, 5, 0x2b, 0x0e, 0x03, 0x02, 0x1a];
const SHA256_OID: &[u8] = &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
const NONCE_OID: &[u8] = &[6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 2];
const BASIC_OID: &[u8] = &[6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1];
const NOCHECK: &[u8] = &[6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 5, 4, 2, 5, 0];
const OCSP_SIGNING_OID: &[u8] = &[6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 9];

/// The hash by which an issuer is named.
#[derive(Clone, Copy, Debug)]
pub enum Hash {
    /// SHA-1, as most clients do.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// `OCSPRequest` for certificates of one issuer.
#[must_use]
pub fn request(issuer: &Issuer, serials: &[&[u8]], hash: Hash, nonce: Option<&[u8]>) -> Vec<u8> {
    let (oid, algorithm): (_, &Algorithm) = match hash {
        Hash::Sha1 => (SHA1_OID, &SHA1_FOR_LEGACY_USE_ONLY),
        Hash::Sha256 => (SHA256_OID, &SHA256),
    };
    let hashed = |octets: &[u8]| tlv(OCTET_STRING, digest(algorithm, octets).as_ref());
    let head = [
        tlv(SEQUENCE, &[oid, NULL].concat()),
        hashed(issuer.subject_der()),
        hashed(issuer.public_key().point()),
    ]
    .concat();
    let one = |serial: &&[u8]| {
        let certificate = tlv(SEQUENCE, &[head.clone(), tlv(INTEGER, serial)].concat());
        tlv(SEQUENCE, &certificate)
    };
    let list = tlv(SEQUENCE, &serials.iter().flat_map(one).collect::<Vec<_>>());
    let extensions = nonce.map(|nonce| {
        let value = tlv(OCTET_STRING, &tlv(OCTET_STRING, nonce));
        tlv(0xa2, &tlv(SEQUENCE, &tlv(SEQUENCE, &[NONCE_OID, &value].concat())))
    });
    tlv(SEQUENCE, &tlv(SEQUENCE, &[list, extensions.unwrap_or_default()].concat()))
}

/// What an answer says of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not revoked.
    Good,
    /// Revoked, for this reason if one is given.
    Revoked(Option<u8>),
    /// Not known.
    Unknown,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// An unsigned one: the code of `OCSPResponseStatus`.
    Failure(u8),
    /// A signed one that passed every check.
    Signed(Signed),
}

/// What was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Each certificate by its serial.
    pub statuses: Vec<(Vec<u8>, Status)>,
    /// `thisUpdate` and `nextUpdate` of the first, as they are written.
    pub times: (String, String),
    /// The nonce that is repeated.
    pub nonce: Option<Vec<u8>>,
    /// The certificate of whoever signed it.
    pub responder: Vec<u8>,
}

impl Response {
    /// Reads an answer and checks it: signed by a certificate that `issuer` made for OCSP alone, named by its key.
    ///
    /// # Panics
    /// If it is no answer, or a check fails.
    #[must_use]
    pub fn read(der: &[u8], issuer: &Issuer) -> Self {
        let whole = parts(take(der).filter(|all| all.rest.is_empty()).expect("one structure").content);
        let [status, rest @ ..] = whole.as_slice() else { unreachable!("an answer has a status") };
        let [code] = status.content else { unreachable!("the status is one octet") };
        let [bytes] = rest else { return Self::Failure(*code) };
        let bytes = parts(take(bytes.content).expect("responseBytes").content);
        let [kind, basic] = bytes.as_slice() else { unreachable!("a type and a response") };
        assert_eq!((*code, kind.whole), (0, BASIC_OID));
        Self::Signed(Signed::read(basic.content, issuer))
    }

    /// The signed answer.
    ///
    /// # Panics
    /// If it is another.
    #[must_use]
    pub fn signed(self) -> Signed {
        match self {
            Self::Signed(signed) => signed,
            Self::Failure(code) => unreachable!("an unsigned answer, {code}"),
        }
    }
}

impl Signed {
    fn read(basic: &[u8], issuer: &Issuer) -> Self {
        let basic = parts(take(basic).expect("a BasicOCSPResponse").content);
        let [data, algorithm, signature, certificates] = basic.as_slice() else {
            unreachable!("data, algorithm, signature and certificates")
        };
        let certificates = take(certificates.content).expect("a list of certificates").content;
        let responder = take(certificates).expect("the responder's certificate").whole.to_vec();
        let key = check_responder(&responder, issuer);
        assert_eq!(algorithm.whole.get(..3), Some(&[SEQUENCE, 0x0a, 6][..]), "ecdsa-with-SHA256");
        let signature = signature.content.get(1..).expect("a bit string");
        key.verify(data.whole, signature).expect("the responder signed it");
        let data = parts(data.content);
        let [by_key, _produced_at, responses, extensions @ ..] = data.as_slice() else {
            unreachable!("responder, time and responses")
        };
        let named = take(by_key.content).expect("a key hash").content;
        assert_eq!(named, digest(&SHA1_FOR_LEGACY_USE_ONLY, key.point()).as_ref(), "named by its key");
        let singles: Vec<_> = parts(responses.content).iter().map(single).collect();
        let times = singles.first().map(|(_, _, times)| times.clone()).unwrap_or_default();
        let statuses = singles.into_iter().map(|(serial, status, _)| (serial, status)).collect();
        let nonce = extensions.first().map(|extensions| nonce(extensions.content));
        Self { statuses, times, nonce, responder }
    }

    /// What it says of its only certificate.
    ///
    /// # Panics
    /// If it has several.
    #[must_use]
    pub fn status(&self) -> &Status {
        match self.statuses.as_slice() {
            [(_, status)] => status,
            all => unreachable!("{} certificates", all.len()),
        }
    }
}

/// The key of a certificate that the issuer made for OCSP and that is not to be looked up itself.
fn check_responder(der: &[u8], issuer: &Issuer) -> PublicKey {
    let certificate = parts(take(der).expect("a certificate").content);
    let [tbs, _, signature] = certificate.as_slice() else { unreachable!("a certificate has three parts") };
    let signature = signature.content.get(1..).expect("a bit string");
    issuer.public_key().verify(tbs.whole, signature).expect("the issuer signed the responder");
    let has = |needle: &[u8]| tbs.whole.windows(needle.len()).any(|window| window == needle);
    assert!(has(NOCHECK), "id-pkix-ocsp-nocheck");
    let report = certs::inspect::inspect_certificate(der).expect("the certificate can be read");
    assert_eq!(report.extended_key_usages, ["ocsp-signing"]);
    assert!(has(OCSP_SIGNING_OID) && report.ocsp_urls.is_empty());
    assert_eq!(tbs_of(der), Some(tbs.whole));
    PublicKey::of_certificate(der).expect("the responder has a key")
}

fn single(response: &Element<'_>) -> (Vec<u8>, Status, (String, String)) {
    let fields = parts(response.content);
    let [certificate, status, this_update, next_update] = fields.as_slice() else {
        unreachable!("certificate, status and two times")
    };
    let certificate = parts(certificate.content);
    let [_, _, _, serial] = certificate.as_slice() else { unreachable!("a CertID has four parts") };
    let next_update = take(next_update.content).expect("a time").content;
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let status = match (status.tag, status.content) {
        (0x80, []) => Status::Good,
        (0x82, []) => Status::Unknown,
        (0xa1, info) => match parts(info).as_slice() {
            [_at] => Status::Revoked(None),
            [_at, reason] => Status::Revoked(reason.content.last().copied()),
            _ => unreachable!("a time and perhaps a reason"),
        },
        (tag, _) => unreachable!("status {tag:#x}"),
    };
    (serial.content.to_vec(), status, (text(this_update.content), text(next_update)))
}

fn nonce(extensions: &[u8]) -> Vec<u8> {
    let list = parts(take(extensions).expect("a list of extensions").content);
    let [extension] = list.as_slice() else { unreachable!("one extension") };
    let fields = parts(extension.content);
    let [oid, value] = fields.as_slice() else { unreachable!("an OID and a value") };
    assert_eq!(oid.whole, NONCE_OID);
    take(value.content).expect("an octet string").content.to_vec()
}

fn parts(content: &[u8]) -> Vec<Element<'_>> {
    let (mut found, mut rest) = (Vec::new(), content);
    while let Some(element) = take(rest) {
        rest = element.rest;
        found.push(element);
    }
    assert!(rest.is_empty(), "elements and nothing else");
    found
}
