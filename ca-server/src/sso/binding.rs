//! What binds a sign-in to a link, to a browser and to an account's key (`docs/acme-sso.md`, *Binding*).
//!
//! Secrets have 256 random bits (handles 128, because SAML bounds what comes back to 80 octets); what comes back to us is kept as SHA-256.
//! The commitment is what the provider signs: it names the account's key, so an answer obtained for another key does not fit.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use subtle::ConstantTimeEq as _;

use crate::ids::{NoEntropy, SignInId, random_bytes};

/// Longest secret that is looked at; ours are shorter.
const LONGEST: usize = 128;

/// A fresh secret of 256 bits, base64url.
///
/// # Errors
/// If the system's generator fails.
pub fn secret() -> Result<String, NoEntropy> {
    Ok(BASE64URL_NOPAD.encode(&random_bytes::<32>()?))
}

/// The form in which a secret is kept.
#[must_use]
pub fn hashed(secret: &str) -> String {
    BASE64URL_NOPAD.encode(digest(&SHA256, secret.as_bytes()).as_ref())
}

/// Whether `secret` is the one that `kept` was made from.
#[must_use]
pub fn matches(secret: &str, kept: &str) -> bool {
    secret.len() <= LONGEST && bool::from(hashed(secret).as_bytes().ct_eq(kept.as_bytes()))
}

/// The sign-in that the link with this secret leads to; `None` if no link of ours has such a secret.
#[must_use]
pub fn sign_in_of(link_secret: &str) -> Option<SignInId> {
    if link_secret.len() > LONGEST {
        return None;
    }
    let hash = digest(&SHA256, link_secret.as_bytes());
    hash.as_ref().first_chunk::<16>().copied().map(SignInId::from_bytes)
}

/// A handle that leads back to a sign-in: its id, and a secret of 128 bits. 44 letters, digits, `-` and `_`; it is kept as a hash.
///
/// One is what the provider gives back unchanged (`RelayState`, `state`), another stands in the address of the confirm page.
///
/// # Errors
/// If the system's generator fails.
pub fn handle(id: SignInId) -> Result<String, NoEntropy> {
    Ok(format!("{id}{}", BASE64URL_NOPAD.encode(&random_bytes::<16>()?)))
}

/// The sign-in that a handle names. Whether it is a handle of ours is for [`matches()`] to say.
#[must_use]
pub fn sign_in_of_handle(handle: &str) -> Option<SignInId> {
    let (id, _) = handle.split_at_checked(22)?;
    id.parse().ok()
}

/// SHA-256 over key authorization and nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commitment([u8; 32]);

impl Commitment {
    /// Commits to the key authorization (RFC 8555 §8.1) under `nonce`.
    #[must_use]
    pub fn new(key_authorization: &str, nonce: &str) -> Self {
        let hash = digest(&SHA256, [key_authorization.as_bytes(), nonce.as_bytes()].concat().as_slice());
        Self(hash.as_ref().first_chunk::<32>().copied().unwrap_or_default())
    }

    /// The form of a SAML request id: an XML name.
    #[must_use]
    pub fn request_id(&self) -> String {
        format!("_{}", HEXLOWER.encode(&self.0))
    }

    /// The form of an OIDC nonce, which is also the form it is kept in.
    #[must_use]
    pub fn nonce(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_matches_its_own_hash_and_no_other() {
        let (one, other) = (secret().unwrap(), secret().unwrap());
        assert_eq!(one.len(), 43);
        assert!(matches(&one, &hashed(&one)));
        assert!(!matches(&other, &hashed(&one)) && !matches("", &hashed(&one)));
        assert!(!matches(&"a".repeat(LONGEST + 1), &hashed(&"a".repeat(LONGEST + 1))));
    }

    #[test]
    fn a_handle_names_its_sign_in_and_fits_into_saml() {
        let id = sign_in_of(&secret().unwrap()).unwrap();
        let state = handle(id).unwrap();
        assert!(crate::sso::saml::RelayState::parse(&state).is_some(), "{state}");
        assert_eq!(sign_in_of_handle(&state), Some(id));
        for strange in ["", ".", "x.y", "https://evil.example/", "ü234567890123456789012345"] {
            assert_eq!(sign_in_of_handle(strange), None, "{strange}");
        }
    }

    #[test]
    fn the_commitment_changes_with_key_token_and_nonce_and_is_an_xml_name() {
        let base = Commitment::new("token.thumbprint", "nonce");
        for other in [
            Commitment::new("token.other", "nonce"),
            Commitment::new("other.thumbprint", "nonce"),
            Commitment::new("token.thumbprint", "other"),
        ] {
            assert_ne!(base, other);
        }
        assert_eq!(base, Commitment::new("token.thumbprint", "nonce"));
        assert_eq!(base.request_id().len(), 65);
        assert!(base.request_id().starts_with('_') && base.nonce().len() == 43);
    }
}
