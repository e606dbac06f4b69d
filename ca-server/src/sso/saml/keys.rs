//! The keys with which a provider signs, as its metadata certificates name them.
//!
//! A key comes from metadata and from nowhere else: what a signature's `KeyInfo` says is not read. It counts while its certificate is
//! valid, so that a rolled key dies with its certificate. RSA from 2048 bits, P-256 and P-384; all arithmetic is aws-lc-rs.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, VerificationAlgorithm,
};
use data_encoding::HEXLOWER;
use time::{Duration, OffsetDateTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use xml_sec::xmldsig::{DsigError, SignatureAlgorithm, SignatureVerificationError, VerifyingKey};

/// The smallest RSA modulus that counts, in bits.
const MIN_RSA_BITS: usize = 2048;
const MAX_RSA_BITS: usize = 8192;

/// Why a certificate's key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Not a certificate.
    #[error("it is not an X.509 certificate")]
    NotACertificate,
    /// Neither RSA nor ECDSA on a curve that is known.
    #[error("its key is neither RSA nor ECDSA on P-256 or P-384")]
    Kind,
    /// An RSA key outside the limits.
    #[error("its RSA key has {0} bits; {MIN_RSA_BITS} to {MAX_RSA_BITS} are accepted")]
    RsaBits(usize),
    /// The key's numbers make no key.
    #[error("its public key is not valid")]
    Invalid,
}

/// One signing key of a provider.
#[derive(Clone)]
pub struct SigningKey {
    verifiers: Vec<(SignatureAlgorithm, ParsedPublicKey)>,
    fingerprint: String,
    subject: String,
    kind: String,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("kind", &self.kind)
            .field("fingerprint", &self.fingerprint)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Reads the key of a certificate in DER.
    pub fn from_certificate(der: &[u8]) -> Result<Self, KeyFault> {
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| KeyFault::NotACertificate)?;
        if !rest.is_empty() {
            return Err(KeyFault::NotACertificate);
        }
        let (kind, algorithms) = algorithms_of(&certificate)?;
        let spki = certificate.public_key().raw;
        let mut verifiers = Vec::with_capacity(algorithms.len());
        for (algorithm, native) in algorithms {
            let key = ParsedPublicKey::new(native, spki).map_err(|_| KeyFault::Invalid)?;
            verifiers.push((algorithm, key));
        }
        Ok(Self {
            verifiers,
            fingerprint: HEXLOWER.encode(digest::digest(&digest::SHA256, der).as_ref()),
            subject: certificate.subject().to_string(),
            kind,
            not_before: certificate.validity().not_before.to_datetime(),
            not_after: certificate.validity().not_after.to_datetime(),
        })
    }

    /// SHA-256 of the certificate, in hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The certificate's subject.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What sort of key it is, for people.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// From when on it counts.
    #[must_use]
    pub fn not_before(&self) -> OffsetDateTime {
        self.not_before
    }

    /// Until when it counts.
    #[must_use]
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    fn is_valid_at(&self, now: OffsetDateTime, skew: Duration) -> bool {
        now >= self.not_before.saturating_sub(skew) && now <= self.not_after
    }
}

type Algorithms = Vec<(SignatureAlgorithm, &'static dyn VerificationAlgorithm)>;

fn algorithms_of(certificate: &X509Certificate<'_>) -> Result<(String, Algorithms), KeyFault> {
    match certificate.public_key().parsed().map_err(|_| KeyFault::Kind)? {
        PublicKey::RSA(key) => {
            let bits = key.key_size();
            if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
                return Err(KeyFault::RsaBits(bits));
            }
            let algorithms: Algorithms = vec![
                (SignatureAlgorithm::RsaSha256, &RSA_PKCS1_2048_8192_SHA256),
                (SignatureAlgorithm::RsaSha384, &RSA_PKCS1_2048_8192_SHA384),
                (SignatureAlgorithm::RsaSha512, &RSA_PKCS1_2048_8192_SHA512),
            ];
            Ok((format!("RSA {bits}"), algorithms))
        }
        PublicKey::EC(point) => match point.key_size() {
            256 => {
                Ok(("ECDSA P-256".into(), vec![(SignatureAlgorithm::EcdsaSha256, &ECDSA_P256_SHA256_FIXED)]))
            }
            384 => {
                Ok(("ECDSA P-384".into(), vec![(SignatureAlgorithm::EcdsaSha384, &ECDSA_P384_SHA384_FIXED)]))
            }
            _ => Err(KeyFault::Kind),
        },
        _ => Err(KeyFault::Kind),
    }
}

/// The keys that count now. To the library they are one key, named by us.
pub(super) struct TrustedKeys<'a> {
    keys: Vec<&'a SigningKey>,
}

impl<'a> TrustedKeys<'a> {
    /// Those of `keys` whose certificates are valid.
    pub(super) fn at(keys: &'a [SigningKey], now: OffsetDateTime, skew: Duration) -> Self {
        Self { keys: keys.iter().filter(|key| key.is_valid_at(now, skew)).collect() }
    }

    /// Whether none is left.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl VerifyingKey for TrustedKeys<'_> {
    fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        signed_data: &[u8],
        signature_value: &[u8],
    ) -> Result<bool, DsigError> {
        let mut fitting = self
            .keys
            .iter()
            .flat_map(|key| key.verifiers.iter())
            .filter(|(own, _)| *own == algorithm)
            .peekable();
        if fitting.peek().is_none() {
            let uri = algorithm.uri().to_owned();
            return Err(SignatureVerificationError::UnsupportedAlgorithm { uri }.into());
        }
        Ok(fitting.any(|(_, key)| key.verify_sig(signed_data, signature_value).is_ok()))
    }
}
