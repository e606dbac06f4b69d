//! The content encryption key: scrypt (RFC 7914) over the client secret, with the cost that `cisco-kdf` version 1 fixes.
//!
//! A 16-octet key is the beginning of the 32-octet key of the same secret and salt. A salt must therefore never serve both encryptions, and never two blobs: the one
//! initialization vector that comes twice breaks both. Each derivation takes [`DERIVE_MEMORY`]; who derives many at once bounds how many.

use std::fmt;

use scrypt::Params;
use zeroize::Zeroizing;

use crate::action::Encryption;
use crate::secret::Secret;

/// Memory that one derivation takes: 128 · N · r octets (RFC 7914 §6), and a little.
pub const DERIVE_MEMORY: usize = 128 * (1 << LOG_N) * R as usize;

const LOG_N: u8 = 15;
const R: u32 = 8;
const P: u32 = 1;

/// A key could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The operating system gave no random octets.
    #[error("the operating system gave no random octets")]
    Entropy,
    /// The library failed.
    #[error("the crypto library could not {act}")]
    Library {
        /// What it was asked to do.
        act: &'static str,
    },
}

/// A salt of a length that devices take.
#[derive(Clone, PartialEq, Eq)]
pub struct Salt(Vec<u8>);

/// A salt is too short or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a salt has {} to {} octets, this one {octets}", Salt::MIN, Salt::MAX)]
pub struct SaltLength {
    /// Octets that came.
    pub octets: usize,
}

impl Salt {
    /// The fewest octets: what the devices' guide asks for.
    pub const MIN: usize = 4;
    /// The most octets.
    pub const MAX: usize = 64;

    /// Takes octets as a salt.
    pub fn new(octets: &[u8]) -> Result<Self, SaltLength> {
        match octets.len() {
            Self::MIN..=Self::MAX => Ok(Self(octets.to_vec())),
            octets => Err(SaltLength { octets }),
        }
    }

    /// Sixteen drawn octets.
    pub(crate) fn drawn(octets: [u8; 16]) -> Self {
        Self(octets.to_vec())
    }

    /// The octets.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Salt({} octets)", self.0.len())
    }
}

/// A content encryption key, with the salt and the encryption it was made for.
pub struct ContentKey {
    key: Zeroizing<Vec<u8>>,
    salt: Salt,
    encryption: Encryption,
}

impl ContentKey {
    /// Derives it. Takes [`DERIVE_MEMORY`] and about a tenth of a second.
    pub fn derive(secret: &Secret, salt: &Salt, encryption: Encryption) -> Result<Self, KeyError> {
        let failed = KeyError::Library { act: "derive the key" };
        let params = Params::new(LOG_N, R, P, encryption.key_octets()).map_err(|_| failed)?;
        let mut key = Zeroizing::new(vec![0; encryption.key_octets()]);
        scrypt::scrypt(secret.octets(), salt.octets(), &params, &mut key).map_err(|_| failed)?;
        Ok(Self { key, salt: salt.clone(), encryption })
    }

    /// The salt it was derived with.
    pub fn salt(&self) -> &Salt {
        &self.salt
    }

    /// What it encrypts with.
    pub fn encryption(&self) -> Encryption {
        self.encryption
    }

    /// The key itself. Each call site is a place where it can leak.
    pub fn octets(&self) -> &[u8] {
        &self.key
    }
}
