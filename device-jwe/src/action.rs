//! The two closed lists of the header: what a blob is for (`cisco-action`) and how it is encrypted (`enc`, RFC 7518 §5.1).
//!
//! A name that is not on the list is refused; nothing falls back to another.

use std::fmt;
use std::str::FromStr;

/// What the device is asked to do with the payload (`cisco-action`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Take a certificate chain and its key.
    Add,
    /// Replace the client secret; an empty payload removes it.
    Populate,
    /// Use the certificate with this fingerprint.
    Activate,
    /// Use it no longer.
    Deactivate,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 4] = [Self::Add, Self::Populate, Self::Activate, Self::Deactivate];

    /// Its name in the header.
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Populate => "populate",
            Self::Activate => "activate",
            Self::Deactivate => "deactivate",
        }
    }
}

/// The name is no action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an action; there are add, populate, activate and deactivate")]
pub struct UnknownAction;

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(name: &str) -> Result<Self, UnknownAction> {
        Self::ALL.into_iter().find(|action| action.name() == name).ok_or(UnknownAction)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How the content is encrypted (`enc`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Encryption {
    /// AES-128 in Galois/Counter Mode (RFC 7518 §5.3).
    A128Gcm,
    /// AES-256 in Galois/Counter Mode (RFC 7518 §5.3).
    #[default]
    A256Gcm,
}

impl Encryption {
    /// Both.
    pub const ALL: [Self; 2] = [Self::A128Gcm, Self::A256Gcm];

    /// Its name in the header.
    pub fn name(self) -> &'static str {
        match self {
            Self::A128Gcm => "A128GCM",
            Self::A256Gcm => "A256GCM",
        }
    }

    /// Octets of the content encryption key.
    pub fn key_octets(self) -> usize {
        match self {
            Self::A128Gcm => 16,
            Self::A256Gcm => 32,
        }
    }
}

/// The name is no encryption that devices know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an encryption that devices know; there are A128GCM and A256GCM")]
pub struct UnknownEncryption;

impl FromStr for Encryption {
    type Err = UnknownEncryption;

    fn from_str(name: &str) -> Result<Self, UnknownEncryption> {
        Self::ALL.into_iter().find(|encryption| encryption.name() == name).ok_or(UnknownEncryption)
    }
}

impl fmt::Display for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
