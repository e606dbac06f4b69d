//! What the agent reads from a certificate: for whom, until when, for which key, and its name in renewal information.
//!
//! Decides whether a downloaded leaf is the one that was ordered. Does not judge the chain: the relying parties do, and the
//! authority is trusted to sign what it was asked for.

use certs::issued::NoPath;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use time::{Duration, OffsetDateTime};
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    prelude::FromDer,
};

use super::csr::{CsrError, public_key_der};
use crate::acme::{CertificateId, Identifier, IdentifierType};

/// How far our clock may be behind the authority's: a certificate that begins later than this is not one to install.
const SLOW_CLOCK: Duration = Duration::hours(1);

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
    /// It may sign certificates itself.
    #[error("it is the certificate of an authority")]
    Authority,
    /// Its authority does not stand above it.
    #[error(transparent)]
    NoPath(#[from] NoPath),
    /// It is expired already.
    #[error("it expired at {0}")]
    Expired(OffsetDateTime),
    /// It is of no use for a while.
    #[error("it is not valid before {0}")]
    NotYet(OffsetDateTime),
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
    /// Its DNS names and e-mail addresses, in order.
    pub identifiers: Vec<Identifier>,
    /// The account that it names, `urn:uuid:…`.
    pub account: Option<String>,
    /// The certificate itself.
    pub der: Vec<u8>,
    public_key: Vec<u8>,
    is_authority: bool,
}

impl Leaf {
    /// Reads the first certificate of a PEM text.
    pub fn from_pem(pem: &str) -> Result<Self, LeafError> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| LeafError::Malformed)?;
        Self::from_der(&der)
    }

    /// Reads a certificate.
    pub fn from_der(der: &[u8]) -> Result<Self, LeafError> {
        let Ok(([], certificate)) = X509Certificate::from_der(der) else { return Err(LeafError::Malformed) };
        let serial = certificate.raw_serial();
        let mut identifiers = Vec::new();
        let (mut authority, mut account) = (None, None);
        for extension in certificate.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(alternatives) => {
                    account = alternatives.general_names.iter().find_map(account_of);
                    identifiers.extend(alternatives.general_names.iter().filter_map(|name| match name {
                        GeneralName::DNSName(name) => Some(Identifier::dns(*name)),
                        GeneralName::RFC822Name(address) => Some(Identifier::email(*address)),
                        _ => None,
                    }));
                }
                ParsedExtension::AuthorityKeyIdentifier(identifier) => {
                    authority = identifier.key_identifier.as_ref().map(|key| key.0.to_vec());
                }
                _ => {}
            }
        }
        Ok(Self {
            not_before: certificate.validity().not_before.to_datetime(),
            not_after: certificate.validity().not_after.to_datetime(),
            serial: serial.iter().map(|byte| format!("{byte:02x}")).collect(),
            id: authority.and_then(|key| CertificateId::new(&key, serial).ok()),
            identifiers: canonical(&identifiers),
            account,
            der: der.to_vec(),
            public_key: certificate.public_key().raw.to_vec(),
            is_authority: certificate.is_ca(),
        })
    }

    /// Its names and addresses, as people read them; the account, if it has neither.
    pub fn names(&self) -> Vec<String> {
        if self.identifiers.is_empty() {
            return self.account.iter().cloned().collect();
        }
        self.identifiers.iter().map(|identifier| identifier.value.clone()).collect()
    }

    /// Checks that this is for our key, serves soon and has not ended. Whom it names, an internal authority decides by the token.
    pub fn check_key(&self, key_pem: &str, now: OffsetDateTime) -> Result<(), LeafError> {
        self.is_ours(key_pem)?;
        if self.not_before - now > SLOW_CLOCK {
            return Err(LeafError::NotYet(self.not_before));
        }
        if self.not_after <= now {
            return Err(LeafError::Expired(self.not_after));
        }
        Ok(())
    }

    /// Checks that this is the certificate that was ordered.
    pub fn check(&self, wanted: &[Identifier], key_pem: &str, now: OffsetDateTime) -> Result<(), LeafError> {
        self.is_ours(key_pem)?;
        let wanted = canonical(wanted);
        if self.identifiers != wanted {
            return Err(LeafError::OtherNames { found: listed(&self.identifiers), wanted: listed(&wanted) });
        }
        if self.not_after <= now {
            return Err(LeafError::Expired(self.not_after));
        }
        Ok(())
    }

    fn is_ours(&self, key_pem: &str) -> Result<(), LeafError> {
        if self.public_key != public_key_der(key_pem)? {
            return Err(LeafError::OtherKey);
        }
        if self.is_authority { Err(LeafError::Authority) } else { Ok(()) }
    }
}

/// The account in an alternative name, if it is written as ids of accounts are.
fn account_of(name: &GeneralName<'_>) -> Option<String> {
    let GeneralName::URI(uri) = name else { return None };
    let id = uri.strip_prefix("urn:uuid:")?;
    let plain = |letter: u8| letter.is_ascii_hexdigit() || letter == b'-';
    (id.len() == 36 && id.bytes().all(plain)).then(|| (*uri).to_owned())
}

/// In order, each once, in one spelling: letter case counts in the local part of an address and nowhere else.
fn canonical(identifiers: &[Identifier]) -> Vec<Identifier> {
    let mut all: Vec<Identifier> = identifiers
        .iter()
        .map(|identifier| {
            let value = match (&identifier.kind, identifier.value.rsplit_once('@')) {
                (IdentifierType::Email, Some((local, domain))) => {
                    format!("{local}@{}", domain.to_ascii_lowercase())
                }
                _ => identifier.value.to_ascii_lowercase(),
            };
            Identifier { kind: identifier.kind.clone(), value }
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

fn listed(identifiers: &[Identifier]) -> String {
    let all: Vec<String> = identifiers.iter().map(ToString::to_string).collect();
    if all.is_empty() { "nobody".to_owned() } else { all.join(", ") }
}

/// A leaf made of nothing but what renewal is decided by.
#[cfg(test)]
pub(crate) fn test_leaf(
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
    id: Option<CertificateId>,
) -> Leaf {
    let (serial, identifiers, der, public_key) = (String::new(), Vec::new(), Vec::new(), Vec::new());
    let (account, is_authority) = (None, false);
    Leaf { not_before, not_after, serial, id, identifiers, account, der, public_key, is_authority }
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
        leaf.check(&[Identifier::dns("*.A.test"), Identifier::dns("b.test")], &key, NOW).unwrap();
        assert_eq!(leaf.not_after, datetime!(2026-12-01 0:00 UTC));
    }

    #[test]
    fn another_key_other_names_and_the_past_are_refused() {
        let (pem, key) = issued(&["a.test"]);
        let leaf = Leaf::from_pem(&pem).unwrap();
        let ours = [Identifier::dns("a.test")];
        let (_, other) = issued(&["a.test"]);
        assert!(matches!(leaf.check(&ours, &other, NOW), Err(LeafError::OtherKey)));
        let more = [Identifier::dns("a.test"), Identifier::dns("b.test")];
        assert!(matches!(leaf.check(&more, &key, NOW), Err(LeafError::OtherNames { .. })));
        let late = datetime!(2026-12-01 0:00 UTC);
        assert!(matches!(leaf.check(&ours, &key, late), Err(LeafError::Expired(_))));
        assert!(matches!(Leaf::from_pem("nonsense"), Err(LeafError::Malformed)));
    }

    #[test]
    fn the_certificate_of_an_authority_is_nobodys_leaf() {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let leaf = Leaf::from_pem(&parameters.self_signed(&key).unwrap().pem()).unwrap();
        let ours = key.serialize_pem();
        assert!(matches!(leaf.check_key(&ours, NOW), Err(LeafError::Authority)));
        assert!(matches!(leaf.check(&[Identifier::dns("a.test")], &ours, NOW), Err(LeafError::Authority)));
    }

    #[test]
    fn an_address_is_no_dns_name_and_only_its_domain_ignores_letter_case() {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::default();
        parameters.subject_alt_names =
            vec![rcgen::SanType::Rfc822Name("Bob@example.com".try_into().unwrap())];
        let leaf = Leaf::from_pem(&parameters.self_signed(&key).unwrap().pem()).unwrap();
        let check = |wanted: Identifier| leaf.check(&[wanted], &key.serialize_pem(), NOW);
        check(Identifier::email("Bob@EXAMPLE.com")).unwrap();
        for other in [Identifier::email("bob@example.com"), Identifier::dns("Bob@example.com")] {
            assert!(matches!(check(other), Err(LeafError::OtherNames { .. })));
        }
    }
    #[test]
    fn whoever_has_no_address_is_named_by_the_account_and_a_later_beginning_is_refused() {
        let key = KeyPair::generate().unwrap();
        let named = |uri: &str, address: Option<&str>| {
            let mut parameters = CertificateParams::default();
            parameters.not_before = datetime!(2026-11-22 14:00 UTC);
            parameters.not_after = datetime!(2026-12-01 0:00 UTC);
            parameters.subject_alt_names = vec![rcgen::SanType::URI(uri.try_into().unwrap())];
            parameters
                .subject_alt_names
                .extend(address.map(|address| rcgen::SanType::Rfc822Name(address.try_into().unwrap())));
            Leaf::from_pem(&parameters.self_signed(&key).unwrap().pem()).unwrap()
        };
        let id = "urn:uuid:6fa2ed60-3f0b-4c6c-9f3c-2f6f2f0c9a11";
        let leaf = named(id, None);
        assert_eq!(leaf.names(), [id]);
        assert_eq!(named(id, Some("bob@a.test")).names(), ["bob@a.test"]);
        assert!(named("urn:uuid:\u{7f}-not-an-id-of-thirty-six-letters-", None).names().is_empty());
        let ours = key.serialize_pem();
        assert!(matches!(leaf.check_key(&ours, NOW), Err(LeafError::NotYet(_))));
        leaf.check_key(&ours, NOW + Duration::hours(1)).unwrap();
    }
}
