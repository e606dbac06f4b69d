//! Where new keys are made: in files, or in a token.
//!
//! Any text is taken, and one that is no usable URI is refused only when it is to be used: parsers of arguments and of configurations show what
//! they refuse, and a URI with a PIN in it must not be shown.

use std::convert::Infallible;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};

use super::{TokenUri, UriError};

/// Where new keys are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyStore {
    /// In files.
    #[default]
    File,
    /// In this token.
    Token(TokenUri),
    /// Nowhere: this is wrong with the URI.
    Unusable(UriError),
}

impl KeyStore {
    /// Whether keys are in files.
    #[must_use]
    pub fn is_file(&self) -> bool {
        *self == Self::File
    }

    /// The token, if it is one; `Err` if nothing can be made there.
    ///
    /// # Errors
    /// What is wrong with the URI.
    pub fn token(&self) -> Result<Option<&TokenUri>, UriError> {
        match self {
            Self::File => Ok(None),
            Self::Token(uri) => Ok(Some(uri)),
            Self::Unusable(error) => Err(error.clone()),
        }
    }
}

impl FromStr for KeyStore {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        if text == "file" {
            return Ok(Self::File);
        }
        // Each key gets a name of its own.
        Ok(text.parse::<TokenUri>().map_or_else(Self::Unusable, |uri| Self::Token(uri.store())))
    }
}

impl Serialize for KeyStore {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::File => serializer.serialize_str("file"),
            Self::Token(uri) => uri.serialize(serializer),
            Self::Unusable(error) => Err(ser::Error::custom(error)),
        }
    }
}

impl<'de> Deserialize<'de> for KeyStore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(text.parse().unwrap_or_else(|never: Infallible| match never {}))
    }
}
