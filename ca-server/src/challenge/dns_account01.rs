//! `dns-account-01` (draft-ietf-acme-dns-account-label): as `dns-01`, at a name of the account's own.
//!
//! The label is made from the account's URL, so that several accounts can hold records for one name side by side.

use std::sync::Arc;

use async_trait::async_trait;
use data_encoding::BASE32_NOPAD;

use super::Control;
use super::dns01::find_digest;
use super::resolver::Resolve;
use super::validator::{Attempt, ChallengeError, Validator};
use crate::clock::Clock;

/// Octets of the digest that make the label.
const LABEL_OCTETS: usize = 10;

/// The validator of `dns-account-01`.
pub struct DnsAccount01 {
    resolver: Arc<dyn Resolve>,
    clock: Arc<dyn Clock>,
}

impl DnsAccount01 {
    /// A validator that asks `resolver`.
    #[must_use]
    pub fn new(resolver: Arc<dyn Resolve>, clock: Arc<dyn Clock>) -> Self {
        Self { resolver, clock }
    }
}

#[async_trait]
impl Validator for DnsAccount01 {
    async fn validate(&self, attempt: &Attempt) -> Result<Control, ChallengeError> {
        let label = account_label(&attempt.account_uri);
        let name = format!("_{label}._acme-challenge.{}", attempt.dns_name()?.base_str());
        find_digest(&*self.resolver, attempt, &name).await?;
        Ok(attempt.control(self.clock.now(), None))
    }
}

/// The account's label, without the underscore: lower-case base32 of the first ten octets of SHA-256 over its URL.
#[must_use]
pub fn account_label(account_uri: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, account_uri.as_bytes());
    let octets: Vec<u8> = digest.as_ref().iter().copied().take(LABEL_OCTETS).collect();
    BASE32_NOPAD.encode(&octets).to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
