//! Whether a profile can be had at all for an identifier, whatever the rules say. The server asks this before the rules, and so
//! do policy tables: both must come to the same answer.

use certs::identifier::{Identifier, IdentifierKind};
use certs::leaf::{LeafProfile, ProfileName, Proof};
use certs::name::DnsName;

/// Why a profile does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The profile is for other kinds of identifier.
    #[error("profile `{profile}` is not for {kind} identifiers")]
    Kind {
        /// The profile.
        profile: ProfileName,
        /// The kind that it is not for.
        kind: IdentifierKind,
    },
    /// The profile is not for wildcards.
    #[error("profile `{profile}` is not for wildcards")]
    Wildcard {
        /// The profile.
        profile: ProfileName,
    },
    /// No proof was given.
    #[error("nothing was proven")]
    NoProof,
    /// A proof that the profile does not count.
    #[error("profile `{profile}` does not count {proof} as a proof")]
    Proof {
        /// The profile.
        profile: ProfileName,
        /// The proof.
        proof: Proof,
    },
}

/// Does the profile fit the identifier? With proofs, do they count too? `None` asks before anything is proven.
///
/// # Errors
/// The first reason why not.
pub fn admit(profile: &LeafProfile, identifier: &Identifier, proofs: Option<&[Proof]>) -> Result<(), Misfit> {
    let name = || profile.name.clone();
    let kind = identifier.kind();
    if !profile.identifiers.contains(&kind) {
        return Err(Misfit::Kind { profile: name(), kind });
    }
    if !profile.wildcards && identifier.as_dns().is_some_and(DnsName::is_wildcard) {
        return Err(Misfit::Wildcard { profile: name() });
    }
    match proofs {
        None => Ok(()),
        Some([]) => Err(Misfit::NoProof),
        Some(proofs) => match proofs.iter().find(|proof| !profile.proofs.contains(proof)) {
            Some(proof) => Err(Misfit::Proof { profile: name(), proof: *proof }),
            None => Ok(()),
        },
    }
}
