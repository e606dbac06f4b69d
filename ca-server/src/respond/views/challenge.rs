//! A challenge as its account sees it (RFC 8555 §8), with the members of `dns-persist-01`.

use certs::leaf::Proof;
use serde::Serialize;
use time::OffsetDateTime;

use crate::ids::{AccountId, AuthorityName};
use crate::order::model::{Authorization, Challenge, ChallengeStatus};
use crate::request::links::Links;
use crate::respond::problem::StoredProblem;

/// The challenge object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChallengeView {
    #[serde(rename = "type")]
    kind: Proof,
    url: String,
    status: ChallengeStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accounturi: Option<String>,
    #[serde(rename = "issuer-domain-names", skip_serializing_if = "Vec::is_empty")]
    issuer_domain_names: Vec<String>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    validated: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<StoredProblem>,
}

impl ChallengeView {
    /// The view of `challenge` of `authorization`; `issuer_domains` are the names by which DNS records mean this server.
    #[must_use]
    pub fn new(
        authorization: &Authorization,
        challenge: &Challenge,
        links: &Links,
        issuer_domains: &[String],
    ) -> Self {
        let (accounturi, issuer_domain_names) = match challenge.kind {
            Proof::DnsPersist01 => (
                Some(account_uri(&authorization.authority, authorization.account, links)),
                issuer_domains.to_vec(),
            ),
            Proof::Dns01 | Proof::DnsAccount01 | Proof::Sso01 | Proof::Token | Proof::Anonymous => {
                (None, Vec::new())
            }
        };
        Self {
            kind: challenge.kind,
            url: links.challenge(&authorization.authority, authorization.id, challenge.id),
            status: challenge.status,
            token: challenge.token.clone(),
            accounturi,
            issuer_domain_names,
            validated: challenge.validated,
            error: challenge.error.clone(),
        }
    }
}

fn account_uri(authority: &AuthorityName, account: AccountId, links: &Links) -> String {
    links.account(authority, account)
}
