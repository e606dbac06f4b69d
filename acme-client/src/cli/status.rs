//! `status`: what is kept here. Reads the state directory only; takes no lock, asks no server, changes nothing.

use serde::Serialize;
use time::OffsetDateTime;
use tokens::TokenUri;
use url::Url;

use super::{
    CliError, Ending, Session,
    output::{distance, table},
    sign_in::SignInView,
};
use crate::{
    clock::{Clock, SystemClock},
    enroll::Leaf,
    renew::{Due, Standing},
    state::{
        AccountRecord, AgentRecord, DeployRecord, IdentityDir, IdentityName, IdentitySettings, LastError,
        StateError, Waiting,
    },
};

/// How late an agent may be before it is said to be.
const LATE: time::Duration = time::Duration::minutes(5);

#[derive(Debug, Serialize)]
struct Status {
    state: String,
    /// What the agent that runs all the time said last.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<AgentRecord>,
    accounts: Vec<AccountRecord>,
    identities: Vec<IdentityStatus>,
}

#[derive(Debug, Serialize)]
struct IdentityStatus {
    identity: IdentityName,
    names: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<Url>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<CertificateStatus>,
    pending: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<Waiting>,
    renewal: RenewalStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_in: Option<SignInView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment: Option<DeployRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Debug, Serialize)]
struct CertificateStatus {
    generation: u64,
    serial: String,
    #[serde(with = "time::serde::rfc3339")]
    not_before: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
    expired: bool,
    path: String,
    /// The file of its key, or the URI of one in a token.
    key: String,
}

#[derive(Debug, Serialize)]
struct RenewalStatus {
    due: bool,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// The next attempt, also after failures; absent if what is stored cannot be read.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    next_attempt: Option<OffsetDateTime>,
    failures: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<LastError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_error: Option<LastError>,
}

/// Shows what is kept here.
pub(super) fn status(session: &Session) -> Result<Ending, CliError> {
    let now = SystemClock.now();
    let mut accounts = Vec::new();
    for account in session.state.accounts()? {
        accounts.extend(account.record()?);
    }
    let identities = session.state.identities()?.iter().map(|identity| look(identity, now)).collect();
    let agent = session.state.agent();
    let state = session.state.path().display().to_string();
    let status = Status { state, agent, accounts, identities };
    session.output.result(&status, || text(&status, now))?;
    Ok(Ending::Done)
}

/// One identity; what cannot be read is told in its place.
fn look(identity: &IdentityDir, now: OffsetDateTime) -> IdentityStatus {
    let settings = identity.settings();
    let (certificate, unreadable) = match certificate(identity, now) {
        Ok(certificate) => (certificate, None),
        Err(problem) => (None, Some(problem)),
    };
    let standing = Standing::of(identity, now).ok();
    let leaf = standing.as_ref().and_then(|standing| standing.leaf.clone());
    let record = match &standing {
        Some(standing) => standing.record.clone(),
        None => identity.renewal().unwrap_or_default(),
    };
    let approval = standing.as_ref().and_then(|standing| standing.approval);
    let sign_in = standing.as_ref().and_then(|standing| SignInView::new(standing.outlook));
    let next_attempt = standing.as_ref().map(|standing| standing.next_attempt(now).0);
    let (due, at, reason) = match standing.map(|standing| standing.due) {
        Some(Due::Now(why)) => (true, None, Some(why.as_str())),
        Some(Due::At(at, why)) => (false, Some(at), Some(why.as_str())),
        Some(Due::HeldBack(at)) => (true, Some(at), Some("failed before")),
        None => (false, None, None),
    };
    let (failures, last_error) = (record.failures, record.last_error);
    IdentityStatus {
        identity: identity.name().clone(),
        names: settings.as_ref().map(|settings| names(settings, leaf.as_ref())).unwrap_or_default(),
        directory: settings.as_ref().ok().map(|settings| settings.directory.clone()),
        certificate,
        pending: identity.pending().ok().flatten().is_some() || approval.is_some(),
        approval,
        renewal: RenewalStatus {
            due,
            at,
            reason,
            next_attempt,
            failures,
            last_error,
            refresh_error: record.refresh_error,
        },
        sign_in,
        deployment: identity.deploy().ok().flatten(),
        problem: settings.err().map(|error| error.to_string()).or(unreadable),
    }
}

/// Whom it is for: at an internal authority, which alone knows, as the certificate says.
fn names(settings: &IdentitySettings, leaf: Option<&Leaf>) -> Vec<String> {
    match (settings.internal(), leaf) {
        (Some(_), Some(leaf)) => leaf.names(),
        _ => settings.names(),
    }
}

fn certificate(identity: &IdentityDir, now: OffsetDateTime) -> Result<Option<CertificateStatus>, String> {
    let current = identity.current().map_err(|error: StateError| error.to_string())?;
    let Some(current) = current else { return Ok(None) };
    let leaf = Leaf::from_pem(&current.certificate).map_err(|error| error.to_string())?;
    Ok(Some(CertificateStatus {
        generation: current.generation.number(),
        serial: leaf.serial.clone(),
        not_before: leaf.not_before,
        not_after: leaf.not_after,
        expired: leaf.not_after <= now,
        path: identity.path().join("current").display().to_string(),
        key: match current.token_key() {
            Some(uri) => uri.to_owned(),
            None => identity.path().join("current/key.pem").display().to_string(),
        },
    }))
}

fn text(status: &Status, now: OffsetDateTime) -> String {
    if status.identities.is_empty() {
        return format!("no identities in {}\n", status.state);
    }
    let rows: Vec<Vec<String>> = status.identities.iter().map(|identity| row(identity, now)).collect();
    let heads = ["IDENTITY", "FOR", "EXPIRES", "NEXT ATTEMPT", "DEPLOYED", "FAILURES", "LAST FAILURE"];
    let mut text = table(&heads, &rows);
    for identity in &status.identities {
        if let Some(sign_in) = &identity.sign_in {
            text.push_str(&format!("\n{}: {}\n", identity.identity, sign_in.sentence(now)));
        }
    }
    let keys: Vec<_> = status.identities.iter().filter_map(token_key).collect();
    if !keys.is_empty() {
        text.push_str("\nkeys in tokens:\n");
        keys.iter().for_each(|(identity, uri)| text.push_str(&format!("  {identity}: {uri}\n")));
    }
    text.push_str(&format!("\nstate directory: {}\n", status.state));
    if let Some(agent) = &status.agent {
        text.push_str(&agent_line(agent, now));
    }
    text
}

fn token_key(identity: &IdentityStatus) -> Option<(&IdentityName, &str)> {
    let key = identity.certificate.as_ref()?.key.as_str();
    TokenUri::is_meant(key).then_some((&identity.identity, key))
}

/// What is known of the agent. That it is late is all that can be told of one that was killed.
fn agent_line(agent: &AgentRecord, now: OffsetDateTime) -> String {
    let looked = distance(now, agent.looked);
    if agent.next + LATE < now {
        let late = distance(now, agent.next);
        return format!(
            "agent: process {} looked {looked} and should have looked {late}: see whether `acme-client run` still runs\n",
            agent.process
        );
    }
    format!(
        "agent: process {}, looked {looked}, next {}\n",
        agent.process,
        distance(now, agent.next.max(now))
    )
}

fn row(identity: &IdentityStatus, now: OffsetDateTime) -> Vec<String> {
    let expires = match &identity.certificate {
        Some(certificate) if certificate.expired => {
            format!("expired {}", distance(now, certificate.not_after))
        }
        Some(certificate) => distance(now, certificate.not_after),
        None if identity.approval.is_some() => "no certificate".to_owned(),
        None if identity.pending => "order pending".to_owned(),
        None => "no certificate".to_owned(),
    };
    let renewal = match (identity.renewal.due, identity.renewal.at) {
        _ if identity.sign_in.as_ref().is_some_and(SignInView::is_now) => "sign-in needed".to_owned(),
        _ if identity.approval.is_some() => "approval needed".to_owned(),
        (true, Some(at)) => format!("{} (failed before)", distance(now, at)),
        (true, None) => format!("now ({})", identity.renewal.reason.unwrap_or_default()),
        (false, Some(at)) => {
            format!("{} ({})", distance(now, at), identity.renewal.reason.unwrap_or_default())
        }
        (false, None) => "-".to_owned(),
    };
    let deployed = match &identity.deployment {
        Some(record) => format!("{:?}", record.outcome).to_lowercase(),
        None => "-".to_owned(),
    };
    let failure = identity.renewal.last_error.as_ref().filter(|_| identity.renewal.failures > 0);
    let failure = failure.map(|error| format!("{}: {}", distance(now, error.at), error.message));
    let refresh = || identity.renewal.refresh_error.as_ref();
    let refresh = || refresh().map(|error| format!("the token is not refreshed: {}", error.message));
    let problem = identity.problem.clone().or(failure).or_else(refresh).unwrap_or_else(|| "-".to_owned());
    let names = match identity.names.as_slice() {
        [] => "-".to_owned(),
        [first] => first.clone(),
        [first, more @ ..] => format!("{first} and {} more", more.len()),
    };
    let failures = identity.renewal.failures.to_string();
    vec![identity.identity.to_string(), names, expires, renewal, deployed, failures, problem]
}
