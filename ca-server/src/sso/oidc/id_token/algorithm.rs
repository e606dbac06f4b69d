//! Which signatures an ID token may have (RFC 7518 §3.1): an allow-list, and the one check of each.
//!
//! `none` and MACs are not on it: a MAC would be made with something the provider does not keep from us, or worse, with its public key.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{self, EcdsaVerificationAlgorithm, RsaParameters, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::sso::oidc::refusal::OidcRefusal;
use crate::verify::jwk::{EcCurve, Jwk};

/// An accepted signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
}

/// What a key must be to serve an algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyShape {
    Rsa,
    P256,
    P384,
}

impl Algorithm {
    /// The algorithm with this name in a header; `None` for every other.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "RS384" => Some(Self::Rs384),
            "RS512" => Some(Self::Rs512),
            "PS256" => Some(Self::Ps256),
            "PS384" => Some(Self::Ps384),
            "PS512" => Some(Self::Ps512),
            "ES256" => Some(Self::Es256),
            "ES384" => Some(Self::Es384),
            _ => None,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
        }
    }

    pub(crate) const fn shape(self) -> KeyShape {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => {
                KeyShape::Rsa
            }
            Self::Es256 => KeyShape::P256,
            Self::Es384 => KeyShape::P384,
        }
    }

    /// Verifies `signature` over `message`.
    pub(crate) fn verify(self, key: &Jwk, message: &[u8], signature: &[u8]) -> Result<(), OidcRefusal> {
        match self {
            Self::Rs256 => rsa(key, &signature::RSA_PKCS1_2048_8192_SHA256, message, signature),
            Self::Rs384 => rsa(key, &signature::RSA_PKCS1_2048_8192_SHA384, message, signature),
            Self::Rs512 => rsa(key, &signature::RSA_PKCS1_2048_8192_SHA512, message, signature),
            Self::Ps256 => rsa(key, &signature::RSA_PSS_2048_8192_SHA256, message, signature),
            Self::Ps384 => rsa(key, &signature::RSA_PSS_2048_8192_SHA384, message, signature),
            Self::Ps512 => rsa(key, &signature::RSA_PSS_2048_8192_SHA512, message, signature),
            Self::Es256 => ecdsa(key, EcCurve::P256, &signature::ECDSA_P256_SHA256_FIXED, message, signature),
            Self::Es384 => ecdsa(key, EcCurve::P384, &signature::ECDSA_P384_SHA384_FIXED, message, signature),
        }
    }
}

fn rsa(key: &Jwk, how: &'static RsaParameters, message: &[u8], signature: &[u8]) -> Result<(), OidcRefusal> {
    let Jwk::Rsa { e, n } = key else { return Err(OidcRefusal::Signature) };
    let components = PublicKeyComponents { n: octets(n)?, e: octets(e)? };
    components.verify(how, message, signature).map_err(|_| OidcRefusal::Signature)
}

fn ecdsa(
    key: &Jwk,
    curve: EcCurve,
    how: &'static EcdsaVerificationAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> Result<(), OidcRefusal> {
    let Jwk::Ec { crv, x, y } = key else { return Err(OidcRefusal::Signature) };
    if *crv != curve {
        return Err(OidcRefusal::Signature);
    }
    // The uncompressed point (SEC 1 §2.3.3).
    let point = [vec![4], octets(x)?, octets(y)?].concat();
    UnparsedPublicKey::new(how, point).verify(message, signature).map_err(|_| OidcRefusal::Signature)
}

fn octets(text: &str) -> Result<Vec<u8>, OidcRefusal> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| OidcRefusal::KeysMalformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_key_signatures_of_today_have_a_name() {
        for name in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384"] {
            assert_eq!(Algorithm::named(name).unwrap().name(), name);
        }
        for name in [
            "none", "None", "NONE", "", "HS256", "HS384", "HS512", "rs256", "RS1", "ES256K", "ES512", "EdDSA",
        ] {
            assert_eq!(Algorithm::named(name), None, "{name}");
        }
    }
}
