//! What a relying party concludes from a chain: who it is, proven how, by which authority; or why it cannot say.
//!
//! A path to a trusted root is built by rustls-webpki (RFC 5280 §6). On top stand our own checks of the leaf, which are stricter: the certificate must be
//! an end entity on P-256 made for signing and client authentication, with nothing critical that is not understood, and its root must stand in a set that
//! vouches for such names. Anything that fails gives `unverified` with one reason; there is no partial trust. The names of an unverified verdict are mere
//! claims.

mod info;
mod leaf;
mod lobby;
mod path;
mod reason;

use std::collections::BTreeSet;
use std::fmt;

use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::chain::{RevocationList, TrustSetName, TrustSets};
use crate::identifier::Identifier;
use crate::leaf::Proof;

pub use info::{CertInfo, SubjectKind};
pub use lobby::{Lobby, lobby};
pub use reason::Reason;

/// How far a chain is believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A trusted outside authority says so.
    VerifiedBy(TrustSetName),
    /// The meeting provider's own authority says so.
    Internal,
    /// Nobody who is trusted says so, or the authority says that nothing was proven.
    Unverified,
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
    /// The trusted root's name, once a path to it was verified. A guest's is known too.
    pub authority: Option<String>,
    /// How the names were proven, as the authority says. Empty if no authority is trusted for them.
    pub proofs: BTreeSet<Proof>,
    /// When the leaf begins to be valid.
    #[serde(with = "time::serde::rfc3339::option")]
    pub not_before: Option<OffsetDateTime>,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339::option")]
    pub not_after: Option<OffsetDateTime>,
    /// Everything the leaf says of itself, for hosts that want to look closer. Absent if it does not parse.
    pub info: Option<CertInfo>,
}

/// Judges a chain, leaf first, as presented by a peer.
///
/// A root in `external-domain` vouches for DNS names alone, one in `external-user` for e-mail addresses alone; `internal` and sets of any other name
/// vouch for whatever their authorities certify. A certificate whose policy is [`Proof::Anonymous`] is of a guest, and so is one of `internal` without
/// the policy of any proof: its chain may be in order, its holder stays unverified. `expected` is whom the peer claims to be by other means, if anyone. With `revocation_lists` empty, revocation is not looked at; a certificate
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
        info: None,
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
    verdict.info = Some(facts.info.clone());
    facts.check()?;
    let trusted = path::build(end_entity, intermediates, trust, &facts.identifiers, circumstances)?;
    let matches = |name: &Identifier| expected.is_none_or(|expected| leaf::names(name, expected));
    if !facts.identifiers.iter().any(matches) {
        return Err(Reason::NameMismatch);
    }
    if let Some(info) = &mut verdict.info {
        info.authority = Some(trusted.root.clone());
        info.trust_set = Some(trusted.set.clone());
    }
    verdict.authority = Some(trusted.root);
    // What our own authority issues says how it was proven: a certificate that does not is of nobody known.
    let unsaid = trusted.set.is_internal() && facts.proofs.is_empty();
    if unsaid || facts.proofs.contains(&Proof::Anonymous) {
        verdict.reason = Some(Reason::Anonymous);
    } else if trusted.set.is_internal() {
        verdict.state = State::Internal;
    } else {
        verdict.state = State::VerifiedBy(trusted.set);
    }
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
        if self.state != State::Unverified && !self.proofs.is_empty() {
            let proofs: Vec<_> = self.proofs.iter().map(|proof| proof.as_str()).collect();
            write!(f, ", proven by {}", proofs.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
