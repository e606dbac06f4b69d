//! Identifiers of the server's own objects: when they were made, then 96 random bits; shown as 22 characters of base64url.
//!
//! They stand in URLs, so knowing one must not help to guess another; they are never used as a proof of anything. The time in front
//! keeps what is written together near together in the store.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The text is not an identifier of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of this server")]
pub struct InvalidId;

/// The system's random generator failed; nothing can be issued safely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system's random generator failed")]
pub struct NoEntropy;

/// `N` bytes from the system's random generator.
///
/// # Errors
/// [`NoEntropy`] if the generator fails.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], NoEntropy> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| NoEntropy)?;
    Ok(bytes)
}

/// As [`random_bytes`], but its base64url begins with a letter: a leading `-` would be taken for an option on a command line.
///
/// # Errors
/// [`NoEntropy`] if the generator fails.
pub fn typeable_bytes<const N: usize>() -> Result<[u8; N], NoEntropy> {
    let mut bytes = random_bytes()?;
    if let Some(first) = bytes.first_mut() {
        // The first character stands for the upper six bits: 0 to 31 are A to Z and a to f.
        *first &= 0x7f;
    }
    Ok(bytes)
}

/// Time in steps of four seconds, below 2³¹ until the year 2242: the first character of an id is a letter.
fn steps(now: OffsetDateTime) -> u32 {
    u32::try_from(now.unix_timestamp() / 4).unwrap_or_default() & 0x7fff_ffff
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; 16]);

        impl $name {
            /// A fresh identifier for something made `now`.
            ///
            /// # Errors
            /// [`NoEntropy`] if the system's generator fails.
            pub fn fresh(now: OffsetDateTime) -> Result<Self, NoEntropy> {
                let mut bytes = [0; 16];
                let (front, rest) = bytes.split_at_mut(4);
                front.copy_from_slice(&steps(now).to_be_bytes());
                rest.copy_from_slice(&random_bytes::<12>()?);
                Ok(Self(bytes))
            }

            /// The identifier made of these bytes, as they stand in a store key.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// When it was made, to four seconds; nothing sensible where the id is a hash.
            #[must_use]
            pub fn made(&self) -> Option<OffsetDateTime> {
                let steps = u32::from_be_bytes(*self.0.first_chunk::<4>()?);
                OffsetDateTime::from_unix_timestamp(i64::from(steps) * 4).ok()
            }

            /// The sixteen bytes, as they stand in a store key.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidId)?;
                bytes.try_into().map(Self).map_err(|_| InvalidId)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

id!(
    /// An ACME account.
    AccountId
);
id!(
    /// An order (RFC 8555 §7.1.3).
    OrderId
);
id!(
    /// An authorization (RFC 8555 §7.1.4).
    AuthorizationId
);
id!(
    /// A challenge within an authorization (RFC 8555 §7.1.5).
    ChallengeId
);

id!(
    /// A sign-in of a person, made from the secret of its link (see `sso::binding`).
    SignInId
);

/// The name of an authority as it stands in `[authority.<name>]` and in URLs: lower-case letters, digits and hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AuthorityName(String);

impl AuthorityName {
    /// The name that the internal authority has unless the configuration says another.
    #[must_use]
    pub fn internal() -> Self {
        Self("internal".to_owned())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AuthorityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AuthorityName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.is_empty() || text.len() > 32 || !text.chars().all(allowed) {
            return Err(InvalidId);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for AuthorityName {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<AuthorityName> for String {
    fn from(name: AuthorityName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 10:00 UTC);

    #[test]
    fn an_id_survives_the_trip_through_text_and_rejects_other_lengths() {
        let id = OrderId::fresh(NOW).unwrap();
        assert_eq!(id.to_string().parse::<OrderId>().unwrap(), id);
        assert_eq!(id.to_string().len(), 22);
        for bad in ["", "abc", "!!!!!!!!!!!!!!!!!!!!!!", "AAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(bad.parse::<OrderId>(), Err(InvalidId));
        }
    }

    #[test]
    fn later_ids_sort_after_earlier_ones_and_none_repeats() {
        let (early, late) =
            (OrderId::fresh(NOW).unwrap(), OrderId::fresh(NOW + time::Duration::seconds(4)).unwrap());
        assert!(early < late);
        assert_ne!(OrderId::fresh(NOW).unwrap(), OrderId::fresh(NOW).unwrap());
    }

    #[test]
    fn no_id_can_be_taken_for_an_option() {
        for _ in 0..2000 {
            assert!(OrderId::fresh(NOW).unwrap().to_string().starts_with(|c: char| c.is_ascii_alphabetic()));
        }
    }

    #[test]
    fn an_authority_name_is_lower_case_letters_digits_and_hyphens() {
        assert!("external-2".parse::<AuthorityName>().is_ok());
        for bad in ["", "External", "a/b", "a b", "..", &"a".repeat(33)] {
            assert!(bad.parse::<AuthorityName>().is_err(), "{bad}");
        }
    }
}
