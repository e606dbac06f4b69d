//! Building an `OCSPResponse` (RFC 6960 §4.2) that a delegated responder signs, and the unsigned ones that say why there is none.
//!
//! A response names its responder by key and carries the responder's certificate. Times are whole seconds. The bytes to be signed are
//! deterministic; the signature is checked before it is put in.

use aws_lc_rs::digest;
use time::OffsetDateTime;

use super::request::{CertId, HashAlgorithm};
use crate::asn1::{BIT_STRING, OCTET_STRING, SEQUENCE, object_identifier, tlv};
use crate::crl::RevocationReason;
use crate::issuer::Issuer;
use crate::key::PublicKey;
use crate::tbs::AssembleError;

const ENUMERATED: u8 = 0x0a;
const GENERALIZED_TIME: u8 = 0x18;
/// `[n] EXPLICIT`, or IMPLICIT of something constructed.
const CONTEXT_0: u8 = 0xa0;
const CONTEXT_1: u8 = 0xa1;
const CONTEXT_2: u8 = 0xa2;
const GOOD: &[u8] = &[0x80, 0];
const UNKNOWN: &[u8] = &[0x82, 0];

const PKIX_OCSP_BASIC: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 1, 1];
const PKIX_OCSP_NONCE: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 1, 2];

/// What is known of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateStatus {
    /// Issued, and not revoked.
    Good,
    /// Revoked, or never to be used.
    Revoked {
        /// When.
        at: OffsetDateTime,
        /// Why; `Unspecified` is left out, as RFC 5280 §5.3.1 recommends.
        reason: RevocationReason,
    },
    /// The responder does not know it.
    Unknown,
}

/// The answer about one certificate.
#[derive(Clone, Copy, Debug)]
pub struct SingleResponse<'a> {
    /// Which, as the request named it.
    pub certificate: &'a CertId,
    /// What is known.
    pub status: CertificateStatus,
    /// As of when.
    pub this_update: OffsetDateTime,
    /// When something newer will be known at the latest.
    pub next_update: OffsetDateTime,
}

/// One response to be built.
#[derive(Clone, Copy, Debug)]
pub struct ResponseRequest<'a> {
    /// The responder's key.
    pub responder: &'a PublicKey,
    /// When it is signed.
    pub produced_at: OffsetDateTime,
    /// What it says.
    pub responses: &'a [SingleResponse<'a>],
    /// The request's nonce, if the response is for this request alone.
    pub nonce: Option<&'a [u8]>,
}

/// `ResponseData` (RFC 6960 §4.2.1): the bytes to sign.
pub fn response_tbs(request: &ResponseRequest<'_>) -> Vec<u8> {
    let by_key = tlv(CONTEXT_2, &[&tlv(OCTET_STRING, &[&sha1(request.responder.point())])]);
    let responses: Vec<u8> = request.responses.iter().flat_map(single).collect();
    let extensions = request.nonce.map(|nonce| {
        let value = tlv(OCTET_STRING, &[&tlv(OCTET_STRING, &[nonce])]);
        let extension = tlv(SEQUENCE, &[&object_identifier(PKIX_OCSP_NONCE), &value]);
        tlv(CONTEXT_1, &[&tlv(SEQUENCE, &[&extension])])
    });
    tlv(
        SEQUENCE,
        &[
            &by_key,
            &generalized_time(request.produced_at),
            &tlv(SEQUENCE, &[&responses]),
            &extensions.unwrap_or_default(),
        ],
    )
}

fn single(response: &SingleResponse<'_>) -> Vec<u8> {
    let status = match response.status {
        CertificateStatus::Good => GOOD.to_vec(),
        CertificateStatus::Unknown => UNKNOWN.to_vec(),
        CertificateStatus::Revoked { at, reason } => {
            let reason = match reason {
                RevocationReason::Unspecified => Vec::new(),
                reason => tlv(CONTEXT_0, &[&[ENUMERATED, 1, reason.code()]]),
            };
            tlv(CONTEXT_1, &[&generalized_time(at), &reason])
        }
    };
    let next_update = tlv(CONTEXT_0, &[&generalized_time(response.next_update)]);
    let this_update = generalized_time(response.this_update);
    tlv(SEQUENCE, &[response.certificate.der(), &status, &this_update, &next_update])
}

/// Puts bytes, signature and the responder's certificate together, after checking that the signature is by `responder` over these bytes.
pub fn assemble_response(
    tbs: &[u8],
    signature: &[u8],
    responder: &PublicKey,
    certificate: &[u8],
) -> Result<Vec<u8>, AssembleError> {
    responder.verify(tbs, signature).map_err(|_| AssembleError::Signature)?;
    let algorithm = responder.kind().signature_algorithm().identifier();
    let signature = tlv(BIT_STRING, &[&[0], signature]);
    let certificates = tlv(CONTEXT_0, &[&tlv(SEQUENCE, &[certificate])]);
    let basic = tlv(SEQUENCE, &[tbs, algorithm, &signature, &certificates]);
    let bytes = tlv(SEQUENCE, &[&object_identifier(PKIX_OCSP_BASIC), &tlv(OCTET_STRING, &[&basic])]);
    Ok(tlv(SEQUENCE, &[&[ENUMERATED, 1, 0], &tlv(CONTEXT_0, &[&bytes])]))
}

/// Why there is no signed answer (RFC 6960 §4.2.1, `OCSPResponseStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The request is none.
    MalformedRequest,
    /// The responder failed.
    InternalError,
    /// It cannot answer just now.
    TryLater,
    /// It does not speak for this issuer (RFC 5019 §2.2.3).
    Unauthorized,
}

/// The whole unsigned response.
pub fn failure_response(failure: Failure) -> [u8; 5] {
    let code = match failure {
        Failure::MalformedRequest => 1,
        Failure::InternalError => 2,
        Failure::TryLater => 3,
        Failure::Unauthorized => 6,
    };
    [SEQUENCE, 3, ENUMERATED, 1, code]
}

/// One issuer's name and key under every hash that requests use.
#[derive(Clone, Debug)]
pub struct IssuerHashes([(HashAlgorithm, Vec<u8>, Vec<u8>); 4]);

impl IssuerHashes {
    /// The hashes of an issuer.
    pub fn of(issuer: &Issuer) -> Self {
        let hashed = |algorithm: HashAlgorithm| {
            let hash = |octets: &[u8]| digest::digest(digest_of(algorithm), octets).as_ref().to_vec();
            (algorithm, hash(issuer.subject_der()), hash(issuer.public_key().point()))
        };
        Self(HashAlgorithm::ALL.map(hashed))
    }

    /// Whether the certificate is one of this issuer's, as far as its name goes.
    pub fn name(&self, certificate: &CertId) -> bool {
        self.0.iter().any(|(algorithm, name, key)| {
            *algorithm == certificate.algorithm()
                && name == certificate.name_hash()
                && key == certificate.key_hash()
        })
    }
}

fn digest_of(algorithm: HashAlgorithm) -> &'static digest::Algorithm {
    match algorithm {
        HashAlgorithm::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        HashAlgorithm::Sha256 => &digest::SHA256,
        HashAlgorithm::Sha384 => &digest::SHA384,
        HashAlgorithm::Sha512 => &digest::SHA512,
    }
}

fn sha1(octets: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, octets).as_ref().to_vec()
}

/// `YYYYMMDDHHMMSSZ`; years beyond 9999 are none of ours.
fn generalized_time(at: OffsetDateTime) -> Vec<u8> {
    let at = at.to_offset(time::UtcOffset::UTC);
    let (hour, minute, second) = at.to_hms();
    let (year, month, day) = (at.year().clamp(0, 9999), u8::from(at.month()), at.day());
    let text = format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    tlv(GENERALIZED_TIME, &[text.as_bytes()])
}
