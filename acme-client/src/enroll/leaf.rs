//! What the agent reads from a certificate: for whom, until when, for which key, and its name in renewal information.
//!
//! Decides whether a downloaded leaf is the one that was ordered. Does not judge the chain: the relying parties do, and the
//! authority is trusted to sign what it was asked for.

use rustls_pki_types::{CertificateDer, pem::PemObject};
use time::OffsetDateTime;
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    prelude::FromDer,
};

use super::csr::{CsrError, public_key_der};
use crate::acme::CertificateId;

/// Why a leaf is not acceptable.
#[derive(Debug, thiserror::Error)]
pub enum LeafError {
    /// It does not parse.
    #[error("it is not an X.509 certificate")]
    Malformed,
    /// Its key is not ours.
    #[error("it is for another key")]
    OtherKey,
    /// Its names are not ours.
    #[error("it is for {found}, not for {wanted}")]
    OtherNames {
        /// What it says.
        found: String,
        /// What was ordered.
        wanted: String,
    },
    /// It is expired already.
    #[error("it expired at {0}")]
    Expired(OffsetDateTime),
    /// Our own key cannot be read.
    #[error(transparent)]
    Key(#[from] CsrError),
}

/// Facts of an end-entity certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Start of validity.
    pub not_before: OffsetDateTime,
    /// End of validity.
    pub not_after: OffsetDateTime,
    /// The serial number, in hexadecimal.
    pub serial: String,
    /// Its name in renewal information (RFC 9773); `None` without authority key identifier.
    pub id: Option<CertificateId>,
    /// Its DNS names, in order of the alphabet.
    pub names: Vec<String>,
    /// The certificate itself.
    pub der: Vec<u8>,
    public_key: Vec<u8>,
}

impl Leaf {
    /// Reads the first certificate of a PEM text.
    pub fn from_pem(pem: &str) -> Result<Self, LeafError> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| LeafError::Malformed)?;
        Self::from_der(&der)
    }

    /// Reads a certificate.
    pub fn from_der(der: &[u8]) -> Result<Self, LeafError> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| LeafError::Malformed)?;
        let serial = certificate.raw_serial();
        let mut names = Vec::new();
        let mut authority = None;
        for extension in certificate.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(alternatives) => {
                    names.extend(alternatives.general_names.iter().filter_map(|name| match name {
                        GeneralName::DNSName(name) => Some((*name).to_ascii_lowercase()),
                        _ => None,
                    }));
                }
                ParsedExtension::AuthorityKeyIdentifier(identifier) => {
                    authority = identifier.key_identifier.as_ref().map(|key| key.0.to_vec());
                }
                _ => {}
            }
        }
        names.sort();
        names.dedup();
        Ok(Self {
            not_before: certificate.validity().not_before.to_datetime(),
            not_after: certificate.validity().not_after.to_datetime(),
            serial: serial.iter().map(|byte| format!("{byte:02x}")).collect(),
            id: authority.and_then(|key| CertificateId::new(&key, serial).ok()),
            names,
            der: der.to_vec(),
            public_key: certificate.public_key().raw.to_vec(),
        })
    }

    /// Checks that this is the certificate that was ordered.
    pub fn check(&self, names: &[String], key_pem: &str, now: OffsetDateTime) -> Result<(), LeafError> {
        if self.public_key != public_key_der(key_pem)? {
            return Err(LeafError::OtherKey);
        }
        let mut wanted: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        wanted.sort();
        wanted.dedup();
        if self.names != wanted {
            return Err(LeafError::OtherNames { found: self.names.join(", "), wanted: wanted.join(", ") });
        }
        if self.not_after <= now {
            return Err(LeafError::Expired(self.not_after));
        }
        Ok(())
    }
}

/// A leaf made of nothing but what renewal is decided by.
#[cfg(test)]
pub(crate) fn test_leaf(
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
    id: Option<CertificateId>,
) -> Leaf {
    let (serial, names, der, public_key) = (String::new(), Vec::new(), Vec::new(), Vec::new());
    Leaf { not_before, not_after, serial, id, names, der, public_key }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use time::macros::datetime;

    use super::*;

    fn issued(names: &[&str]) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut parameters = CertificateParams::new(names).unwrap();
        parameters.not_before = datetime!(2026-11-01 0:00 UTC);
        parameters.not_after = datetime!(2026-12-01 0:00 UTC);
        (parameters.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

    #[test]
    fn the_certificate_that_was_ordered_is_accepted() {
        let (pem, key) = issued(&["b.test", "*.a.test"]);
        let leaf = Leaf::from_pem(&pem).unwrap();
        leaf.check(&["*.A.test".to_owned(), "b.test".to_owned()], &key, NOW).unwrap();
        assert_eq!(leaf.not_after, datetime!(2026-12-01 0:00 UTC));
    }

    #[test]
    fn another_key_other_names_and_the_past_are_refused() {
        let (pem, key) = issued(&["a.test"]);
        let leaf = Leaf::from_pem(&pem).unwrap();
        let ours = ["a.test".to_owned()];
        let (_, other) = issued(&["a.test"]);
        assert!(matches!(leaf.check(&ours, &other, NOW), Err(LeafError::OtherKey)));
        let more = ["a.test".to_owned(), "b.test".to_owned()];
        assert!(matches!(leaf.check(&more, &key, NOW), Err(LeafError::OtherNames { .. })));
        let late = datetime!(2026-12-01 0:00 UTC);
        assert!(matches!(leaf.check(&ours, &key, late), Err(LeafError::Expired(_))));
        assert!(matches!(Leaf::from_pem("nonsense"), Err(LeafError::Malformed)));
    }
}
