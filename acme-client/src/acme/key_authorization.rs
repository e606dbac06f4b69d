//! Key authorizations (RFC 8555 §8.1) and the DNS records made from them: `dns-01` (§8.4), `dns-account-01`, `dns-persist-01`.
//!
//! Tokens come from the server and end up in records, so they must be base64url text with at least some entropy.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};

use super::challenge::ChallengeType;
use super::key::Thumbprint;
use super::resource_url::ResourceUrl;

/// No key authorization can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyAuthorizationError {
    /// The challenge has no token.
    #[error("the {0} challenge has no token")]
    NoToken(ChallengeType),
    /// The token is not base64url text of at least 22 characters (128 bits).
    #[error("the challenge token is not base64url text of 22 to 1024 characters ({0})")]
    Token(usize),
}

/// `token.thumbprint`: what the account key's holder vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAuthorization(String);

impl KeyAuthorization {
    /// From a challenge's token and the account key's thumbprint.
    ///
    /// # Errors
    /// If the token is not what RFC 8555 §8.3 and §8.4 promise.
    pub fn new(token: &str, thumbprint: &Thumbprint) -> Result<Self, KeyAuthorizationError> {
        let base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !(22..=1_024).contains(&token.len()) || !token.bytes().all(base64url) {
            return Err(KeyAuthorizationError::Token(token.len()));
        }
        Ok(Self(format!("{token}.{thumbprint}")))
    }

    /// The text form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of the TXT record: base64url of its SHA-256.
    #[must_use]
    pub fn dns_value(&self) -> String {
        BASE64URL_NOPAD.encode(digest(&SHA256, self.0.as_bytes()).as_ref())
    }
}

impl fmt::Display for KeyAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the `dns-01` record of `domain` stands. A leading `*.` is dropped.
#[must_use]
pub fn dns_01_name(domain: &str) -> String {
    format!("_acme-challenge.{}", base_domain(domain))
}

/// Where the `dns-account-01` record of `domain` stands for this account.
#[must_use]
pub fn dns_account_01_name(domain: &str, account: &ResourceUrl) -> String {
    format!("_{}._acme-challenge.{}", account_label(account), base_domain(domain))
}

/// The lower-case base32 of the first ten bytes of the SHA-256 of the account's URL.
#[must_use]
pub fn account_label(account: &ResourceUrl) -> String {
    let hash = digest(&SHA256, account.as_str().as_bytes());
    BASE32_NOPAD.encode(hash.as_ref().get(..10).unwrap_or_default()).to_ascii_lowercase()
}

/// Where the `dns-persist-01` record of `domain` stands.
#[must_use]
pub fn dns_persist_01_name(domain: &str) -> String {
    format!("_validation-persist.{}", base_domain(domain))
}

/// The value of a `dns-persist-01` record; `wildcard` also covers every name below.
#[must_use]
pub fn dns_persist_01_value(issuer_domain_name: &str, account: &ResourceUrl, wildcard: bool) -> String {
    let policy = if wildcard { "; policy=wildcard" } else { "" };
    format!("{issuer_domain_name}; accounturi={account}{policy}")
}

fn base_domain(domain: &str) -> &str {
    domain.strip_prefix("*.").unwrap_or(domain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acme::key::JwsKey;

    const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";

    #[test]
    fn the_account_label_is_the_one_of_the_draft() {
        let account = "https://example.com/acme/acct/ExampleAccount".parse().unwrap();
        assert_eq!(account_label(&account), "ujmmovf2vn55tgye");
        let name = dns_account_01_name("*.example.org", &account);
        assert_eq!(name, "_ujmmovf2vn55tgye._acme-challenge.example.org");
    }

    #[test]
    fn the_dns_value_is_the_base64url_sha256_of_token_dot_thumbprint() {
        let key = JwsKey::generate().unwrap();
        let authorization = KeyAuthorization::new(TOKEN, &key.thumbprint()).unwrap();
        assert_eq!(authorization.as_str(), format!("{TOKEN}.{}", key.thumbprint()));
        let expected = digest(&SHA256, authorization.as_str().as_bytes());
        assert_eq!(BASE64URL_NOPAD.decode(authorization.dns_value().as_bytes()).unwrap(), expected.as_ref());
    }

    #[test]
    fn tokens_that_are_guessable_or_break_records_are_refused() {
        let thumbprint = JwsKey::generate().unwrap().thumbprint();
        for token in ["", "short", &format!("{TOKEN}\n"), &format!("../{TOKEN}"), &format!("{TOKEN}=")] {
            assert_eq!(
                KeyAuthorization::new(token, &thumbprint).unwrap_err(),
                KeyAuthorizationError::Token(token.len())
            );
        }
    }

    #[test]
    fn record_names_drop_the_wildcard_and_values_name_the_account() {
        assert_eq!(dns_01_name("*.example.org"), "_acme-challenge.example.org");
        assert_eq!(dns_persist_01_name("room.example.org"), "_validation-persist.room.example.org");
        let account = "https://ca.example/acct/123".parse().unwrap();
        assert_eq!(
            dns_persist_01_value("authority.example", &account, true),
            "authority.example; accounturi=https://ca.example/acct/123; policy=wildcard"
        );
    }
}
