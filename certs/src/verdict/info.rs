//! What a leaf says of itself, as one flat object: who, of what kind, by whom, how proven, from when to when, which certificate exactly.
//!
//! Everything but `authority` and `trust-set` is the certificate's own claim and worth no more than the verdict beside it. Text that the certificate's
//! maker chose has its control characters escaped.

use std::collections::BTreeSet;

use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Reason, leaf};
use crate::chain::TrustSetName;
use crate::identifier::{Identifier, IdentifierKind};
use crate::inspect::inspect_certificate;
use crate::leaf::Proof;

/// What kind of participant a certificate is made for, as its names and policies say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectKind {
    /// A person, by an e-mail address.
    Person,
    /// A device, by a DNS name.
    Device,
    /// Somebody or something with an account id and no other name.
    Account,
    /// Somebody who has not signed in.
    Guest,
    /// The certificate names nobody.
    Unknown,
}

impl SubjectKind {
    /// The name as it stands in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Device => "device",
            Self::Account => "account",
            Self::Guest => "guest",
            Self::Unknown => "unknown",
        }
    }
}

/// What a certificate says, and which authority stands behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CertInfo {
    /// The name shown, with its type: `email:bob@example.com`, `dns:room-1.example.com`, `uri:urn:uuid:…`. Empty if there is none.
    pub identity: String,
    /// The name shown.
    pub display_name: String,
    /// What it is made for.
    pub kind: SubjectKind,
    /// How the names were proven, as the certificate says.
    pub proofs: BTreeSet<Proof>,
    /// Its policies, dotted; those of proofs among them.
    pub policies: Vec<String>,
    /// The trusted root's name, if a path to it was verified.
    pub authority: Option<String>,
    /// The trust set of that root.
    pub trust_set: Option<TrustSetName>,
    /// The subject's whole name; empty if all names are alternative ones.
    pub subject: String,
    /// The issuer's whole name, as the certificate says.
    pub issuer: String,
    /// When it begins to be valid.
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// The kind of its key.
    pub public_key_algorithm: String,
    /// The algorithm that its issuer signed with.
    pub signature_algorithm: String,
    /// The serial number, hexadecimal.
    pub serial: String,
    /// SHA-256 of its DER, hexadecimal: its fingerprint.
    pub sha256: String,
}

/// Reads a leaf. Who vouches for it is added once that is known.
pub(super) fn read(
    der: &CertificateDer<'_>,
    identifiers: &[Identifier],
    proofs: &BTreeSet<Proof>,
) -> Result<CertInfo, Reason> {
    let report = inspect_certificate(der).map_err(|_| Reason::Malformed)?;
    let shown = leaf::shown(identifiers);
    let policies = report.proofs.iter().map(|proof| proof.oid()).chain(report.other_policies).collect();
    Ok(CertInfo {
        identity: shown.map(ToString::to_string).unwrap_or_default(),
        display_name: shown.map(Identifier::value).unwrap_or_default(),
        kind: kind(shown, proofs),
        proofs: proofs.clone(),
        policies,
        authority: None,
        trust_set: None,
        subject: report.subject,
        issuer: report.issuer,
        not_before: report.not_before,
        not_after: report.not_after,
        public_key_algorithm: report.key,
        signature_algorithm: report.signature_algorithm,
        serial: report.serial,
        sha256: report.sha256,
    })
}

fn kind(shown: Option<&Identifier>, proofs: &BTreeSet<Proof>) -> SubjectKind {
    if proofs.contains(&Proof::Anonymous) {
        return SubjectKind::Guest;
    }
    match shown.map(Identifier::kind) {
        Some(IdentifierKind::Email) => SubjectKind::Person,
        Some(IdentifierKind::Dns) => SubjectKind::Device,
        Some(IdentifierKind::Uri) => SubjectKind::Account,
        None => SubjectKind::Unknown,
    }
}
