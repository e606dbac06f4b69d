//! The fingerprint by which devices name a certificate: SHA-1 over its DER, as 40 lower-case hexadecimal digits.
//!
//! SHA-1 names a certificate among those of one device and proves nothing; what matters is looked at again by its content.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use data_encoding::HEXLOWER;

/// A fingerprint, in lower case without colons.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(String);

/// The text is no SHA-1 fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is 40 hexadecimal digits (SHA-1), with or without colons between octets")]
pub struct NotFingerprint;

impl Fingerprint {
    /// That of a certificate.
    pub fn of(certificate_der: &[u8]) -> Self {
        Self(HEXLOWER.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate_der).as_ref()))
    }

    /// The 40 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Fingerprint {
    type Err = NotFingerprint;

    fn from_str(text: &str) -> Result<Self, NotFingerprint> {
        let pairs: Vec<&str> = text.split(':').collect();
        let digits = match pairs.len() {
            1 => text.to_ascii_lowercase(),
            20 if pairs.iter().all(|pair| pair.len() == 2) => pairs.concat().to_ascii_lowercase(),
            _ => return Err(NotFingerprint),
        };
        match digits.len() == 40 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            true => Ok(Self(digits)),
            false => Err(NotFingerprint),
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
