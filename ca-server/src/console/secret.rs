//! What a browser shows to prove that it is signed in. It goes into a cookie or a link and nowhere else: no log, no error, no record.

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::ids::NoEntropy;
use crate::sso::binding;

/// A secret of 256 bits, base64url.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A fresh one.
    ///
    /// # Errors
    /// If the system's generator fails.
    pub fn fresh() -> Result<Self, NoEntropy> {
        Ok(Self(Zeroizing::new(binding::secret()?)))
    }

    /// What somebody showed.
    #[must_use]
    pub fn shown(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The text, for the cookie or the link.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The form in which it is kept.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash(binding::hashed(&self.0))
    }

    /// Whether somebody showed the same text.
    #[must_use]
    pub fn is(&self, shown: &str) -> bool {
        self.0.as_bytes().ct_eq(shown.as_bytes()).into()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// SHA-256 of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hash(String);

impl Hash {
    /// Whether it is of this secret.
    #[must_use]
    pub fn is_of(&self, secret: &Secret) -> bool {
        binding::matches(secret.expose(), &self.0)
    }
}
