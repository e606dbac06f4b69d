//! What a relying party trusts: named sets of root certificates, and the revocation lists it has at hand.
//!
//! Each root belongs to one set, and the set's name says what its certificates mean: `internal` is the meeting provider's own authority, every
//! other name an outside one. Roots are the operator's choice; that they are CA certificates is checked, nothing else.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use rustls_pki_types::{CertificateDer, TrustAnchor};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use webpki::{CertRevocationList, OwnedCertRevocationList};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use crate::issuer::display_name;
use crate::pem::{PemError, parse_certificates};

/// Why something cannot be trusted or used for checking.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The name of a set is not one.
    #[error("trust set name {name:?} is not 1 to 64 lower-case letters, digits and hyphens")]
    SetName {
        /// What was given.
        name: String,
    },
    /// The file is not PEM certificates.
    #[error("trust set {set}: {fault}")]
    Pem {
        /// The set.
        set: TrustSetName,
        /// What is wrong.
        fault: PemError,
    },
    /// A certificate does not parse.
    #[error("trust set {set}: certificate {position} does not parse")]
    Malformed {
        /// The set.
        set: TrustSetName,
        /// Which one, from 1.
        position: usize,
    },
    /// A leaf among the roots.
    #[error("trust set {set}: {name:?} is not a CA certificate")]
    NotAuthority {
        /// The set.
        set: TrustSetName,
        /// Its name.
        name: String,
    },
    /// The same root in two sets, so that its certificates would mean two things.
    #[error("{name:?} is in trust set {set} and in {other}; a root belongs to one set")]
    TwoSets {
        /// The root's name.
        name: String,
        /// The set it was being added to.
        set: TrustSetName,
        /// The set it is in already.
        other: TrustSetName,
    },
    /// Not a revocation list.
    #[error("the revocation list does not parse: {detail}")]
    RevocationList {
        /// What the parser says.
        detail: String,
    },
}

/// The name of a trust set, such as `internal`, `external-domain` or `external-user`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TrustSetName(String);

impl TrustSetName {
    /// The set of the meeting provider's own authority.
    pub fn internal() -> Self {
        Self("internal".to_owned())
    }

    /// Whether this is the provider's own set.
    pub fn is_internal(&self) -> bool {
        self.0 == "internal"
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrustSetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TrustSetName {
    type Err = TrustError;

    fn from_str(text: &str) -> Result<Self, TrustError> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits { Ok(Self(text.to_owned())) } else { Err(TrustError::SetName { name: text.to_owned() }) }
    }
}

impl TryFrom<String> for TrustSetName {
    type Error = TrustError;

    fn try_from(text: String) -> Result<Self, TrustError> {
        text.parse()
    }
}

impl From<TrustSetName> for String {
    fn from(name: TrustSetName) -> Self {
        name.0
    }
}

/// One trusted root.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    pub(crate) anchor: TrustAnchor<'static>,
    pub(crate) name: String,
    pub(crate) not_before: OffsetDateTime,
    pub(crate) not_after: OffsetDateTime,
}

/// Named sets of trusted roots.
#[derive(Clone, Debug, Default)]
pub struct TrustSets {
    sets: BTreeMap<TrustSetName, Vec<Root>>,
}

impl TrustSets {
    /// Trusts nobody yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the certificates of a PEM file to a set.
    pub fn insert_pem(&mut self, set: TrustSetName, text: &str) -> Result<(), TrustError> {
        let certificates =
            parse_certificates(text).map_err(|fault| TrustError::Pem { set: set.clone(), fault })?;
        self.insert(set, &certificates)
    }

    /// Adds roots to a set; all of them or, on error, none.
    pub fn insert(&mut self, set: TrustSetName, roots: &[CertificateDer<'_>]) -> Result<(), TrustError> {
        let mut added = Vec::with_capacity(roots.len());
        for (at, der) in roots.iter().enumerate() {
            let root = read_root(&set, at + 1, der)?;
            let elsewhere = self.find(&root.anchor).filter(|(other, _)| **other != set);
            if let Some((other, _)) = elsewhere {
                return Err(TrustError::TwoSets { name: root.name, other: other.clone(), set });
            }
            added.push(root);
        }
        self.sets.entry(set).or_default().append(&mut added);
        Ok(())
    }

    /// The names of the sets.
    pub fn names(&self) -> impl Iterator<Item = &TrustSetName> {
        self.sets.keys()
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.sets.values().all(Vec::is_empty)
    }

    pub(crate) fn anchors(&self) -> Vec<TrustAnchor<'static>> {
        self.sets.values().flatten().map(|root| root.anchor.clone()).collect()
    }

    /// The set and root that an anchor of a verified path is.
    pub(crate) fn find(&self, anchor: &TrustAnchor<'_>) -> Option<(&TrustSetName, &Root)> {
        self.sets.iter().find_map(|(set, roots)| {
            let same = |root: &&Root| {
                root.anchor.subject == anchor.subject
                    && root.anchor.subject_public_key_info == anchor.subject_public_key_info
            };
            roots.iter().find(same).map(|root| (set, root))
        })
    }
}

fn read_root(set: &TrustSetName, position: usize, der: &CertificateDer<'_>) -> Result<Root, TrustError> {
    let malformed = || TrustError::Malformed { set: set.clone(), position };
    let parsed = match X509Certificate::from_der(der) {
        Ok(([], parsed)) => parsed,
        _ => return Err(malformed()),
    };
    let name = display_name(&parsed);
    if !parsed.is_ca() {
        return Err(TrustError::NotAuthority { set: set.clone(), name });
    }
    let anchor = webpki::anchor_from_trusted_cert(der).map_err(|_| malformed())?.to_owned();
    let validity = parsed.validity();
    let (not_before, not_after) = (validity.not_before.to_datetime(), validity.not_after.to_datetime());
    Ok(Root { anchor, name, not_before, not_after })
}

/// A revocation list, parsed but not yet believed: its signature is checked with each path it is used for.
#[derive(Debug)]
pub struct RevocationList(pub(crate) CertRevocationList<'static>);

impl RevocationList {
    /// Reads the DER of a complete list.
    pub fn from_der(der: &[u8]) -> Result<Self, TrustError> {
        let list = OwnedCertRevocationList::from_der(der)
            .map_err(|fault| TrustError::RevocationList { detail: format!("{fault:?}") })?;
        Ok(Self(CertRevocationList::Owned(list)))
    }
}
