//! How an identifier was proven, as configuration, orders and certificates say it.
//!
//! In a certificate each proof is a policy OID (RFC 5280 §4.2.1.4) below [`PROOF_ARC`], so that a relying party can tell a person who signed
//! in from an anonymous guest. `docs/oids.md` lists them. An OID once given is never given to another proof.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::asn1::object_identifier;

/// The arc below which the proofs are numbered.
///
/// It is the UUID `8224eede-c19a-4ab1-adbe-ab97ff856b43` below `1.2.840.113556.1.8000.2554`, the arc that Microsoft opened for OIDs made from
/// UUIDs in seven small numbers. The single-number form `2.25.{uuid}` (X.667) names the same UUID but has a 128-bit number in it, and Go before
/// 1.22, hence the lego of Debian 12, refuses to parse any certificate with such a policy.
pub const PROOF_ARC: [u64; 14] =
    [1, 2, 840, 113_556, 1, 8000, 2554, 33_316, 61_150, 49_562, 19_121, 44_478, 11_245_567, 8_743_747];

/// Why a text is not a proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown proof {text:?}; known are dns-01, dns-account-01, dns-persist-01, sso-01, token and anonymous"
)]
pub struct ProofError {
    /// What was given.
    pub text: String,
}

/// The way in which control of an identifier was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Proof {
    /// A TXT record at `_acme-challenge` (RFC 8555 §8.4).
    #[serde(rename = "dns-01")]
    Dns01,
    /// A TXT record at an account's own label (draft-ietf-acme-dns-account-label).
    #[serde(rename = "dns-account-01")]
    DnsAccount01,
    /// A standing TXT record (draft-ietf-acme-dns-persist).
    #[serde(rename = "dns-persist-01")]
    DnsPersist01,
    /// Single sign-on (draft-biggs-acme-sso).
    #[serde(rename = "sso-01")]
    Sso01,
    /// An access token of the internal authority.
    #[serde(rename = "token")]
    Token,
    /// Nothing was shown: a guest.
    #[serde(rename = "anonymous")]
    Anonymous,
}

impl Proof {
    /// Every proof, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Dns01, Self::DnsAccount01, Self::DnsPersist01, Self::Sso01, Self::Token, Self::Anonymous];

    /// The spelling in configuration, in challenges and in verdicts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns01 => "dns-01",
            Self::DnsAccount01 => "dns-account-01",
            Self::DnsPersist01 => "dns-persist-01",
            Self::Sso01 => "sso-01",
            Self::Token => "token",
            Self::Anonymous => "anonymous",
        }
    }

    /// Its number below [`PROOF_ARC`].
    pub fn number(self) -> u64 {
        match self {
            Self::Dns01 => 1,
            Self::DnsAccount01 => 2,
            Self::DnsPersist01 => 3,
            Self::Sso01 => 4,
            Self::Token => 5,
            Self::Anonymous => 6,
        }
    }

    /// The policy OID in dotted form.
    pub fn oid(self) -> String {
        let arcs = PROOF_ARC.iter().copied().chain([self.number()]);
        arcs.map(|arc| arc.to_string()).collect::<Vec<_>>().join(".")
    }

    /// The policy OID in DER, tag and length included.
    pub(crate) fn oid_der(self) -> Vec<u8> {
        let arcs: Vec<u64> = PROOF_ARC.iter().copied().chain([self.number()]).collect();
        object_identifier(&arcs)
    }

    /// The proof that a dotted policy OID names.
    pub fn from_oid(dotted: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|proof| proof.oid() == dotted)
    }

    /// Whether it shows control of a DNS name.
    pub fn is_dns(self) -> bool {
        match self {
            Self::Dns01 | Self::DnsAccount01 | Self::DnsPersist01 => true,
            Self::Sso01 | Self::Token | Self::Anonymous => false,
        }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Proof {
    type Err = ProofError;

    fn from_str(text: &str) -> Result<Self, ProofError> {
        Self::ALL
            .into_iter()
            .find(|proof| proof.as_str() == text)
            .ok_or_else(|| ProofError { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_proof_has_its_own_spelling_and_oid() {
        for proof in Proof::ALL {
            assert_eq!(proof.as_str().parse::<Proof>().unwrap(), proof);
            assert_eq!(Proof::from_oid(&proof.oid()), Some(proof));
            assert_eq!(serde_json::to_string(&proof).unwrap(), format!("\"{proof}\""));
        }
        assert_eq!(Proof::from_oid("2.5.29.32.0"), None);
        assert!("http-01".parse::<Proof>().is_err());
    }

    #[test]
    fn the_arc_is_the_documented_uuid() {
        let uuid = "8224eede-c19a-4ab1-adbe-ab97ff856b43".replace('-', "");
        let parts = [0..4, 4..8, 8..12, 12..16, 16..20, 20..26, 26..32];
        let arcs = parts.map(|range| u64::from_str_radix(&uuid[range], 16).unwrap());
        assert_eq!(PROOF_ARC[7..], arcs);
        assert!(PROOF_ARC.iter().all(|arc| *arc < 1 << 28), "an arc that old parsers cannot read");
    }
}
