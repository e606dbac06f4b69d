//! One pass: each identity is looked at, renewed if it is time, deployed if that is missing, and reported on.
//!
//! A failure is stored with the identity, reported, and does not stop the pass. Only a state directory that cannot be read
//! stops it.

use aws_lc_rs::rand;
use time::{Duration, OffsetDateTime};

use super::{
    Due, Outlook, Why,
    decide::{backoff, decide, held_back},
    outlook::outlook,
    window::{ask_window, is_time_to_ask},
};
use crate::{
    acme::Client,
    deploy::{Deployment, deploy},
    enroll::{
        AccountOptions, Agent, EnrollError, EstAuthority, Leaf, Obtained, SignInError, internal_authority,
        known_account, obtain_and_register, obtain_est, obtain_internal, waiting,
    },
    internal::{InternalError, MOST_PATIENCE},
    state::{
        Generation, IdentityDir, IdentityName, IdentitySettings, LastError, RenewalRecord, SignInWanted,
        StateError, Waiting,
    },
};

/// How long the server is left in peace after it asked for a sign-in and nobody was there.
const ASK_FOR_SIGN_IN: Duration = Duration::hours(1);

/// What a pass is to do.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only these identities, by name or certified name; all if empty.
    pub only: Vec<String>,
    /// Renew whether or not it is time.
    pub force: bool,
}

/// What became of one identity.
#[derive(Debug)]
pub enum Attempt {
    /// It has a new certificate.
    Renewed {
        /// Its generation.
        generation: Generation,
        /// Its end of validity.
        not_after: OffsetDateTime,
        /// Why it was time.
        why: Why,
    },
    /// It is not time yet.
    NotDue {
        /// When it will be.
        at: OffsetDateTime,
        /// What that is taken from.
        why: Why,
    },
    /// Earlier failures hold it back.
    HeldBack {
        /// Until then.
        until: OffsetDateTime,
    },
    /// A person has to sign in first, and this run has none.
    SignInNeeded {
        /// Since when that is known.
        since: OffsetDateTime,
    },
    /// The server wants an administrator's approval first.
    ApprovalNeeded {
        /// Since when it was asked for.
        since: OffsetDateTime,
        /// When the server will be asked again.
        next: OffsetDateTime,
    },
    /// It could not be renewed.
    Failed {
        /// Why not.
        error: EnrollError,
        /// When it will be tried again.
        next: Option<OffsetDateTime>,
    },
}

/// What became of one identity in a pass, deployment apart.
#[derive(Debug)]
pub struct PassReport {
    /// The identity.
    pub identity: IdentityName,
    /// Its renewal.
    pub attempt: Attempt,
    /// Its deploy hook.
    pub deployment: Result<Deployment, StateError>,
    /// What is ahead of its person.
    pub outlook: Outlook,
}

/// Looks at every identity once.
pub async fn renew_all(agent: Agent<'_>, options: &Options) -> Result<Vec<PassReport>, StateError> {
    let mut identities = Vec::new();
    if options.only.is_empty() {
        identities = agent.state.identities()?;
    }
    for name in &options.only {
        let identity = agent.state.find_identity(name)?;
        if !identities.iter().any(|known: &IdentityDir| known.name() == identity.name()) {
            identities.push(identity);
        }
    }
    let mut reports = Vec::new();
    for identity in &identities {
        reports.push(renew_identity(agent, identity, options.force).await);
    }
    Ok(reports)
}

/// Looks at one identity.
pub async fn renew_identity(agent: Agent<'_>, identity: &IdentityDir, force: bool) -> PassReport {
    let settings = match identity.settings() {
        Ok(settings) => settings,
        Err(error) => {
            let attempt = Attempt::Failed { error: error.into(), next: None };
            return PassReport {
                identity: identity.name().clone(),
                attempt,
                deployment: Ok(Deployment::NotConfigured),
                outlook: Outlook::Unattended,
            };
        }
    };
    let attempt = match attempt(agent, identity, &settings, force).await {
        Ok(attempt) => attempt,
        Err(EnrollError::SignIn(error)) if matches!(*error, SignInError::Needed { .. }) => {
            wants_sign_in(agent, identity)
        }
        Err(EnrollError::Internal(error)) if matches!(*error, InternalError::Pending { .. }) => {
            match waiting(identity, &settings) {
                Ok(Some(Waiting { since, ask_again })) => Attempt::ApprovalNeeded { since, next: ask_again },
                Ok(None) => failed(agent, identity, (*error).into()),
                Err(error) => failed(agent, identity, error.into()),
            }
        }
        Err(error) => failed(agent, identity, error),
    };
    let deployment = deploy(identity, settings.deploy.as_ref(), agent.clock).await;
    let outlook = look_ahead(identity, &settings, agent.clock.now());
    PassReport { identity: identity.name().clone(), attempt, deployment, outlook }
}

/// What is ahead of an identity's person, from what is stored.
fn look_ahead(identity: &IdentityDir, settings: &IdentitySettings, now: OffsetDateTime) -> Outlook {
    let leaf =
        identity.current().ok().flatten().and_then(|current| Leaf::from_pem(&current.certificate).ok());
    let record = identity.renewal().unwrap_or_default();
    let due = decide(now, leaf.as_ref(), &record, spread(leaf.as_ref()));
    outlook(now, settings, leaf.as_ref(), &record, due)
}

async fn attempt(
    agent: Agent<'_>,
    identity: &IdentityDir,
    settings: &IdentitySettings,
    force: bool,
) -> Result<Attempt, EnrollError> {
    let now = agent.clock.now();
    let leaf = identity.current()?.map(|current| Leaf::from_pem(&current.certificate)).transpose()?;
    let mut record = identity.renewal()?;
    if settings.person().is_some() && agent.person.is_some() {
        // They are here now; earlier failures were without them.
        record.next_attempt = None;
    }
    let held_back = held_back(now, leaf.as_ref(), &record).is_some();
    let mut client = None;
    // An internal authority suggests no window.
    let asks = settings.internal().is_none() && !held_back && !force;
    if let Some(leaf) = leaf.as_ref().filter(|leaf| leaf.not_after > now && asks) {
        (record, client) = consult(agent, identity, settings, leaf, record).await?;
    }
    let waiting = waiting(identity, settings)?;
    if let Some(Waiting { since, ask_again }) = waiting.filter(|waiting| !force && is_early(waiting, now)) {
        return Ok(Attempt::ApprovalNeeded { since, next: ask_again });
    }
    let why = match decide(now, leaf.as_ref(), &record, spread(leaf.as_ref())) {
        _ if force => Why::Forced,
        Due::Now(why) => why,
        Due::At(_, _) if waiting.is_some() => Why::Approval,
        Due::At(at, why) => return Ok(Attempt::NotDue { at, why }),
        Due::HeldBack(until) => return Ok(Attempt::HeldBack { until }),
    };
    if let (None, Some(wanted)) = (agent.person, record.sign_in.filter(|_| settings.person().is_some()))
        && !force
        && (wanted.asked..wanted.asked + ASK_FOR_SIGN_IN).contains(&now)
    {
        return Ok(Attempt::SignInNeeded { since: wanted.since });
    }
    agent.progress.step(&format!("renewing {} ({})", identity.name(), why.as_str()));
    if settings.internal().is_some() {
        return Ok(renewed(&internal(agent, identity, settings).await?, why));
    }
    let client = match client {
        Some(client) => client,
        None => agent.connector.connect(agent.state, &settings.directory).await?,
    };
    let mut account = known_account(agent, &client).await?;
    let replaces = leaf.and_then(|leaf| leaf.id);
    let options = AccountOptions::default();
    let obtained = obtain_and_register(agent, &mut account, &options, identity, settings, replaces).await?;
    Ok(renewed(&obtained, why))
}

fn renewed(obtained: &Obtained, why: Why) -> Attempt {
    Attempt::Renewed { generation: obtained.generation, not_after: obtained.leaf.not_after, why }
}

/// A certificate of an internal authority, over its own interface or over EST.
async fn internal(
    agent: Agent<'_>,
    identity: &IdentityDir,
    settings: &IdentitySettings,
) -> Result<Obtained, EnrollError> {
    if let Some(est) = settings.est() {
        let authority = EstAuthority::new(agent, settings, None)?;
        return obtain_est(agent, &authority, identity, settings, est).await;
    }
    let credential = settings.internal().ok_or(InternalError::NotActivated)?;
    let authority = internal_authority(agent, settings)?;
    obtain_internal(agent, &authority, identity, settings, credential).await
}

/// Whether the server wants to be left alone until later. A moment further off than it may ask for was stored under a wrong clock, and is not believed.
fn is_early(waiting: &Waiting, now: OffsetDateTime) -> bool {
    waiting.ask_again > now && waiting.ask_again - now <= MOST_PATIENCE
}

/// Asks the server for a window, when it is time to ask. Being unable to is no failure while the certificate is not due.
async fn consult(
    agent: Agent<'_>,
    identity: &IdentityDir,
    settings: &IdentitySettings,
    leaf: &Leaf,
    record: RenewalRecord,
) -> Result<(RenewalRecord, Option<Client>), EnrollError> {
    let now = agent.clock.now();
    let known = record.certificate.as_deref() == leaf.id.as_ref().map(|id| id.as_str());
    if leaf.id.is_none() || (known && !is_time_to_ask(&record, now)) {
        return Ok((record, None));
    }
    match agent.connector.connect(agent.state, &settings.directory).await {
        Ok(client) => {
            let asked = ask_window(&client, leaf, record.clone(), now, dice()).await;
            if asked != record {
                identity.store_renewal(&asked)?;
            }
            Ok((asked, Some(client)))
        }
        Err(error) => {
            tracing::warn!(identity = %identity.name(), %error, "the server cannot be asked for a renewal window");
            Ok((record, None))
        }
    }
}

/// Stores that a person has to sign in. No failure: only they can change it, and trying more often would not.
fn wants_sign_in(agent: Agent<'_>, identity: &IdentityDir) -> Attempt {
    let now = agent.clock.now();
    let mut record = identity.renewal().unwrap_or_default();
    let since = record.sign_in.map_or(now, |wanted| wanted.since);
    record.sign_in = Some(SignInWanted { since, asked: now });
    store(identity, &record);
    Attempt::SignInNeeded { since }
}

/// Stores a failure and says when to try again.
fn failed(agent: Agent<'_>, identity: &IdentityDir, error: EnrollError) -> Attempt {
    let now = agent.clock.now();
    let mut record = identity.renewal().unwrap_or_default();
    record.failures = record.failures.saturating_add(1);
    let leaf =
        identity.current().ok().flatten().and_then(|current| Leaf::from_pem(&current.certificate).ok());
    let asked = match &error {
        EnrollError::Acme(acme) => acme.request().and_then(|request| request.retry_after()),
        EnrollError::Internal(internal) => internal.retry_after(),
        _ => None,
    };
    let pause = backoff(record.failures, leaf.map(|leaf| leaf.not_after - now), asked, dice());
    let next = now + pause;
    record.next_attempt = Some(next);
    record.last_error = Some(LastError { at: now, message: error.to_string() });
    store(identity, &record);
    Attempt::Failed { error, next: Some(next) }
}

fn store(identity: &IdentityDir, record: &RenewalRecord) {
    if let Err(unwritten) = identity.store_renewal(record) {
        tracing::warn!(identity = %identity.name(), error = %unwritten, "the outcome could not be recorded");
    }
}

/// A number that is the same for the same certificate and spread evenly over certificates.
fn spread(leaf: Option<&Leaf>) -> u32 {
    leaf.map_or(0, |leaf| {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &leaf.der);
        hash.as_ref().first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
    })
}

/// A random number; zero, the careful end of every range, if the system has none.
fn dice() -> u32 {
    let mut bytes = [0; 4];
    match rand::fill(&mut bytes) {
        Ok(()) => u32::from_be_bytes(bytes),
        Err(_) => 0,
    }
}
