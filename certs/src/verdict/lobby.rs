//! Where a host sees somebody who waits in the lobby: among the own organisation, among guests, or among the unverified.
//!
//! Works from a verdict and the domains that the host's organisation says are its own. Trusts the verdict; an unverified one never gets anybody
//! among the own, whatever it names.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{State, Verdict};
use crate::identifier::Identifier;
use crate::name::DnsName;

/// The group that somebody in the lobby is shown in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lobby {
    /// Of the host's own organisation.
    MyOrganisation,
    /// Of another one, or of none that is known, but known to be who they say.
    Guests,
    /// Nobody vouches for them.
    Unverified,
}

impl Lobby {
    /// The group as people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MyOrganisation => "my organisation",
            Self::Guests => "guests",
            Self::Unverified => "unverified",
        }
    }
}

impl fmt::Display for Lobby {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The group for a verdict, given the domains of the host's organisation.
///
/// Every name with a domain must be the organisation's, and there must be one: an account id alone belongs to nobody who can be told. A device that
/// proved its name through DNS is of the organisation if the name is one of the domains or lies below one. A person is only if the address is at exactly
/// one of them, since whoever runs a subdomain may well give addresses to others; and so is a device of an internal authority, which carries a domain of
/// its organisation and no name of its own: one that carries a subdomain is of whoever verified that.
pub fn lobby(verdict: &Verdict, domains: &[DnsName]) -> Lobby {
    if verdict.state == State::Unverified {
        return Lobby::Unverified;
    }
    let own = |name: &Identifier| match name {
        Identifier::Dns(name) if verdict.state == State::Internal => Some(domains.contains(name)),
        Identifier::Dns(name) => Some(domains.iter().any(|domain| name.is_within(domain))),
        Identifier::Email(address) => Some(domains.contains(address.domain())),
        Identifier::Uri(_) => None,
    };
    let mut told = verdict.who.iter().filter_map(own).peekable();
    if told.peek().is_some() && told.all(|own| own) { Lobby::MyOrganisation } else { Lobby::Guests }
}
