//! What a relying party concludes from a chain: who it is, proven how, by which authority; or why it cannot say.
//!
//! A path to a trusted root is built by rustls-webpki (RFC 5280 §6). On top stand our own checks of the leaf, which are stricter: the certificate must be
//! an end entity on P-256 made for signing and client authentication, with nothing critical that is not understood. Anything that fails gives
//! `unverified` with one reason; there is no partial trust. The names of an unverified verdict are mere claims.

mod leaf;
mod path;

use std::collections::BTreeSet;
use std::fmt;

use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::chain::{RevocationList, TrustSetName, TrustSets};
use crate::identifier::Identifier;
use crate::leaf::Proof;

/// How far a chain is believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A trusted outside authority says so.
    VerifiedBy(TrustSetName),
    /// The meeting provider's own authority says so.
    Internal,
    /// Nobody who is trusted says so.
    Unverified,
}

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
}

impl Reason {
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
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is concluded from a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verdict {
    /// How far it is believed.
    pub state: State,
    /// Why it is not, if it is not.
    pub reason: Option<Reason>,
    /// Everyone the leaf names. Believe it only if the state is not `unverified`.
    pub who: Vec<Identifier>,
    /// The one name to show: an e-mail address before a DNS name before a URI.
    pub display: String,
    /// The trusted root's name, once a path to it was verified.
    pub authority: Option<String>,
    /// How the names were proven, as the authority says. Empty if unverified.
    pub proofs: BTreeSet<Proof>,
    /// When the leaf begins to be valid.
    #[serde(with = "time::serde::rfc3339::option")]
    pub not_before: Option<OffsetDateTime>,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339::option")]
    pub not_after: Option<OffsetDateTime>,
}

/// Judges a chain, leaf first, as presented by a peer.
///
/// `expected` is whom the peer claims to be by other means, if anyone. With `revocation_lists` empty, revocation is not looked at; a certificate
/// without a list is taken as not revoked.
pub fn verdict(
    chain: &[CertificateDer<'_>],
    trust: &TrustSets,
    expected: Option<&Identifier>,
    revocation_lists: &[RevocationList],
    now: OffsetDateTime,
) -> Verdict {
    let mut verdict = Verdict {
        state: State::Unverified,
        reason: None,
        who: Vec::new(),
        display: String::new(),
        authority: None,
        proofs: BTreeSet::new(),
        not_before: None,
        not_after: None,
    };
    match judge(&mut verdict, chain, trust, expected, &path::Circumstances { revocation_lists, now }) {
        Ok(()) => {}
        Err(reason) => {
            verdict.state = State::Unverified;
            verdict.reason = Some(reason);
            verdict.proofs.clear();
        }
    }
    verdict
}

fn judge(
    verdict: &mut Verdict,
    chain: &[CertificateDer<'_>],
    trust: &TrustSets,
    expected: Option<&Identifier>,
    circumstances: &path::Circumstances<'_>,
) -> Result<(), Reason> {
    let (end_entity, intermediates) = chain.split_first().ok_or(Reason::NoCertificate)?;
    let facts = leaf::read(end_entity)?;
    verdict.display = facts.display();
    verdict.who = facts.identifiers.clone();
    verdict.not_before = Some(facts.not_before);
    verdict.not_after = Some(facts.not_after);
    facts.check()?;
    let trusted = path::build(end_entity, intermediates, trust, circumstances)?;
    let matches = |name: &Identifier| expected.is_none_or(|expected| leaf::names(name, expected));
    if !facts.identifiers.iter().any(matches) {
        return Err(Reason::NameMismatch);
    }
    verdict.authority = Some(trusted.root);
    verdict.state = if trusted.set.is_internal() { State::Internal } else { State::VerifiedBy(trusted.set) };
    verdict.proofs = facts.proofs;
    Ok(())
}

/// One line for people, such as `room-1.example.com: verified by Example root (dns-01)`.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = if self.display.is_empty() { "nobody" } else { &self.display };
        let authority = self.authority.as_deref().unwrap_or("nobody");
        match (&self.state, self.reason) {
            (State::VerifiedBy(_), _) => write!(f, "{who}: verified by {authority}")?,
            (State::Internal, _) => write!(f, "{who}: internal ({authority})")?,
            (State::Unverified, Some(reason)) => write!(f, "{who}: unverified ({reason})")?,
            (State::Unverified, None) => write!(f, "{who}: unverified")?,
        }
        if !self.proofs.is_empty() {
            let proofs: Vec<_> = self.proofs.iter().map(|proof| proof.as_str()).collect();
            write!(f, ", proven by {}", proofs.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
