//! What is to be put into the store: a chain and its key, in PEM, in any order. Both are read, and belong together, before anything else is asked.

use certs::key::{KeyError, KeyKind, PublicKey, Secret, SigningKey};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use time::OffsetDateTime;
use zeroize::{Zeroize as _, Zeroizing};

use super::store::Entry;
use crate::room::xapi::Fault;

/// Most certificates of a chain.
const MOST_CERTIFICATES: usize = 10;

/// A chain and the key of its leaf, which fit.
pub(super) struct Material {
    pub(super) chain: Vec<CertificateDer<'static>>,
    key: Zeroizing<Vec<u8>>,
}

impl Material {
    /// Reads PEM. Certificates may stand before or after the key.
    pub(super) fn read(pem: &str, password: Option<&str>) -> Result<Self, Fault> {
        let blocks = certs::pem::parse_blocks(pem).map_err(|_| Fault::CertificateMalformed)?;
        let (mut chain, mut keys) = (Vec::new(), Vec::new());
        for (label, der) in blocks {
            match label.as_str() {
                "CERTIFICATE" => chain.push(CertificateDer::from(der)),
                "EC PARAMETERS" => {}
                label if label.ends_with("PRIVATE KEY") => keys.push((label.to_owned(), Zeroizing::new(der))),
                _ => return Err(Fault::CertificateMalformed),
            }
        }
        if chain.is_empty() || chain.len() > MOST_CERTIFICATES {
            return Err(Fault::CertificateMalformed);
        }
        if chain.iter().any(|der| certs::inspect::inspect_certificate(der).is_err()) {
            return Err(Fault::CertificateMalformed);
        }
        let (label, der) = keys.pop().ok_or(Fault::KeyMissing)?;
        if !keys.is_empty() {
            return Err(Fault::KeyMalformed);
        }
        let key = Self::key(&label, der, password)?;
        let material = Self { chain, key };
        material.check_key(&label)?;
        Ok(material)
    }

    /// The key in the clear, as it stands in its block or, if it was encrypted, as PKCS#8.
    fn key(
        label: &str,
        der: Zeroizing<Vec<u8>>,
        password: Option<&str>,
    ) -> Result<Zeroizing<Vec<u8>>, Fault> {
        if label != "ENCRYPTED PRIVATE KEY" {
            return Ok(der);
        }
        let password = Secret::new(password.ok_or(Fault::KeyPassword)?.to_owned());
        let pem = Zeroizing::new(certs::pem::encode(certs::pem::Label::EncryptedPrivateKey, &der));
        let opened = SigningKey::from_encrypted_pem(&pem, &password).map_err(|error| match error {
            KeyError::WrongPassphrase | KeyError::EmptyPassphrase | KeyError::PassphraseNeeded => {
                Fault::KeyPassword
            }
            KeyError::Library { .. } => Fault::Internal,
            KeyError::NotSpki { .. }
            | KeyError::Algorithm { .. }
            | KeyError::Curve { .. }
            | KeyError::CompressedPoint
            | KeyError::PointLength { .. }
            | KeyError::NotOnCurve(_)
            | KeyError::BadSignature
            | KeyError::NotPrivateKey
            | KeyError::KeyCount { .. }
            | KeyError::Inconsistent
            | KeyError::Encryption
            | KeyError::Elsewhere { .. } => Fault::KeyMalformed,
        })?;
        opened.to_pkcs8_der().map_err(|_| Fault::KeyMalformed)
    }

    fn check_key(&self, label: &str) -> Result<(), Fault> {
        let octets = self.key.to_vec();
        let mut key = match label {
            "RSA PRIVATE KEY" => PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(octets)),
            "EC PRIVATE KEY" => PrivateKeyDer::Sec1(PrivateSec1KeyDer::from(octets)),
            _ => PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(octets)),
        };
        let read = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key);
        key.zeroize();
        let read = read.map_err(|_| Fault::KeyMalformed)?;
        match CertifiedKey::new(self.chain.clone(), read).keys_match() {
            Ok(()) => Ok(()),
            Err(rustls::Error::InconsistentKeys(_)) => Err(Fault::KeyMismatch),
            Err(_) => Err(Fault::CertificateMalformed),
        }
    }

    /// Whether it can be an identity, now.
    pub(super) fn check_identity(&self, now: OffsetDateTime) -> Result<(), Fault> {
        check_identity(&self.chain, now)
    }

    pub(super) fn into_entry(self, encrypted: bool) -> Entry {
        Entry { chain: self.chain, _key: self.key, encrypted, purposes: Default::default() }
    }
}

/// Whether the leaf is on P-256 and valid now. Who issued it is not asked: the status says what comes of that.
pub(super) fn check_identity(chain: &[CertificateDer<'_>], now: OffsetDateTime) -> Result<(), Fault> {
    let leaf = chain.first().ok_or(Fault::CertificateMalformed)?;
    let key = spki(leaf).and_then(|spki| PublicKey::from_spki_der(&spki).ok());
    if key.is_none_or(|key| key.kind() != KeyKind::P256) {
        return Err(Fault::KeyUnsuitable);
    }
    check_validity(leaf, now)
}

/// Whether a certificate is valid now.
pub(super) fn check_validity(leaf: &CertificateDer<'_>, now: OffsetDateTime) -> Result<(), Fault> {
    let report = certs::inspect::inspect_certificate(leaf).map_err(|_| Fault::CertificateMalformed)?;
    if now > report.not_after {
        Err(Fault::Expired)
    } else if now < report.not_before {
        Err(Fault::NotYetValid)
    } else {
        Ok(())
    }
}

/// The SubjectPublicKeyInfo of a certificate.
pub(super) fn spki(leaf: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let parsed = rustls::server::ParsedCertificate::try_from(leaf).ok()?;
    Some(parsed.subject_public_key_info().as_ref().to_vec())
}
