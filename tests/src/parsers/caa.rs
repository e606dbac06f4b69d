//! CAA records (RFC 8659, RFC 8657, RFC 9495), as `ca-server` reads and obeys them. Whoever owns a zone writes them.
//!
//! An input is a set of records, one a line: flags, tag, value (`128 issue ca.example; accounturi=…`).

use std::sync::LazyLock;

use async_trait::async_trait;
use ca_server::challenge::caa::parse::{IssueValue, parse_issue_value};
use ca_server::challenge::caa::{self, CaaDecision, CaaQuery, CaaRefusal, Manner};
use ca_server::challenge::resolver::{CaaRecord, DnsFailure, Resolve, TxtAnswer};
use certs::identifier::Identifier;
use certs::name::DnsName;
use futures_util::FutureExt as _;

use super::Outcome;
use super::support::{accepted_if, is_tame};

const OURS: &str = "ca.example";
const ACCOUNT: &str = "https://ca.example/acme/external/account/1";
const UNDERSTOOD: [&str; 8] =
    ["issue", "issuewild", "issuemail", "issueemail", "issuevmc", "iodef", "contactemail", "contactphone"];

/// Who is asked about, and the tags that may restrict it, the strongest first.
type Subject = (Identifier, Vec<&'static [&'static str]>);

static SUBJECTS: LazyLock<Vec<Subject>> = LazyLock::new(|| {
    let named = |text: &str| text.parse::<Identifier>().ok();
    [
        (named("dns:room.corp.test"), vec![&["issue"][..]]),
        (named("dns:*.corp.test"), vec![&["issuewild"][..], &["issue"][..]]),
        (named("email:alice@corp.test"), vec![&["issuemail", "issueemail"][..]]),
    ]
    .into_iter()
    .filter_map(|(identifier, tags)| Some((identifier?, tags)))
    .collect()
});

/// Values have one reading, which white space around their parts does not change; issuance is allowed exactly if no record
/// restricts it or one names this authority, this account and this method; and every refusal can be shown.
pub fn check(input: &[u8]) -> Outcome {
    let records = Records::read(input);
    let read: Vec<bool> = records.0.iter().map(|record| check_value(&record.value)).collect();
    let issue = || records.0.iter().zip(&read).filter(|(record, _)| record.tag.starts_with("issue"));
    for (identifier, tags) in SUBJECTS.iter() {
        for account_uri in [Some(ACCOUNT), None] {
            for method in ["dns-01", "dns-persist-01"] {
                check_decision(&records, identifier, tags, account_uri, method);
            }
        }
    }
    accepted_if(issue().count() > 0 && issue().all(|(_, read)| *read))
}

/// The records at `corp.test`; nothing anywhere else.
struct Records(Vec<CaaRecord>);

impl Records {
    fn read(input: &[u8]) -> Self {
        Self(input.split(|byte| *byte == b'\n').take(16).filter_map(record).collect())
    }
}

fn record(line: &[u8]) -> Option<CaaRecord> {
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    let (flags, tag, value) = (parts.next()?, parts.next()?, parts.next().unwrap_or_default());
    let tag = tag.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect();
    Some(CaaRecord { critical: flags == b"128", tag, value: value.to_vec() })
}

#[async_trait]
impl Resolve for Records {
    async fn txt(&self, _name: &str) -> Result<TxtAnswer, DnsFailure> {
        Ok(TxtAnswer::default())
    }

    async fn caa(&self, name: &DnsName) -> Result<Vec<CaaRecord>, DnsFailure> {
        Ok(if name.as_str() == "corp.test" { self.0.clone() } else { Vec::new() })
    }
}

/// Whether the value was read; then it is read alike when it is written again, with more white space or less.
fn check_value(value: &[u8]) -> bool {
    let read = match parse_issue_value(value) {
        Ok(read) => read,
        Err(fault) => {
            assert!(is_tame(&fault.to_string()));
            return false;
        }
    };
    let issuer = read.issuer.as_deref().unwrap_or_default();
    assert!(issuer.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)), "{issuer:?}");
    for (tag, text) in &read.parameters {
        assert!(tag.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase() || b == b'-'), "{tag:?}");
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';'), "{text:?}");
        assert!(read.parameter(tag).any(|found| found == text));
    }
    for (space, equals) in [("", "="), (" \t", "\t= ")] {
        let mut written = format!("{space}{issuer}{space}");
        for (at, (tag, text)) in read.parameters.iter().enumerate() {
            written += &format!(
                "{}{space}{}{equals}{text}{space}",
                ";",
                if at % 2 == 0 { tag.to_uppercase() } else { tag.clone() }
            );
        }
        assert_eq!(parse_issue_value(written.as_bytes()).as_ref(), Ok(&read), "{written:?}");
    }
    true
}

fn check_decision(
    records: &Records,
    identifier: &Identifier,
    tags: &[&[&str]],
    account_uri: Option<&str>,
    method: &str,
) {
    let issuer_domains = [OURS.to_owned()];
    let manner = Manner { account_uri, method, sso_provider: None };
    let query = CaaQuery { issuer_domains: &issuer_domains, manner };
    let Some(decision) = caa::check(records, identifier, false, &query).now_or_never() else {
        unreachable!("every answer is at hand");
    };
    let critical = records.0.iter().any(|r| r.critical && !UNDERSTOOD.contains(&r.tag.as_str()));
    let restricting = |tags: &[&str]| -> Vec<&CaaRecord> {
        records.0.iter().filter(|record| tags.contains(&record.tag.as_str())).collect()
    };
    let applicable = tags.iter().map(|tags| restricting(tags)).find(|found| !found.is_empty());
    let matching = applicable
        .as_ref()
        .is_some_and(|found| found.iter().any(|one| allows(&one.value, account_uri, method)));
    match decision {
        Ok(CaaDecision::NoRecords) => assert!(records.0.is_empty()),
        Ok(CaaDecision::Unrestricted { name }) => {
            assert_eq!(name.as_str(), "corp.test");
            assert!(!critical && applicable.is_none(), "a restriction was passed over");
        }
        Ok(CaaDecision::Allowed { record, .. }) => {
            assert!(!critical && matching, "{record} does not allow {identifier}");
            assert!(is_tame(&record), "{record:?}");
        }
        Ok(CaaDecision::Reported(_) | CaaDecision::Off) => unreachable!("that is for the gate to say"),
        Err(refusal) => {
            assert!(is_tame(&refusal.to_string()), "{refusal}");
            match refusal {
                CaaRefusal::Critical { .. } => assert!(critical),
                CaaRefusal::Forbidden { .. } => assert!(!critical && applicable.is_some() && !matching),
                CaaRefusal::Lookup(failure) => unreachable!("every answer is at hand: {failure}"),
            }
        }
    }
}

/// RFC 8657 read once more: our name, at most one account which is ours, at most one list of methods which has this one.
fn allows(value: &[u8], account_uri: Option<&str>, method: &str) -> bool {
    let Ok(IssueValue { issuer: Some(issuer), parameters }) = parse_issue_value(value) else { return false };
    let all = |tag: &str| -> Vec<&str> {
        parameters.iter().filter(|(name, _)| name == tag).map(|(_, text)| text.as_str()).collect()
    };
    let account = match all("accounturi").as_slice() {
        [] => true,
        [one] => Some(*one) == account_uri,
        _ => false,
    };
    let label = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let methods = match all("validationmethods").as_slice() {
        [] => true,
        [""] => false,
        [list] => {
            let labels: Vec<&str> = list.split(',').collect();
            labels.iter().all(|one| label(one))
                && labels.iter().any(|one| *one == method || one.strip_prefix("ca-") == Some(method))
        }
        _ => false,
    };
    issuer.eq_ignore_ascii_case(OURS) && account && methods
}
