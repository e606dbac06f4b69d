//! CAA (RFC 8659, RFC 8657, RFC 9495, draft-biggs-acme-sso §5): whether the owner of a domain lets this authority issue for it.
//!
//! The nearest name with any CAA record decides. Records of names above it do not count, so their lookups may fail; a failed lookup at
//! or below the deciding name refuses, because "could not ask" must never mean "is allowed". Anything unreadable restricts.

pub mod parse;

use std::sync::Arc;

use certs::identifier::Identifier;
use certs::leaf::Proof;
use certs::name::DnsName;
use futures_util::stream::{self, StreamExt as _};

use self::parse::{IssueValue, parse_issue_value};
use super::resolver::{CaaRecord, DnsFailure, Resolve};
use super::show;
use crate::config::CaaMode;
use crate::respond::kinds::Kind;

/// Lookups of one climb that run at the same time; longer names are climbed in several steps.
const CONCURRENT_LOOKUPS: usize = 8;

/// Tags that are understood, so that the critical flag on them refuses nothing (RFC 8659 §4.1; contacts and `issuevmc` ask nothing of us).
const KNOWN_TAGS: [&str; 8] =
    ["issue", "issuewild", "issuemail", "issueemail", "issuevmc", "iodef", "contactemail", "contactphone"];

/// For whom a certificate is, and how its identifier was proven.
#[derive(Clone, Copy, Debug)]
pub struct Manner<'a> {
    /// URL of the account that asks; `None` when no account does, and then `accounturi` cannot be satisfied.
    pub account_uri: Option<&'a str>,
    /// Label of the validation method, such as `dns-01`.
    pub method: &'a str,
    /// Where the person signed in, by its domain name; `None` when nobody did, or the provider is not known any more.
    pub sso_provider: Option<&'a str>,
}

/// Who wants to issue, for whom, and how the identifier was proven.
#[derive(Clone, Copy, Debug)]
pub struct CaaQuery<'a> {
    /// Names by which records mean this authority, lower case.
    pub issuer_domains: &'a [String],
    /// For whom and how.
    pub manner: Manner<'a>,
}

/// Why issuance is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaaDecision {
    /// No name from the identifier's domain up has a CAA record, or the identifier has no domain.
    NoRecords,
    /// The deciding records do not restrict this kind of identifier.
    Unrestricted {
        /// The deciding name.
        name: DnsName,
    },
    /// A record names this authority.
    Allowed {
        /// The deciding name.
        name: DnsName,
        /// The record, as `issue "ca.example"`.
        record: String,
    },
    /// CAA would refuse, but is only reported.
    Reported(CaaRefusal),
    /// CAA is not looked up.
    Off,
}

/// Why issuance is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaaRefusal {
    /// The deciding records do not allow it.
    #[error("CAA at {name} forbids issuance for {identifier}: {records}; {hint}")]
    Forbidden {
        /// The identifier, with `*.` if it is a wildcard.
        identifier: String,
        /// The deciding name.
        name: DnsName,
        /// The records that were considered and what each lacks.
        records: String,
        /// What to do.
        hint: String,
    },
    /// A record is critical and not understood (RFC 8659 §4.1).
    #[error(
        "CAA at {name} has the critical property {tag}, which is not understood here; issuance for {identifier} is refused"
    )]
    Critical {
        /// The identifier, with `*.` if it is a wildcard.
        identifier: String,
        /// The deciding name.
        name: DnsName,
        /// The tag, escaped.
        tag: String,
    },
    /// A lookup failed, so whether issuance is allowed is unknown.
    #[error("{0}; CAA must be known before issuance (a CAA record at a nearer name ends the search there)")]
    Lookup(#[from] DnsFailure),
}

impl CaaRefusal {
    /// The kind of problem it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Forbidden { .. } | Self::Critical { .. } => Kind::Caa,
            Self::Lookup(_) => Kind::Dns,
        }
    }
}

/// CAA as configured: the resolver, the mode and this authority's names.
#[derive(Clone)]
pub struct CaaGate {
    resolver: Arc<dyn Resolve>,
    mode: CaaMode,
    issuer_domains: Arc<[String]>,
}

impl CaaGate {
    /// A gate that asks `resolver` and works in `mode`.
    #[must_use]
    pub fn new(resolver: Arc<dyn Resolve>, mode: CaaMode, issuer_domains: &[String]) -> Self {
        let issuer_domains = issuer_domains.iter().map(|domain| domain.to_ascii_lowercase()).collect();
        Self { resolver, mode, issuer_domains }
    }

    /// Whether `identifier` may be certified. To be asked when it is proven and again right before signing.
    ///
    /// # Errors
    /// The record and name that refuse, or the lookup that failed; only in mode `enforce`.
    pub async fn check(
        &self,
        identifier: &Identifier,
        wildcard: bool,
        manner: Manner<'_>,
    ) -> Result<CaaDecision, CaaRefusal> {
        if self.mode == CaaMode::Off {
            return Ok(CaaDecision::Off);
        }
        let query = CaaQuery { issuer_domains: &self.issuer_domains, manner };
        match (check(&*self.resolver, identifier, wildcard, &query).await, self.mode) {
            (Ok(decision), _) => Ok(decision),
            (Err(refusal), CaaMode::Enforce) => Err(refusal),
            (Err(refusal), CaaMode::Report | CaaMode::Off) => {
                tracing::warn!(%identifier, wildcard, reason = %refusal, "CAA would refuse; not enforced");
                Ok(CaaDecision::Reported(refusal))
            }
        }
    }
}

/// Whether CAA lets the asker of `query` certify `identifier` (with `*.` in front if `wildcard`).
///
/// # Errors
/// The record and name that refuse, or the lookup that failed.
pub async fn check(
    resolver: &dyn Resolve,
    identifier: &Identifier,
    wildcard: bool,
    query: &CaaQuery<'_>,
) -> Result<CaaDecision, CaaRefusal> {
    let Some(domain) = identifier.domain() else {
        return Ok(CaaDecision::NoRecords);
    };
    let wildcard = wildcard || domain.is_wildcard();
    match relevant_records(resolver, domain).await? {
        None => Ok(CaaDecision::NoRecords),
        Some((name, records)) => {
            let subject = Subject { identifier, wildcard };
            decide(&subject, name, &records, query)
        }
    }
}

/// The records of the nearest name that has any (RFC 8659 §3). Lookups run together; only those up to the deciding name count.
async fn relevant_records(
    resolver: &dyn Resolve,
    domain: &DnsName,
) -> Result<Option<(DnsName, Vec<CaaRecord>)>, DnsFailure> {
    let mut answers = stream::iter(domain.parents())
        .map(|name| async move {
            let records = resolver.caa(&name).await;
            (name, records)
        })
        .buffered(CONCURRENT_LOOKUPS);
    while let Some((name, records)) = answers.next().await {
        let records = records?;
        if !records.is_empty() {
            return Ok(Some((name, records)));
        }
    }
    Ok(None)
}

/// What is to be certified.
struct Subject<'a> {
    identifier: &'a Identifier,
    wildcard: bool,
}

impl Subject<'_> {
    fn text(&self) -> String {
        let star = if self.wildcard && !self.identifier.value().starts_with("*.") { "*." } else { "" };
        format!("{star}{}", self.identifier.value())
    }

    /// The records that apply to this kind of identifier: `issuewild` for wildcards when there are any, else `issue` (RFC 8659 §4.3);
    /// `issuemail` (RFC 9495) and its draft spelling for addresses.
    fn applicable<'r>(&self, records: &'r [CaaRecord]) -> Vec<&'r CaaRecord> {
        let tagged = |tags: &[&str]| -> Vec<&'r CaaRecord> {
            records.iter().filter(|record| tags.contains(&record.tag.as_str())).collect()
        };
        match self.identifier {
            Identifier::Email(_) => tagged(&["issuemail", "issueemail"]),
            Identifier::Dns(_) | Identifier::Uri(_) => {
                let wild = if self.wildcard { tagged(&["issuewild"]) } else { Vec::new() };
                if wild.is_empty() { tagged(&["issue"]) } else { wild }
            }
        }
    }
}

fn decide(
    subject: &Subject<'_>,
    name: DnsName,
    records: &[CaaRecord],
    query: &CaaQuery<'_>,
) -> Result<CaaDecision, CaaRefusal> {
    let unknown = records.iter().find(|record| record.critical && !KNOWN_TAGS.contains(&record.tag.as_str()));
    if let Some(record) = unknown {
        let tag = show::value(record.tag.as_bytes());
        return Err(CaaRefusal::Critical { identifier: subject.text(), name, tag });
    }
    let applicable = subject.applicable(records);
    if applicable.is_empty() {
        return Ok(CaaDecision::Unrestricted { name });
    }
    let mut faults = Vec::new();
    for record in &applicable {
        let text = format!("{} {}", record.tag, show::value(&record.value));
        match matches(&record.value, query) {
            Ok(()) => return Ok(CaaDecision::Allowed { name, record: text }),
            Err(fault) => faults.push(format!("{text} {fault}")),
        }
    }
    let tag = applicable.first().map_or("issue", |record| record.tag.as_str());
    let issuer = query.issuer_domains.first().map_or("", String::as_str);
    Err(CaaRefusal::Forbidden {
        identifier: subject.text(),
        hint: format!("to allow it, add: {name}. CAA 0 {tag} \"{issuer}\""),
        name,
        records: shorten(faults),
    })
}

/// What one property lacks to allow the asker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Mismatch {
    #[error("is malformed ({0})")]
    Malformed(#[from] parse::IssueFault),
    #[error("names nobody")]
    Nobody,
    #[error("names another authority")]
    OtherIssuer,
    #[error("names another account")]
    OtherAccount,
    #[error("has more than one accounturi, which cannot be satisfied")]
    SeveralAccounts,
    #[error("has more than one validationmethods, which cannot be satisfied")]
    SeveralMethods,
    #[error("has a malformed validationmethods")]
    MalformedMethods,
    #[error("does not allow the method {0}")]
    OtherMethod(String),
    #[error("has more than one ssoproviders, which cannot be satisfied")]
    SeveralProviderLists,
    #[error("has a malformed ssoproviders")]
    MalformedProviders,
    #[error("does not allow signing in at {0}")]
    OtherProvider(String),
}

fn matches(value: &[u8], query: &CaaQuery<'_>) -> Result<(), Mismatch> {
    let property = parse_issue_value(value)?;
    let issuer = property.issuer.as_deref().ok_or(Mismatch::Nobody)?;
    if !query.issuer_domains.iter().any(|ours| ours.eq_ignore_ascii_case(issuer)) {
        return Err(Mismatch::OtherIssuer);
    }
    account_matches(&property, query.manner.account_uri)?;
    method_matches(&property, query.manner.method)?;
    provider_matches(&property, query.manner)
}

/// RFC 8657 §3: the URIs are compared octet by octet; more than one can never be satisfied.
fn account_matches(property: &IssueValue, account_uri: Option<&str>) -> Result<(), Mismatch> {
    let mut uris = property.parameter("accounturi");
    match (uris.next(), uris.next()) {
        (None, _) => Ok(()),
        (Some(_), Some(_)) => Err(Mismatch::SeveralAccounts),
        (Some(uri), None) if Some(uri) == account_uri => Ok(()),
        (Some(_), None) => Err(Mismatch::OtherAccount),
    }
}

/// RFC 8657 §4: a comma-separated list of labels, which may be empty; unregistered methods may be written with `ca-` in front.
fn method_matches(property: &IssueValue, method: &str) -> Result<(), Mismatch> {
    let mut lists = property.parameter("validationmethods");
    let list = match (lists.next(), lists.next()) {
        (None, _) => return Ok(()),
        (Some(_), Some(_)) => return Err(Mismatch::SeveralMethods),
        (Some(list), None) => list,
    };
    let label = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if !list.is_empty() && !list.split(',').all(label) {
        return Err(Mismatch::MalformedMethods);
    }
    if list.split(',').any(|listed| listed == method || listed.strip_prefix("ca-") == Some(method)) {
        return Ok(());
    }
    Err(Mismatch::OtherMethod(method.to_owned()))
}

/// draft-biggs-acme-sso §5: a comma-separated list of the domain names of providers, which may be empty. It speaks of single sign-on alone.
fn provider_matches(property: &IssueValue, manner: Manner<'_>) -> Result<(), Mismatch> {
    let mut lists = property.parameter("ssoproviders");
    let list = match (manner.method == Proof::Sso01.as_str(), lists.next(), lists.next()) {
        (false, _, _) | (true, None, _) => return Ok(()),
        (true, Some(_), Some(_)) => return Err(Mismatch::SeveralProviderLists),
        (true, Some(list), None) => list,
    };
    if !list.is_empty() && !list.split(',').all(parse::is_domain) {
        return Err(Mismatch::MalformedProviders);
    }
    let provider = manner.sso_provider.unwrap_or("a provider that is not known here");
    if list.split(',').any(|listed| listed.eq_ignore_ascii_case(provider)) {
        return Ok(());
    }
    Err(Mismatch::OtherProvider(provider.to_owned()))
}

fn shorten(mut faults: Vec<String>) -> String {
    let more = faults.len().saturating_sub(4);
    faults.truncate(4);
    if more > 0 {
        faults.push(format!("and {more} more"));
    }
    faults.join(", ")
}

#[cfg(test)]
mod tests;
