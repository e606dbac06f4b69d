//! Tables of requests and what is expected of each: `ca-server policy test FILE` and an administrator's regression test.
//! A case is judged as the server judges: the profile first (does it exist, does it allow this kind of identifier, a wildcard,
//! these proofs), then the rules. A case that expects a denial may name the rule that must be the cause.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use certs::identifier::Identifier;
use certs::leaf::Proof;
use humantime_serde::Serde;
use serde::Deserialize;

use crate::fields::{Fields, Placed};
use crate::problem::Problem;
use crate::profiles::{Profiles, admit};
use crate::rules::{Account, Action, Decision, KeyKind, Operation, Person, Request, Rules, Task};

/// Where a case that does not say it comes from.
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// A parsed table.
#[derive(Clone, Debug)]
pub struct Table {
    cases: Vec<Case>,
}

/// What a case expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// The request is allowed.
    Allow,
    /// The request is denied.
    Deny,
}

/// One request and what is expected of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// What the case is about.
    pub name: String,
    /// The line it begins on.
    pub line: usize,
    account: String,
    authority: String,
    contacts: Vec<String>,
    external_binding: Option<String>,
    created: i64,
    asked: Asked,
    identifier: Identifier,
    profile: String,
    proofs: Vec<Proof>,
    requested_lifetime: Option<Duration>,
    client_address: Option<std::net::IpAddr>,
    person: Option<SignedIn>,
    expect: Expectation,
    rule: Option<String>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
enum Asked {
    /// About a certificate.
    Certificate(Action),
    /// At the operators' console; the identifier is the address of the person who signed in.
    Operate(Task),
}

impl Asked {
    fn named(name: &str) -> Option<Self> {
        let operate = (name == "operate").then_some(Self::Operate(Task::Look));
        operate.or_else(|| Action::named(name).map(Self::Certificate))
    }
}

/// Who signed in, as a case says it; what is left out has the value that it has when the identity provider does not say.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct SignedIn {
    provider: String,
    protocol: String,
    groups: Vec<String>,
    authn_context: Option<String>,
    methods: Vec<String>,
    display_name: Option<String>,
}

impl Default for SignedIn {
    fn default() -> Self {
        Self {
            provider: "test".to_owned(),
            protocol: "saml".to_owned(),
            groups: Vec::new(),
            authn_context: None,
            methods: Vec::new(),
            display_name: None,
        }
    }
}

impl SignedIn {
    fn facts(&self) -> Person<'_> {
        Person {
            provider: &self.provider,
            protocol: &self.protocol,
            groups: &self.groups,
            authn_context: self.authn_context.as_deref(),
            methods: &self.methods,
            display_name: self.display_name.as_deref(),
        }
    }
}

/// What came of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseResult {
    /// The case's name.
    pub name: String,
    /// The line it begins on.
    pub line: usize,
    /// Whether all came as expected.
    pub passed: bool,
    /// What was decided and by which rule.
    pub outcome: String,
    /// What was expected.
    pub expected: String,
}

impl Table {
    /// Reads a table.
    ///
    /// # Errors
    /// Every problem of the file.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields::parse(file, text)?;
        let (mut cases, mut problems) = (Vec::new(), Vec::new());
        let rows = fields.tables("case");
        if rows.is_empty() {
            let hint = "write one `[[case]]` for each request to try; docs/policy.md shows how".to_owned();
            fields.problem(Some(fields.place()), "case", "the table has no case".to_owned(), hint);
        }
        for mut row in rows {
            cases.extend(case(&mut row));
            problems.extend(row.finish());
        }
        problems.extend(fields.finish());
        if problems.is_empty() { Ok(Self { cases }) } else { Err(problems) }
    }

    /// The cases, in the order of the file.
    #[must_use]
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }
}

/// Judges every case.
#[must_use]
pub fn run(table: &Table, rules: &Rules, profiles: &Profiles) -> Vec<CaseResult> {
    table.cases.iter().map(|case| case.run(rules, profiles)).collect()
}

/// What a case came to: allowed or not, by which rules, and why.
struct Verdict {
    allowed: bool,
    rules: Vec<String>,
    reason: String,
}

impl Case {
    fn run(&self, rules: &Rules, profiles: &Profiles) -> CaseResult {
        let verdict = self.judge(rules, profiles);
        let right_answer = verdict.allowed == (self.expect == Expectation::Allow);
        let right_rule = self.rule.as_ref().is_none_or(|rule| verdict.rules.contains(rule));
        let expected = match (self.expect, &self.rule) {
            (Expectation::Allow, None) => "allow".to_owned(),
            (Expectation::Deny, None) => "deny".to_owned(),
            (Expectation::Allow, Some(rule)) => format!("allow by `{rule}`"),
            (Expectation::Deny, Some(rule)) => format!("deny by `{rule}`"),
        };
        let outcome = if verdict.allowed {
            format!("allow by `{}`", verdict.rules.join("`, `"))
        } else {
            format!("deny: {}", verdict.reason)
        };
        let passed = right_answer && right_rule;
        CaseResult { name: self.name.clone(), line: self.line, passed, outcome, expected }
    }

    fn judge(&self, rules: &Rules, profiles: &Profiles) -> Verdict {
        let decision = match self.asked {
            Asked::Certificate(action) => match self.misfit(action, profiles) {
                Some(reason) => return Verdict { allowed: false, rules: Vec::new(), reason },
                None => self.certificate(action, rules),
            },
            Asked::Operate(task) => match self.operation(task) {
                Some(operation) => rules.operate(&operation),
                None => {
                    let reason = "nobody signed in with this identifier".to_owned();
                    return Verdict { allowed: false, rules: Vec::new(), reason };
                }
            },
        };
        Verdict {
            allowed: decision.is_allowed(),
            rules: decision.rules().iter().map(ToString::to_string).collect(),
            reason: decision.reason().unwrap_or_default().to_owned(),
        }
    }

    /// What the profile says against it, before any rule is asked.
    fn misfit(&self, action: Action, profiles: &Profiles) -> Option<String> {
        let proofs = (action == Action::Issue).then_some(self.proofs.as_slice());
        match (action, profiles.named(&self.profile)) {
            (Action::Revoke, _) => None, // a certificate can be revoked when its profile is long gone
            (Action::Order | Action::Issue, None) => Some(format!("there is no profile `{}`", self.profile)),
            (Action::Order | Action::Issue, Some(profile)) => {
                admit(profile, &self.identifier, proofs).err().map(|misfit| misfit.to_string())
            }
        }
    }

    fn operation(&self, task: Task) -> Option<Operation<'_>> {
        Some(Operation {
            address: self.identifier.as_email()?,
            person: self.person.as_ref()?.facts(),
            task,
            client_address: self.client_address.unwrap_or(NOWHERE),
        })
    }

    fn certificate(&self, action: Action, rules: &Rules) -> Decision {
        rules.decide(&Request {
            account: Account {
                id: &self.account,
                authority: &self.authority,
                contacts: &self.contacts,
                organisation: None,
                external_binding: self.external_binding.as_deref(),
                created: self.created,
            },
            action,
            identifier: &self.identifier,
            profile: &self.profile,
            proofs: &self.proofs,
            key_kind: KeyKind::P256,
            requested_lifetime: self.requested_lifetime,
            person: self.person.as_ref().map(SignedIn::facts),
            client_address: self.client_address,
        })
    }
}

/// Reads one case. `None` if something required is missing or wrong, which `row` has then noted.
fn case(row: &mut Fields<'_>) -> Option<Case> {
    let line = row.place().line;
    let name = row.required("name", "what the case is about");
    let account = row.optional("account", "the id of an account");
    let authority = row.optional("authority", "the name of an authority");
    let contacts = row.optional("contacts", "a list of contact URIs");
    let external_binding = row.optional("external-binding", "the id of an external binding key");
    let created = row.optional("created", "seconds since 1970");
    let asked = row.required::<String>("action", "\"order\", \"issue\", \"revoke\" or \"operate\"");
    let hint = "write \"order\", \"issue\", \"revoke\" or \"operate\"";
    let asked = named(row, "action", asked, Asked::named, hint);
    let task = row.optional("task", "\"look\", \"revoke\" or \"approve\"");
    let task = named(row, "task", task, Task::named, "write \"look\", \"revoke\" or \"approve\"");
    let asked = match (asked, task) {
        (Some(Asked::Operate(_)), Some(task)) => Some(Asked::Operate(task)),
        (asked, _) => asked,
    };
    let identifier =
        row.required::<String>("identifier", "\"dns:room-1.example.com\" or \"email:bob@example.com\"");
    let identifier = identifier.and_then(|written| parse_identifier(row, &written));
    // Nobody operates under a profile.
    let profile = match asked {
        Some(Asked::Operate(_)) => {
            row.optional("profile", "the name of a profile").map(|placed| placed.value)
        }
        Some(Asked::Certificate(_)) | None => {
            row.required("profile", "the name of a profile").map(|placed| placed.value)
        }
    };
    let profile = profile.or_else(|| matches!(asked, Some(Asked::Operate(_))).then(String::new));
    let proofs = row.optional::<Vec<Proof>>("proofs", "a list of proofs, such as [\"dns-01\"]");
    let requested_lifetime = row.optional::<Serde<Duration>>("requested-lifetime", "a time such as \"12h\"");
    let client_address = row.optional("client-address", "an IP address");
    let person = row.optional("person", "who signed in, as { groups = [\"staff\"], methods = [\"mfa\"] }");
    let expect = row.required::<String>("expect", "\"allow\" or \"deny\"");
    let expect = named(row, "expect", expect, expectation, "write \"allow\" or \"deny\"");
    let rule = row.optional("rule", "the id of the rule that must decide");
    Some(Case {
        name: name?.value,
        line,
        account: account.map_or_else(|| "test".to_owned(), |placed| placed.value),
        authority: authority.map_or_else(|| "external".to_owned(), |placed| placed.value),
        contacts: contacts.map(|placed| placed.value).unwrap_or_default(),
        external_binding: external_binding.map(|placed| placed.value),
        created: created.map(|placed| placed.value).unwrap_or_default(),
        asked: asked?,
        identifier: identifier?,
        profile: profile?,
        proofs: proofs.map(|placed| placed.value).unwrap_or_default(),
        requested_lifetime: requested_lifetime.map(|placed| placed.value.into_inner()),
        client_address: client_address.map(|placed| placed.value),
        person: person.map(|placed| placed.value),
        expect: expect?,
        rule: rule.map(|placed| placed.value),
    })
}

fn expectation(text: &str) -> Option<Expectation> {
    match text {
        "allow" => Some(Expectation::Allow),
        "deny" => Some(Expectation::Deny),
        _ => None,
    }
}

/// One of a few words.
fn named<T>(
    row: &mut Fields<'_>,
    key: &str,
    written: Option<Placed<String>>,
    meaning: impl Fn(&str) -> Option<T>,
    hint: &str,
) -> Option<T> {
    let written = written?;
    let found = meaning(&written.value);
    if found.is_none() {
        row.problem(Some(written.place), key, format!("`{}` is not known", written.value), hint.to_owned());
    }
    found
}

/// `dns:…`, `email:…` or `uri:…`.
fn parse_identifier(row: &mut Fields<'_>, written: &Placed<String>) -> Option<Identifier> {
    let place = Some(written.place);
    let Some((kind, value)) = written.value.split_once(':') else {
        let hint = format!("write \"dns:{0}\" or \"email:{0}\"", written.value);
        row.problem(place, "identifier", "the kind of the identifier is missing".to_owned(), hint);
        return None;
    };
    Identifier::from_parts(kind, value)
        .map_err(|error| {
            let hint = "write it as an ACME client would, such as \"dns:room-1.example.com\"".to_owned();
            row.problem(place, "identifier", error.to_string(), hint);
        })
        .ok()
}

#[cfg(test)]
mod tests;
