//! What a relying party trusts: named sets of root certificates, and the revocation lists it has at hand.
//!
//! A set's name says what its certificates mean: `internal` is the meeting provider's own authority, every other name an outside one, of which
//! `external-domain` vouches for DNS names only and `external-user` for e-mail addresses only. One authority may do both, so a root may be in these two
//! sets; any other root belongs to one set. Roots are the operator's choice; that they are CA certificates is checked, nothing else.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use rustls_pki_types::{CertificateDer, TrustAnchor};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use webpki::{CertRevocationList, OwnedCertRevocationList};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use crate::identifier::{Identifier, IdentifierKind};
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
    /// The same root in two sets that are not `external-domain` and `external-user`, so that its certificates would mean two things.
    #[error(
        "{name:?} is in trust set {set} and in {other}; only external-domain and external-user may share a root"
    )]
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

const INTERNAL: &str = "internal";
const EXTERNAL_DOMAIN: &str = "external-domain";
const EXTERNAL_USER: &str = "external-user";

impl TrustSetName {
    /// The set of the meeting provider's own authority.
    pub fn internal() -> Self {
        Self(INTERNAL.to_owned())
    }

    /// The set of outside authorities that are trusted for the DNS names of devices.
    pub fn external_domain() -> Self {
        Self(EXTERNAL_DOMAIN.to_owned())
    }

    /// The set of outside authorities that are trusted for the e-mail addresses of people.
    pub fn external_user() -> Self {
        Self(EXTERNAL_USER.to_owned())
    }

    /// Whether this is the provider's own set.
    pub fn is_internal(&self) -> bool {
        self.0 == INTERNAL
    }

    /// Whether authorities of this set are believed about such a name.
    pub fn vouches_for(&self, name: &Identifier) -> bool {
        match self.0.as_str() {
            EXTERNAL_DOMAIN => name.kind() == IdentifierKind::Dns,
            EXTERNAL_USER => name.kind() == IdentifierKind::Email,
            _ => true,
        }
    }

    /// Whether one root may be in this set and in the other: only if together they say nothing that contradicts.
    fn may_share_a_root_with(&self, other: &Self) -> bool {
        let outside = |set: &Self| matches!(set.as_str(), EXTERNAL_DOMAIN | EXTERNAL_USER);
        self == other || (outside(self) && outside(other))
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
            let sets = self.find(&root.anchor).map(|(sets, _)| sets).unwrap_or_default();
            if let Some(other) = sets.into_iter().find(|other| !other.may_share_a_root_with(&set)) {
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

    /// The roots of which the sets that hold them are wanted; one that is in two sets stands there twice.
    pub(crate) fn anchors(&self, wanted: impl Fn(&[&TrustSetName]) -> bool) -> Vec<TrustAnchor<'static>> {
        let holding = |root: &&Root| self.find(&root.anchor).is_some_and(|(sets, _)| wanted(&sets));
        self.sets.values().flatten().filter(holding).map(|root| root.anchor.clone()).collect()
    }

    /// The sets that hold an anchor of a verified path, and the root that it is.
    pub(crate) fn find(&self, anchor: &TrustAnchor<'_>) -> Option<(Vec<&TrustSetName>, &Root)> {
        let same = |root: &&Root| {
            root.anchor.subject == anchor.subject
                && root.anchor.subject_public_key_info == anchor.subject_public_key_info
        };
        let found: Vec<_> = self
            .sets
            .iter()
            .filter_map(|(set, roots)| roots.iter().find(same).map(|root| (set, root)))
            .collect();
        let root = found.first()?.1;
        Some((found.into_iter().map(|(set, _)| set).collect(), root))
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
