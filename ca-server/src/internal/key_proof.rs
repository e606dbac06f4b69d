//! That whoever refreshes a device's token holds the key it is bound to: a JWS (ES256) over the digest of the token, the address and the time.
//!
//! It is of no use with another token, at another address or later, and gives nothing to somebody without the key. It may name the key to bind to
//! from now on.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certs::key::{KeyKind, PublicKey};
use subtle::ConstantTimeEq as _;
use time::{Duration, OffsetDateTime};

use super::machine::DeviceKey;
use crate::sso::oidc::OidcRefusal;
use crate::sso::oidc::id_token::{Algorithm, IdToken};
use crate::verify::jwk::{EcCurve, Jwk, WireJwk};

/// `typ` of the header.
pub const TYPE: &str = "rollcall-key-proof+jwt";

/// How far the time of a proof may be from ours.
const SKEW: Duration = Duration::minutes(5);

/// A proof that holds.
#[derive(Debug)]
pub struct KeyProof {
    /// The key to bind to from now on, if another.
    pub new_key: Option<DeviceKey>,
}

/// Why a proof does not hold.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// It is no proof.
    #[error("`proof` must be a compact JWS of type {TYPE}, signed with ES256: {0}")]
    Malformed(&'static str),
    /// It is signed by another key.
    #[error("`proof` is not signed by the key that the token is bound to")]
    Signature,
    /// It is about another token or address.
    #[error("`proof` is for another {0}")]
    Other(&'static str),
    /// It is too old, or from the future.
    #[error("`proof` was made at {0}; make a new one, and look at the clock")]
    Stale(OffsetDateTime),
    /// The new key cannot be bound.
    #[error("`key` of the proof must be a P-256 key without its private part")]
    Key,
}

impl ProofError {
    /// The stable word.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Signature => "signature",
            Self::Other(_) => "other",
            Self::Stale(_) => "stale",
            Self::Key => "key",
        }
    }
}

impl From<OidcRefusal> for ProofError {
    fn from(refusal: OidcRefusal) -> Self {
        match refusal {
            OidcRefusal::IdTokenMalformed(what) => Self::Malformed(what),
            OidcRefusal::Claim(name) => Self::Malformed(name),
            OidcRefusal::Algorithm(_) => Self::Malformed("the algorithm"),
            OidcRefusal::DiscoveryUnreachable(_)
            | OidcRefusal::DiscoveryMalformed(_)
            | OidcRefusal::DiscoveryIssuer { .. }
            | OidcRefusal::DiscoveryEndpoint(_)
            | OidcRefusal::DiscoveryUnsupported(_)
            | OidcRefusal::Resting { .. }
            | OidcRefusal::CallbackMalformed(_)
            | OidcRefusal::ProviderRefused(_)
            | OidcRefusal::CallbackIssuer
            | OidcRefusal::TokenUnreachable(_)
            | OidcRefusal::CodeRefused(_)
            | OidcRefusal::TokenMalformed(_)
            | OidcRefusal::IdTokenMissing
            | OidcRefusal::KeysUnreachable(_)
            | OidcRefusal::KeysMalformed
            | OidcRefusal::KeyUnknown
            | OidcRefusal::KeyAmbiguous
            | OidcRefusal::KeyUnusable(_)
            | OidcRefusal::Signature
            | OidcRefusal::Issuer(_)
            | OidcRefusal::Audience
            | OidcRefusal::AuthorizedParty
            | OidcRefusal::Expired(_)
            | OidcRefusal::NotYetValid(_)
            | OidcRefusal::IssuedInFuture(_)
            | OidcRefusal::Nonce
            | OidcRefusal::AuthenticationTimeMissing
            | OidcRefusal::AuthenticationStale(_)
            | OidcRefusal::AuthenticationInFuture(_)
            | OidcRefusal::Context(_)
            | OidcRefusal::Method
            | OidcRefusal::UserInfoUnreachable(_)
            | OidcRefusal::UserInfoSubject
            | OidcRefusal::EmailMissing
            | OidcRefusal::EmailMalformed(_)
            | OidcRefusal::EmailUnverified => Self::Signature,
        }
    }
}

impl KeyProof {
    /// Checks a proof for `token` at `address`.
    ///
    /// # Errors
    /// [`ProofError`]
    pub fn verify(
        proof: &str,
        key: &Jwk,
        (token, address): (&str, &str),
        now: OffsetDateTime,
    ) -> Result<Self, ProofError> {
        let jws = IdToken::parse_any(proof)?;
        if jws.typ.as_deref() != Some(TYPE) {
            return Err(ProofError::Malformed("typ"));
        }
        if jws.algorithm != Algorithm::Es256 {
            return Err(ProofError::Malformed("the algorithm"));
        }
        let claims = jws.verify(key)?;
        if claims.text("aud")? != Some(address) {
            return Err(ProofError::Other("address"));
        }
        let expected = URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()));
        let named = claims.text("token_sha256")?.unwrap_or_default();
        if !bool::from(named.as_bytes().ct_eq(expected.as_bytes())) {
            return Err(ProofError::Other("token"));
        }
        let made = claims.time("iat")?.ok_or(ProofError::Malformed("iat"))?;
        if (now - made).abs() > SKEW {
            return Err(ProofError::Stale(made));
        }
        let new_key = claims.value("key").map(new_key).transpose()?;
        Ok(Self { new_key })
    }
}

fn new_key(value: &serde_json::Value) -> Result<DeviceKey, ProofError> {
    let jwk = WireJwk::deserialize(value).ok().and_then(|wire| wire.check().ok()).ok_or(ProofError::Key)?;
    let Jwk::Ec { crv: EcCurve::P256, x, y } = &jwk else { return Err(ProofError::Key) };
    let octets = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| ProofError::Key);
    let point = [vec![4], octets(x)?, octets(y)?].concat();
    let key = PublicKey::from_point(KeyKind::P256, &point).map_err(|_| ProofError::Key)?;
    DeviceKey::of(&key).ok_or(ProofError::Key)
}
