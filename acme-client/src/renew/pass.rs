//! One pass: each identity is looked at, renewed if it is time, deployed if that is missing, and reported on.
//!
//! A failure is stored with the identity, reported, and does not stop the pass. Only a state directory that cannot be read
//! stops it.

use aws_lc_rs::rand;
use time::{Duration, OffsetDateTime};

use super::{
    Due, Outlook, Standing, Why,
    decide::{backoff, comes_early, decide, held_back, longest_pause},
    standing::{ASK_FOR_SIGN_IN, current_leaf, spread, waits},
    window::{ask_window, is_wanted, pause_after_failure, unanswered},
};
use crate::{
    acme::Client,
    deploy::{Deployment, deploy, next_run},
    enroll::{
        AccountOptions, Agent, EnrollError, EstAuthority, Leaf, Obtained, SignInError, internal_authority,
        known_account, obtain_and_register, obtain_est, obtain_internal, waiting,
    },
    internal::InternalError,
    state::{
        Generation, IdentityDir, IdentityName, IdentitySettings, LastError, RenewalRecord, SignInWanted,
        StateError, Waiting,
    },
};

/// How eagerly an identity is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Haste {
    /// By the schedule: a deploy hook that failed waits for its turn as well.
    Scheduled,
    /// A pass that somebody asked for: a deploy hook that failed is run again.
    Pass,
    /// Somebody wants to know now: the server is asked for its window, and our own pauses are over. What the server asked for
    /// (`Retry-After` of a failure) is kept.
    Now,
    /// Renewed whether or not it is time.
    Force,
}

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

/// Looks at one identity, as a pass does.
pub async fn renew_identity(agent: Agent<'_>, identity: &IdentityDir, force: bool) -> PassReport {
    look_at(agent, identity, if force { Haste::Force } else { Haste::Pass }).await
}

/// Looks at one identity.
pub async fn look_at(agent: Agent<'_>, identity: &IdentityDir, haste: Haste) -> PassReport {
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
    let attempt = match attempt(agent, identity, &settings, haste).await {
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
    let deployment = match next_run(identity, settings.deploy.as_ref(), agent.clock.now()) {
        Ok(Some(at)) if haste == Haste::Scheduled && at > agent.clock.now() => Ok(Deployment::HeldBack(at)),
        Ok(_) => deploy(identity, settings.deploy.as_ref(), agent.clock).await,
        Err(error) => Err(error),
    };
    let standing = Standing::of(identity, agent.clock.now());
    let outlook = standing.map_or(Outlook::Unattended, |standing| standing.outlook);
    PassReport { identity: identity.name().clone(), attempt, deployment, outlook }
}

async fn attempt(
    agent: Agent<'_>,
    identity: &IdentityDir,
    settings: &IdentitySettings,
    haste: Haste,
) -> Result<Attempt, EnrollError> {
    let now = agent.clock.now();
    let leaf = current_leaf(identity)?;
    let mut record = identity.renewal()?;
    if haste == Haste::Now {
        (record.ask_again, record.next_attempt) = (None, record.retry_after);
    }
    if settings.person().is_some() && agent.person.is_some() {
        // They are here now; earlier failures were without them.
        record.next_attempt = None;
    }
    let held_back = held_back(now, leaf.as_ref(), &record).is_some();
    let mut client = None;
    // An internal authority suggests no window.
    let asks = settings.internal().is_none() && !held_back && haste < Haste::Force;
    if let Some(leaf) = leaf.as_ref().filter(|leaf| leaf.not_after > now && asks) {
        (record, client) = consult(agent, identity, settings, leaf, record).await;
    }
    let waiting = waiting(identity, settings)?;
    if let Some(Waiting { since, ask_again }) =
        waiting.filter(|waiting| haste < Haste::Force && waits(waiting, now))
    {
        return Ok(Attempt::ApprovalNeeded { since, next: ask_again });
    }
    let why = match decide(now, leaf.as_ref(), &record, spread(leaf.as_ref())) {
        _ if haste == Haste::Force => Why::Forced,
        Due::Now(why) => why,
        Due::At(_, _) if waiting.is_some() => Why::Approval,
        Due::At(at, why) => return Ok(Attempt::NotDue { at, why }),
        Due::HeldBack(until) => return Ok(Attempt::HeldBack { until }),
    };
    if let (None, Some(wanted)) = (agent.person, record.sign_in.filter(|_| settings.person().is_some()))
        && haste < Haste::Now
        && (wanted.asked..wanted.asked + ASK_FOR_SIGN_IN).contains(&now)
    {
        return Ok(Attempt::SignInNeeded { since: wanted.since });
    }
    // A disk that is full is found out before anything is ordered.
    identity.check_room()?;
    agent.progress.step(&format!("renewing {} ({})", identity.name(), why.as_str()));
    let early = match &leaf {
        Some(leaf) if why == Why::Suggested && comes_early(now, leaf) => record.early.saturating_add(1),
        Some(_) | None => 0,
    };
    let Obtained { generation, leaf, .. } = obtain_one(agent, identity, settings, client, leaf).await?;
    if early > 0 {
        store(identity, &RenewalRecord { early, ..identity.renewal().unwrap_or_default() });
    }
    Ok(Attempt::Renewed { generation, not_after: leaf.not_after, why })
}

/// Obtains the next certificate, wherever this identity has it from.
async fn obtain_one(
    agent: Agent<'_>,
    identity: &IdentityDir,
    settings: &IdentitySettings,
    client: Option<Client>,
    leaf: Option<Leaf>,
) -> Result<Obtained, EnrollError> {
    if settings.internal().is_some() {
        return internal(agent, identity, settings).await;
    }
    let client = match client {
        Some(client) => client,
        None => agent.connector.connect(agent.state, &settings.directory).await?,
    };
    let mut account = known_account(agent, &client).await?;
    let replaces = leaf.and_then(|leaf| leaf.id);
    let options = AccountOptions::default();
    obtain_and_register(agent, &mut account, &options, identity, settings, replaces).await
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

/// Asks the server for a window, when it is time to ask. Being unable to is no failure while the certificate is not due.
async fn consult(
    agent: Agent<'_>,
    identity: &IdentityDir,
    settings: &IdentitySettings,
    leaf: &Leaf,
    record: RenewalRecord,
) -> (RenewalRecord, Option<Client>) {
    let now = agent.clock.now();
    if !is_wanted(leaf, &record, now) {
        return (record, None);
    }
    let (asked, client) = match agent.connector.connect(agent.state, &settings.directory).await {
        Ok(client) => (ask_window(&client, leaf, record.clone(), now, dice()).await, Some(client)),
        Err(error) => {
            tracing::warn!(identity = %identity.name(), %error, "the server cannot be asked for a renewal window");
            let pause = pause_after_failure(error.retry_after(), dice());
            (unanswered(record.clone(), leaf, now + pause), None)
        }
    };
    if asked != record {
        store(identity, &asked);
    }
    (asked, client)
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
    let time_left = current_leaf(identity).ok().flatten().map(|leaf| leaf.not_after - now);
    let asked = error.retry_after();
    let next = now + backoff(record.failures, time_left, asked, dice());
    record.next_attempt = Some(next);
    let longest = longest_pause(time_left);
    record.retry_after = asked.map(|asked| now + Duration::try_from(asked).unwrap_or(longest).min(longest));
    record.last_error = Some(LastError { at: now, message: error.to_string() });
    store(identity, &record);
    Attempt::Failed { error, next: Some(next) }
}

fn store(identity: &IdentityDir, record: &RenewalRecord) {
    if let Err(unwritten) = identity.store_renewal(record) {
        tracing::warn!(identity = %identity.name(), error = %unwritten, "the outcome could not be recorded");
    }
}

/// A random number; zero, the careful end of every range, if the system has none.
fn dice() -> u32 {
    let mut bytes = [0; 4];
    match rand::fill(&mut bytes) {
        Ok(()) => u32::from_be_bytes(bytes),
        Err(_) => 0,
    }
}
