//! A token: a secret that goes into one header and never into a log or a message.
//!
//! Decides whether a text can be one (RFC 6750 §2.1); whom it speaks for, only the authority knows.

use std::{
    fmt, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use data_encoding::BASE64;
use http::HeaderValue;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

/// Longer ones fit into no header.
const LONGEST: usize = 16 * 1024;

/// Why a text is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenFault {
    /// It cannot stand in a header.
    #[error("a token is 1 to {LONGEST} letters, digits and `-._~+/=`; this is none")]
    NotToken,
    /// The file cannot be read.
    #[error("cannot read the token file {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds none.
    #[error("{} does not hold a token", .0.display())]
    NotInFile(PathBuf),
}

/// A token. Wiped when dropped; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// Takes a text that can be a token.
    ///
    /// # Errors
    /// [`TokenFault::NotToken`]
    pub fn new(text: Zeroizing<String>) -> Result<Self, TokenFault> {
        let allowed = |octet: u8| {
            octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
        };
        let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(allowed);
        if fits { Ok(Self(text)) } else { Err(TokenFault::NotToken) }
    }

    /// Reads the token of a file; white space around it does not count.
    ///
    /// # Errors
    /// [`TokenFault::File`] or [`TokenFault::NotInFile`]
    pub fn read(path: &Path) -> Result<Self, TokenFault> {
        let mut text = Zeroizing::new(String::new());
        let limit = u64::try_from(LONGEST + 64).unwrap_or(u64::MAX);
        fs::File::open(path)
            .and_then(|file| file.take(limit).read_to_string(&mut text))
            .map_err(|source| TokenFault::File { path: path.to_path_buf(), source })?;
        Self::new(Zeroizing::new(text.trim().to_owned()))
            .map_err(|_| TokenFault::NotInFile(path.to_path_buf()))
    }

    /// The secret, for the state directory and for proofs.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `Bearer …`, marked as not to be shown.
    pub(super) fn header(&self) -> Result<HeaderValue, TokenFault> {
        let line = Zeroizing::new(format!("Bearer {}", self.0.as_str()));
        let mut value = HeaderValue::from_str(&line).map_err(|_| TokenFault::NotToken)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// `Basic …` with the token as password (RFC 7617 §2), marked as not to be shown.
    pub(super) fn password_of(&self, user: &str) -> Result<HeaderValue, TokenFault> {
        let pair = Zeroizing::new(format!("{user}:{}", self.0.as_str()));
        let line = Zeroizing::new(format!("Basic {}", BASE64.encode(pair.as_bytes())));
        let mut value = HeaderValue::from_str(&line).map_err(|_| TokenFault::NotToken)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// For the state directory alone, whose files are for their owner.
impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer).map(Zeroizing::new)?;
        Self::new(text).map_err(de::Error::custom)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}
