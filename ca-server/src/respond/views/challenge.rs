//! A challenge as its account sees it (RFC 8555 §8), with the members of `dns-persist-01` and of `sso-01` (draft-biggs-acme-sso §5).

use certs::leaf::Proof;
use serde::Serialize;
use time::OffsetDateTime;

use crate::ids::{AccountId, AuthorityName};
use crate::order::model::{Authorization, Challenge, ChallengeStatus};
use crate::request::links::Links;
use crate::respond::problem::StoredProblem;
use crate::sso::providers::Providers;
use crate::sso::sign_in::{Completion, SignIn};

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
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    sso: Option<SsoView>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    validated: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<StoredProblem>,
}

/// The members of `sso-01`. Its token is the secret of the link and stands nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct SsoView {
    #[serde(skip_serializing_if = "Option::is_none")]
    sso_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sso_provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sso_code: Option<String>,
}

/// What a view needs beside the stored value.
#[derive(Clone)]
pub struct Beside<'a> {
    /// Makes the URLs.
    pub links: &'a Links,
    /// The names by which DNS records mean this server.
    pub issuer_domains: &'a [String],
    /// The identity providers.
    pub providers: &'a Providers,
    /// The sign-ins that are under way.
    pub sign_ins: Vec<SignIn>,
}

impl ChallengeView {
    /// The view of `challenge` of `authorization`.
    #[must_use]
    pub fn new(authorization: &Authorization, challenge: &Challenge, beside: &Beside<'_>) -> Self {
        let links = beside.links;
        let (accounturi, issuer_domain_names) = match challenge.kind {
            Proof::DnsPersist01 => (
                Some(account_uri(&authorization.authority, authorization.account, links)),
                beside.issuer_domains.to_vec(),
            ),
            Proof::Dns01 | Proof::DnsAccount01 | Proof::Sso01 | Proof::Token | Proof::Anonymous => {
                (None, Vec::new())
            }
        };
        let sso = sso(challenge, beside);
        Self {
            kind: challenge.kind,
            url: links.challenge(&authorization.authority, authorization.id, challenge.id),
            status: challenge.status,
            token: challenge.token.clone().filter(|_| sso.is_none()),
            accounturi,
            issuer_domain_names,
            sso,
            validated: challenge.validated,
            error: challenge.error.clone(),
        }
    }
}

/// The link is shown while it may be used; the short code while it may be typed.
fn sso(challenge: &Challenge, beside: &Beside<'_>) -> Option<SsoView> {
    let name = challenge.provider.as_deref()?;
    let open = match challenge.status {
        ChallengeStatus::Pending | ChallengeStatus::Processing => true,
        ChallengeStatus::Valid | ChallengeStatus::Invalid => false,
    };
    let sign_in = beside.sign_ins.iter().find(|sign_in| sign_in.challenge == challenge.id);
    let code = |sign_in: &SignIn| match &sign_in.completion {
        Completion::Code { code } => Some(code.clone()),
        Completion::Redirect { .. } => None,
    };
    Some(SsoView {
        sso_url: challenge.token.as_deref().filter(|_| open).map(|token| beside.links.sso_start(token)),
        sso_provider: beside.providers.named(name).map(|provider| provider.sso_provider().to_owned()),
        sso_code: sign_in.filter(|_| open).and_then(code),
    })
}

fn account_uri(authority: &AuthorityName, account: AccountId, links: &Links) -> String {
    links.account(authority, account)
}
