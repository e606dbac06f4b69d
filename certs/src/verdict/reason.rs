//! Why a chain is unverified: one closed list, with the name that programs match on and a sentence for people.
//!
//! A name once given is never given to another reason. Nothing here decides anything.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a chain is unverified. The names are stable: programs may match on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The chain is empty.
    NoCertificate,
    /// The leaf, or a certificate above it, does not parse.
    Malformed,
    /// An extension is there twice.
    DuplicateExtension,
    /// A critical extension is not understood.
    UnknownCriticalExtension,
    /// The leaf is a CA certificate.
    CaAsLeaf,
    /// The leaf's key is not an uncompressed P-256 point.
    WrongKey,
    /// The leaf's key usage does not allow signatures.
    MissingKeyUsage,
    /// The leaf is not made for client authentication.
    MissingExtendedKeyUsage,
    /// The leaf names nobody.
    NoIdentifier,
    /// The leaf names somebody else than was expected.
    NameMismatch,
    /// A certificate of the path is no longer valid.
    Expired,
    /// A certificate of the path is not valid yet.
    NotYetValid,
    /// A certificate of the path was revoked.
    Revoked,
    /// A revocation list for the path is expired, or its signature is wrong.
    BadRevocationList,
    /// No path leads to a trusted root.
    UnknownIssuer,
    /// A signature in the path does not verify.
    InvalidSignature,
    /// The path breaks a rule: path length, name constraints, usage of a certificate above the leaf, or an unsupported algorithm.
    InvalidPath,
    /// The path leads to a root that is trusted, but not for such a name.
    WrongAuthority,
    /// All is in order, but the authority says that nothing was proven, or the internal one does not say how: a guest.
    Anonymous,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 19] = [
        Self::NoCertificate,
        Self::Malformed,
        Self::DuplicateExtension,
        Self::UnknownCriticalExtension,
        Self::CaAsLeaf,
        Self::WrongKey,
        Self::MissingKeyUsage,
        Self::MissingExtendedKeyUsage,
        Self::NoIdentifier,
        Self::NameMismatch,
        Self::Expired,
        Self::NotYetValid,
        Self::Revoked,
        Self::BadRevocationList,
        Self::UnknownIssuer,
        Self::InvalidSignature,
        Self::InvalidPath,
        Self::WrongAuthority,
        Self::Anonymous,
    ];

    /// The name as it stands in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoCertificate => "no-certificate",
            Self::Malformed => "malformed",
            Self::DuplicateExtension => "duplicate-extension",
            Self::UnknownCriticalExtension => "unknown-critical-extension",
            Self::CaAsLeaf => "ca-as-leaf",
            Self::WrongKey => "wrong-key",
            Self::MissingKeyUsage => "missing-key-usage",
            Self::MissingExtendedKeyUsage => "missing-extended-key-usage",
            Self::NoIdentifier => "no-identifier",
            Self::NameMismatch => "name-mismatch",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::Revoked => "revoked",
            Self::BadRevocationList => "bad-revocation-list",
            Self::UnknownIssuer => "unknown-issuer",
            Self::InvalidSignature => "invalid-signature",
            Self::InvalidPath => "invalid-path",
            Self::WrongAuthority => "wrong-authority",
            Self::Anonymous => "anonymous",
        }
    }

    /// What it means, in one sentence for people.
    pub fn explain(self) -> &'static str {
        match self {
            Self::NoCertificate => "no certificate was presented",
            Self::Malformed => "the certificate, or one above it, cannot be read",
            Self::DuplicateExtension => "the certificate has an extension twice",
            Self::UnknownCriticalExtension => {
                "the certificate has a critical extension that is not understood"
            }
            Self::CaAsLeaf => "the certificate is one of an authority, not of a participant",
            Self::WrongKey => "the certificate's key is not an uncompressed P-256 key",
            Self::MissingKeyUsage => "the certificate's key may not sign",
            Self::MissingExtendedKeyUsage => "the certificate is not made for client authentication",
            Self::NoIdentifier => "the certificate names nobody",
            Self::NameMismatch => "the certificate names somebody else",
            Self::Expired => "the certificate, or one above it, has expired",
            Self::NotYetValid => "the certificate, or one above it, is not valid yet",
            Self::Revoked => "the certificate, or one above it, was revoked",
            Self::BadRevocationList => "a revocation list is out of date, or was not signed by the authority",
            Self::UnknownIssuer => "no trusted authority issued the certificate",
            Self::InvalidSignature => "a signature does not verify: not what the authority signed",
            Self::InvalidPath => "an authority above the certificate was not allowed to issue it",
            Self::WrongAuthority => "the authority is trusted, but not for names of this kind",
            Self::Anonymous => "a guest: the authority says that nothing was proven",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
