//! The client secret of a device: octets, written as base64url without padding wherever people and devices see them.
//!
//! The guide fixes one form, the plain text of the first `ClientSecret Populate`; it leaves open what a `populate` blob carries. Here it is the same text
//! everywhere: in files, at the console, inside a blob. The octets are what the key is derived from. Wiped on drop, compared in constant time, never shown.

use aws_lc_rs::constant_time;
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use crate::key::KeyError;

/// A client secret.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

/// A text or a run of octets is no secret. Says nothing of what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSecret {
    /// There is nothing.
    #[error("the secret is empty")]
    Empty,
    /// More than a `populate` blob could carry.
    #[error("the secret has more than {} octets", Secret::MAX)]
    TooLong,
    /// Not base64url.
    #[error("the secret is not base64url without padding (A-Z a-z 0-9 - _)")]
    Text,
}

impl Secret {
    /// The most octets: so that a blob that replaces the secret fits the 1024 characters that devices take.
    pub const MAX: usize = 384;

    /// Octets of a generated secret.
    pub const GENERATED: usize = 32;

    /// Draws one of [`Secret::GENERATED`] octets.
    pub fn generate() -> Result<Self, KeyError> {
        let mut octets = Zeroizing::new(vec![0; Self::GENERATED]);
        crate::fill(&mut octets)?;
        Ok(Self(octets))
    }

    /// Takes the octets themselves.
    pub fn from_octets(octets: &[u8]) -> Result<Self, NotSecret> {
        match octets.len() {
            0 => Err(NotSecret::Empty),
            1..=Self::MAX => Ok(Self(Zeroizing::new(octets.to_vec()))),
            _ => Err(NotSecret::TooLong),
        }
    }

    /// Reads the base64url text; white space around it is not part of it.
    pub fn from_text(text: &str) -> Result<Self, NotSecret> {
        let text = text.trim_ascii().as_bytes();
        if text.len() > BASE64URL_NOPAD.encode_len(Self::MAX) {
            return Err(NotSecret::TooLong);
        }
        let octets = Zeroizing::new(BASE64URL_NOPAD.decode(text).map_err(|_| NotSecret::Text)?);
        Self::from_octets(&octets)
    }

    /// The base64url text. Each call site is a place where the secret can leak.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64URL_NOPAD.encode(&self.0))
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for Secret {}
