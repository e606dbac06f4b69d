//! Which signature algorithms a request may use (RFC 8555 §6.2): an allow-list, never what the header asks for.
//!
//! `none` and MACs are refused here, before any key is looked at. A key serves exactly one algorithm.

use super::jwk::{EcCurve, Jwk};

/// An algorithm that may sign requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256 (RFC 7518 §3.4).
    Es256,
    /// ECDSA on P-384 with SHA-384 (RFC 7518 §3.4).
    Es384,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3).
    Rs256,
    /// Ed25519 (RFC 8037 §3.1).
    EdDsa,
}

impl Algorithm {
    /// The names of all, as a refusal lists them (RFC 8555 §6.2).
    pub const NAMES: &'static [&'static str] = &["ES256", "ES384", "RS256", "EdDSA"];

    /// The algorithm with this name in a JWS header; `None` for every other.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "ES256" => Some(Self::Es256),
            "ES384" => Some(Self::Es384),
            "RS256" => Some(Self::Rs256),
            "EdDSA" => Some(Self::EdDsa),
            _ => None,
        }
    }

    /// The name, as it stands in a JWS header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The one algorithm that a key serves.
    #[must_use]
    pub const fn of(key: &Jwk) -> Self {
        match key {
            Jwk::Ec { crv: EcCurve::P256, .. } => Self::Es256,
            Jwk::Ec { crv: EcCurve::P384, .. } => Self::Es384,
            Jwk::Rsa { .. } => Self::Rs256,
            Jwk::Okp { .. } => Self::EdDsa,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_is_an_algorithm_and_dangerous_ones_are_none() {
        for name in Algorithm::NAMES {
            assert_eq!(Algorithm::named(name).unwrap().name(), *name);
        }
        for name in ["none", "None", "", "HS256", "HS512", "es256", "PS256", "RS1", "ES256K", "ES512"] {
            assert_eq!(Algorithm::named(name), None, "{name}");
        }
    }
}
