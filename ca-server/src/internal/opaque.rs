//! Our own tokens: 256 random bits behind a prefix, 46 characters, of which the store keeps the SHA-256 alone.
//!
//! Short enough for the password of a client with small buffers. Found by their digest, so that the time a look-up takes tells nothing about a
//! token; compared once more in constant time. A token says nothing by itself: what it is worth stands in its record.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certs::key::Secret;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use time::OffsetDateTime;

use super::error::TokenError;
use super::holder::{DeviceId, GuestId};
use crate::clock;
use crate::ids::{NoEntropy, random_bytes};
use crate::store::tables::opaque_tokens;
use crate::store::{Batch, Record, Store, StoreError, Table, Versioned};

/// What the token of a device begins with.
pub const DEVICE: &str = "rd_";
/// What the token of a guest begins with.
pub const GUEST: &str = "rg_";

/// Longest token of ours: what some EST clients can carry as a password.
pub const LONGEST: usize = 128;

/// How often a first use is recorded anew because the token changed meanwhile.
const TRIES: usize = 4;

/// Whom a token speaks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Bearer {
    /// A device.
    Device {
        /// Its machine account.
        device: DeviceId,
        /// Of which activation; tokens of an earlier one are void.
        generation: u32,
    },
    /// A guest.
    Guest {
        /// The temporary id.
        guest: GuestId,
    },
}

/// A token at rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpaqueToken {
    /// SHA-256 of the token, hexadecimal.
    pub id: String,
    /// Whom it speaks for.
    pub bearer: Bearer,
    /// When it ends.
    #[serde(with = "time::serde::timestamp")]
    pub expires: OffsetDateTime,
    /// The token that it was refreshed to, by its hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<String>,
    /// When it stops to speak for anybody, once it was refreshed. Until its end it can still be refreshed again, as long as nobody used its successor.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::timestamp::option")]
    pub replaced: Option<OffsetDateTime>,
    /// Whether somebody has shown it: then the answer that it came in was not lost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub used: bool,
    /// Of a guest: how many certificates it has given.
    #[serde(default, skip_serializing_if = "is_none")]
    pub certificates: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_none(count: &u32) -> bool {
    *count == 0
}

impl OpaqueToken {
    /// Whether it speaks for its bearer.
    ///
    /// # Errors
    /// [`TokenError::Expired`] if another took its place some time ago.
    pub fn must_speak(&self, now: OffsetDateTime) -> Result<(), TokenError> {
        self.replaced.filter(|end| *end <= now).map_or(Ok(()), |end| Err(TokenError::Expired(end)))
    }

    /// Whether it serves at `now`.
    ///
    /// # Errors
    /// [`TokenError::Expired`].
    pub fn must_be_in_force(&self, now: OffsetDateTime) -> Result<(), TokenError> {
        if self.expires <= now { Err(TokenError::Expired(self.expires)) } else { Ok(()) }
    }
}

impl Record for OpaqueToken {
    const TABLE: Table = Table::OpaqueTokens;
    type Key = String;

    fn key(&self) -> String {
        self.id.clone()
    }

    fn encode_key(key: &String) -> Vec<u8> {
        HEXLOWER.decode(key.as_bytes()).unwrap_or_default()
    }
}

/// Whether a bearer token is one of ours: no JWT begins so.
#[must_use]
pub fn is_ours(token: &str) -> bool {
    token.starts_with(DEVICE) || token.starts_with(GUEST)
}

/// Makes a token that ends after `lifetime` and adds its record to the batch.
///
/// # Errors
/// If there is no entropy, or the record cannot be serialised.
pub fn make(
    batch: &mut Batch,
    bearer: Bearer,
    lifetime: Duration,
    now: OffsetDateTime,
) -> Result<Secret, MakeError> {
    let prefix = match &bearer {
        Bearer::Device { .. } => DEVICE,
        Bearer::Guest { .. } => GUEST,
    };
    let token = Secret::new(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random_bytes::<32>()?)));
    let (id, expires) = (id_of(token.expose()), clock::after(now, lifetime));
    let record =
        OpaqueToken { id, bearer, expires, successor: None, replaced: None, used: false, certificates: 0 };
    opaque_tokens::insert(batch, &record)?;
    Ok(token)
}

/// Why no token was made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// No random octets.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// The record cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The record of a token, in force or not.
///
/// # Errors
/// [`TokenError::Malformed`] or [`TokenError::Unknown`].
pub async fn find(store: &Store, token: &str) -> Result<Versioned<OpaqueToken>, TokenError> {
    if token.len() > LONGEST {
        return Err(TokenError::Malformed("it is too long"));
    }
    let id = id_of(token);
    let found = store.load::<OpaqueToken>(&id).await?.ok_or(TokenError::Unknown)?;
    if !bool::from(found.value.id.as_bytes().ct_eq(id.as_bytes())) {
        return Err(TokenError::Unknown);
    }
    Ok(found)
}

/// Records, before it is acted upon, that a token was shown for the first time: what was given in its place before is over from then on.
///
/// # Errors
/// [`TokenError::Unknown`] if it was replaced at the same moment.
pub async fn first_use(store: &Store, mut seen: Versioned<OpaqueToken>) -> Result<OpaqueToken, TokenError> {
    let mut tries = 0;
    while !seen.value.used {
        let next = OpaqueToken { used: true, ..seen.value.clone() };
        let mut batch = Batch::new();
        opaque_tokens::replace(&mut batch, &seen, &next)?;
        match store.commit(batch).await {
            Ok(()) => return Ok(next),
            Err(StoreError::Stale(_)) if tries < TRIES => tries += 1,
            Err(error) => return Err(error.into()),
        }
        seen = store.load::<OpaqueToken>(&next.id).await?.ok_or(TokenError::Unknown)?;
    }
    Ok(seen.value)
}

/// SHA-256 of a text, hexadecimal.
pub(super) fn id_of(text: &str) -> String {
    HEXLOWER.encode(digest(&SHA256, text.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_short_new_each_time_and_not_in_its_record() {
        let mut batch = Batch::new();
        let now = OffsetDateTime::UNIX_EPOCH;
        let mut one = || {
            let bearer = Bearer::Guest { guest: GuestId::fresh().unwrap() };
            make(&mut batch, bearer, Duration::from_secs(60), now).unwrap()
        };
        let (first, second) = (one(), one());
        assert_ne!(first, second);
        assert!(first.expose().len() <= LONGEST && is_ours(first.expose()));
        assert!(batch.holds("guest") && !batch.holds(first.expose()));
        assert!(!is_ours("eyJhbGciOiJFUzI1NiJ9.e30.AAAA"));
    }
}
