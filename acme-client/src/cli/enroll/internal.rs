//! `enroll internal`: whoever a token speaks for, at the internal authority of a meeting provider.
//!
//! A code is good once, so a device that was activated stays so although its certificate is refused: the same command without the code's being
//! asked again is `renew`. One of which nobody knows whether it was activated keeps its key, and the same command asks again.

use std::{
    fs,
    io::{self, BufRead as _},
};

use zeroize::Zeroizing;

use super::{Enrolled, Session, finish, is_from, tell};
use crate::{
    acme::Roots,
    cli::{CliError, Ending, InternalArguments},
    clock::{Clock as _, SystemClock},
    enroll::{
        Agent, EnrollError, EstAuthority, Leaf, Obtained, activate, check_store, obtain_est, obtain_internal,
        sweep, waiting,
    },
    internal::{InternalAuthority, InternalError, est_url, internal_beside, internal_url},
    renew::{Due, decide},
    state::{
        Credential, DeploySettings, EstSettings, IdentityDir, IdentityName, IdentitySettings, KeyType,
        ServerLabel, Subject,
    },
};

/// Enrols on a token.
pub(in crate::cli) async fn internal(
    session: &Session,
    arguments: &InternalArguments,
) -> Result<Ending, CliError> {
    let name = IdentityName::parse(&arguments.identity)?;
    let code = arguments.shown.activation_code.as_deref().map(activation_code).transpose()?;
    let settings = settings(arguments)?;
    let _lock = session.lock()?;
    let progress = session.progress(false);
    let agent = session.agent(progress.as_ref(), None);
    let view = enroll(session, agent, arguments, &settings, &name, code.as_ref()).await?;
    tell(session, progress, &view)
}

fn settings(arguments: &InternalArguments) -> Result<IdentitySettings, CliError> {
    let credential = match (&arguments.shown.token_file, arguments.shown.guest) {
        (Some(path), _) => {
            // Renewals run elsewhere than where the person typed this. Links are kept: tokens are rotated by swapping them.
            let absolute = fs::metadata(path).and_then(|_| std::path::absolute(path));
            Credential::TokenFile(absolute.map_err(|source| CliError::File { path: path.clone(), source })?)
        }
        (None, true) => Credential::Guest,
        (None, false) => Credential::MachineAccount,
    };
    if credential == Credential::MachineAccount && !arguments.est && !arguments.key_store.is_file() {
        return Err(CliError::BoundKey);
    }
    let (subject, directory) = if arguments.est {
        let user = arguments.est_user.clone();
        (Subject::Est(EstSettings { credential, user }), est_url(&arguments.ca))
    } else {
        (Subject::Internal(credential), internal_url(&arguments.ca))
    };
    Ok(IdentitySettings {
        subject,
        directory: directory.map_err(EnrollError::from)?,
        profile: None,
        key_type: KeyType::P256,
        key_store: arguments.key_store.clone(),
        keep: arguments.keep,
        deploy: arguments.deploy_hook.clone().map(DeploySettings::new),
    })
}

/// The code itself, or a line of standard input: other users of this machine see what stands on a command line.
fn activation_code(given: &str) -> Result<Zeroizing<String>, CliError> {
    if given != "-" {
        return Ok(Zeroizing::new(given.to_owned()));
    }
    let mut line = Zeroizing::new(String::new());
    io::stdin().lock().read_line(&mut line).map_err(|source| CliError::File { path: "-".into(), source })?;
    Ok(Zeroizing::new(line.trim().to_owned()))
}

async fn enroll(
    session: &Session,
    agent: Agent<'_>,
    arguments: &InternalArguments,
    settings: &IdentitySettings,
    name: &IdentityName,
    code: Option<&Zeroizing<String>>,
) -> Result<Enrolled, CliError> {
    let identity = session.state.identity(name);
    let previous = identity.exists().then(|| identity.settings()).transpose()?;
    let roots = roots(arguments)?;
    check_store(settings).await.map_err(EnrollError::from)?;
    let current = code.is_none() && !arguments.force && is_current(&identity, previous.as_ref(), settings)?;
    identity.store_settings(settings)?;
    if !current {
        if arguments.force {
            // A request that waits, or was denied, is for a key that is given up.
            identity.clear_pending()?;
        }
        let obtained = obtain(session, agent, roots.as_deref(), &identity, settings, code).await;
        // Whoever answers has shown a certificate below these roots; renewals depend on them.
        if let (Some(pem), false) = (&roots, never_answered(&obtained)) {
            session.state.account(&ServerLabel::of(&settings.directory)).store_roots(pem)?;
        }
        if let Err(error) = obtained {
            return Err(undo(&identity, previous.as_ref(), settings, error).await);
        }
    }
    finish(agent, &identity, settings, settings.directory.clone(), (!current, false)).await
}

/// Activates, if there is a code, and obtains a certificate.
async fn obtain(
    session: &Session,
    agent: Agent<'_>,
    roots: Option<&[u8]>,
    identity: &IdentityDir,
    settings: &IdentitySettings,
    code: Option<&Zeroizing<String>>,
) -> Result<Obtained, EnrollError> {
    let credential = settings.internal().ok_or(InternalError::NotActivated)?;
    let transport = match roots {
        Some(pem) => session.connector.transport_trusting(Some(pem))?,
        None => session.connector.transport(&session.state, &settings.directory)?,
    };
    let folder = match settings.est() {
        Some(_) => internal_beside(&settings.directory),
        None => settings.directory.clone(),
    };
    let authority = InternalAuthority::new(transport, folder);
    if let Some(code) = code {
        activate(agent, &authority, identity, code).await?;
    }
    match settings.est() {
        Some(est) => {
            let server = EstAuthority::new(agent, settings, roots.map(<[u8]>::to_vec))?;
            obtain_est(agent, &server, identity, settings, est).await
        }
        None => obtain_internal(agent, &authority, identity, settings, credential).await,
    }
}

fn roots(arguments: &InternalArguments) -> Result<Option<Vec<u8>>, CliError> {
    let Some(path) = &arguments.root else { return Ok(None) };
    let pem = fs::read(path).map_err(|source| CliError::File { path: path.clone(), source })?;
    Roots::from_pem(&pem).map_err(|source| CliError::Roots { path: path.clone(), source })?;
    Ok(Some(pem))
}

fn never_answered<T>(outcome: &Result<T, EnrollError>) -> bool {
    match outcome {
        Ok(_) => false,
        Err(EnrollError::Internal(error)) => !matches!(
            **error,
            InternalError::Refused { .. } | InternalError::Pending { .. } | InternalError::Neither { .. }
        ),
        Err(_) => true,
    }
}

/// Takes back settings that led to nothing; not those of a device that was activated, or may have been, nor those with which a request waits for approval.
async fn undo(
    identity: &IdentityDir,
    previous: Option<&IdentitySettings>,
    settings: &IdentitySettings,
    error: EnrollError,
) -> CliError {
    sweep(identity).await;
    let is_device = settings.internal() == Some(&Credential::MachineAccount);
    let activated = identity.machine().is_ok_and(|machine| machine.is_some());
    let in_doubt = identity.next_machine_key().is_ok_and(|key| key.is_some());
    let keep = waits(identity, settings) || (is_device && (activated || in_doubt));
    let undone = match previous {
        Some(previous) if !keep => identity.store_settings(previous),
        None if !keep && identity.token_keys().is_ok_and(|keys| keys.is_empty()) => identity.remove(),
        // What could not be destroyed in a token is known here alone.
        Some(_) | None => Ok(()),
    };
    if let Err(error) = undone {
        tracing::warn!(%error, "the settings could not be taken back");
    }
    error.into()
}

fn waits(identity: &IdentityDir, settings: &IdentitySettings) -> bool {
    waiting(identity, settings).is_ok_and(|waiting| waiting.is_some())
}

/// Whether the present certificate is from there, for its key, and not due.
fn is_current(
    identity: &IdentityDir,
    previous: Option<&IdentitySettings>,
    settings: &IdentitySettings,
) -> Result<bool, CliError> {
    let Some(current) = identity.current()?.filter(|_| !waits(identity, settings)) else { return Ok(false) };
    let Ok(leaf) = Leaf::from_pem(&current.certificate) else { return Ok(false) };
    let now = SystemClock.now();
    let same = is_from(&current, previous, settings)
        && previous.is_some_and(|previous| {
            previous.subject == settings.subject && previous.key_store == settings.key_store
        })
        && leaf.check_key(&current.key, now).is_ok();
    Ok(same && matches!(decide(now, Some(&leaf), &identity.renewal()?, 0), Due::At(..)))
}
