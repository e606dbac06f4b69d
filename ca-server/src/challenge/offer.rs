//! Which challenges an identifier is given: the DNS proofs that are turned on for names, one `sso-01` for each identity provider that may
//! speak for an address.

use certs::identifier::Identifier;
use certs::leaf::{LeafProfile, Proof};

use crate::sso::providers::Providers;

/// What this server can check.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// The DNS proofs that are turned on.
    pub proofs: &'a [Proof],
    /// The identity providers.
    pub providers: &'a Providers,
}

/// One way to prove an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way<'a> {
    /// The kind of proof.
    pub proof: Proof,
    /// The identity provider by its name, where the person signs in.
    pub provider: Option<&'a str>,
}

impl<'a> Offer<'a> {
    /// The ways in which `identifier` can be proven for `profile`, in the order of the configuration.
    #[must_use]
    pub fn ways(&self, profile: &LeafProfile, identifier: &Identifier) -> Vec<Way<'a>> {
        let accepts = |proof: &Proof| profile.proofs.contains(proof);
        match identifier {
            Identifier::Dns(_) => {
                let proofs = self.proofs.iter().copied().filter(|proof| proof.is_dns() && accepts(proof));
                proofs.map(|proof| Way { proof, provider: None }).collect()
            }
            Identifier::Email(_) if accepts(&Proof::Sso01) => {
                let providers = self.providers.iter().filter(|provider| provider.may_vouch_for(identifier));
                providers
                    .map(|provider| Way { proof: Proof::Sso01, provider: Some(provider.name()) })
                    .collect()
            }
            Identifier::Email(_) | Identifier::Uri(_) => Vec::new(),
        }
    }

    /// Whether a proof that was given once may still be relied on: its identity provider may still speak for the address.
    #[must_use]
    pub fn still_trusts(&self, identifier: &Identifier, provider: Option<&str>) -> bool {
        match provider {
            None => true,
            Some(name) => self.providers.named(name).is_some_and(|one| one.may_vouch_for(identifier)),
        }
    }
}
