//! `dns-01` (RFC 8555 §8.4): a TXT record at `_acme-challenge.<name>` holds the digest of the key authorization.
//!
//! Wildcards are proven at the same name. Trusts the resolver; the record is compared in constant time and exactly, because a record that
//! nearly fits was made for something else.

use std::sync::Arc;

use async_trait::async_trait;
use subtle::ConstantTimeEq as _;

use super::resolver::{Resolve, TxtAnswer};
use super::validator::{Attempt, ChallengeError, Validator};
use super::{Control, show};
use crate::clock::Clock;

/// The validator of `dns-01`.
pub struct Dns01 {
    resolver: Arc<dyn Resolve>,
    clock: Arc<dyn Clock>,
}

impl Dns01 {
    /// A validator that asks `resolver`.
    #[must_use]
    pub fn new(resolver: Arc<dyn Resolve>, clock: Arc<dyn Clock>) -> Self {
        Self { resolver, clock }
    }
}

#[async_trait]
impl Validator for Dns01 {
    async fn validate(&self, attempt: &Attempt) -> Result<Control, ChallengeError> {
        let name = format!("_acme-challenge.{}", attempt.dns_name()?.base_str());
        find_digest(&*self.resolver, attempt, &name).await?;
        Ok(attempt.control(self.clock.now(), None))
    }
}

/// Looks for the digest of `attempt`'s key authorization among the TXT records at `name`.
pub(super) async fn find_digest(
    resolver: &dyn Resolve,
    attempt: &Attempt,
    name: &str,
) -> Result<(), ChallengeError> {
    let expected = attempt.digest()?;
    let answer = resolver.txt(name).await?;
    if answer.records.is_empty() {
        let hint = format!("publish {name}. TXT \"{expected}\" and try again");
        return Err(ChallengeError::NotFound { name: name.to_owned(), servers: answer.servers, hint });
    }
    let found = answer.records.iter().any(|record| bool::from(record.ct_eq(expected.as_bytes())));
    if found {
        return Ok(());
    }
    let hint = hint(attempt, &answer, &expected)?;
    let number = answer.records.len();
    let noun = if number == 1 { "record" } else { "records" };
    Err(ChallengeError::WrongRecords {
        name: name.to_owned(),
        servers: answer.servers,
        found: format!("{number} {noun} ({})", show::values(&answer.records)),
        expected,
        hint,
    })
}

/// The likeliest mistake behind records that do not fit.
fn hint(attempt: &Attempt, answer: &TxtAnswer, expected: &str) -> Result<&'static str, ChallengeError> {
    let key_authorization = attempt.key_authorization()?;
    let token = attempt.token.as_deref().unwrap_or_default();
    let any = |holds: &dyn Fn(&str) -> bool| {
        answer.records.iter().filter_map(|record| std::str::from_utf8(record).ok()).any(holds)
    };
    if any(&|record| record.trim_matches(['"', ' ', '\t']) == expected) {
        return Ok("one record has quotes or spaces around the value; publish the bare value");
    }
    if any(&|record| record == key_authorization || record == token) {
        return Ok(
            "one record holds the token or key authorization itself; publish the base64url of its SHA-256",
        );
    }
    Ok(
        "these may be left from earlier orders, or belong to another account key; publish the value and try again",
    )
}

#[cfg(test)]
mod tests;
