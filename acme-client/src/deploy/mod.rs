//! Deploy hooks: what a person wants run when a new certificate is in place.
//!
//! Issuance and deployment are judged apart: a certificate that could not be deployed is still issued, its hook is run again
//! at the next pass and nothing is ordered twice. The hook is trusted as its owner's own program; it gets paths, never key
//! bytes, and may not run for ever.

mod run;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use time::{Duration, OffsetDateTime};

use crate::{
    clock::Clock,
    renew::doubled,
    state::{CurrentPair, DeployOutcome, DeployRecord, DeploySettings, IdentityDir, StateError},
};

pub use run::{HookCall, HookFailure, run_hook};

/// What became of deployment in one pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deployment {
    /// No hook is configured, or no certificate is there.
    NotConfigured,
    /// The hook already ran well for the current generation.
    AlreadyDone,
    /// The hook ran well now.
    Succeeded,
    /// The hook failed now; it is tried again at the next pass.
    Failed(String),
    /// The hook failed before, and runs again then.
    HeldBack(OffsetDateTime),
}

/// The longest that a hook which failed waits for its next run.
const LONGEST_PAUSE: Duration = Duration::HOUR;

/// When the hook has to run for the current generation; `None` if it needs not. After failures it waits a minute, then two, four, up to an
/// hour; a pause longer than that was stored under a wrong clock.
///
/// # Errors
/// If the state directory cannot be read.
pub fn next_run(
    identity: &IdentityDir,
    settings: Option<&DeploySettings>,
    now: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, StateError> {
    let (Some(_), Some(current)) = (settings, identity.current_generation()?) else { return Ok(None) };
    let Some(record) = identity.deploy()?.filter(|record| record.generation == current) else {
        return Ok(Some(now));
    };
    Ok(match record.outcome {
        DeployOutcome::Succeeded => None,
        DeployOutcome::Failed => {
            let again = record.at.checked_add(doubled(record.attempts, LONGEST_PAUSE));
            Some(again.filter(|again| *again - now <= LONGEST_PAUSE).unwrap_or(now))
        }
    })
}

/// The variables a deploy hook gets.
fn environment(identity: &IdentityDir, current: &CurrentPair) -> Vec<(&'static str, String)> {
    let path = |name: &str| -> PathBuf { current.folder.join(name) };
    let text = |path: PathBuf| path.display().to_string();
    vec![
        ("ROLLCALL_ACTION", "deploy".to_owned()),
        ("ROLLCALL_IDENTITY", identity.name().to_string()),
        ("ROLLCALL_CERTIFICATE", text(path("cert.pem"))),
        ("ROLLCALL_CHAIN", text(path("chain.pem"))),
        ("ROLLCALL_FULLCHAIN", text(path("fullchain.pem"))),
        ("ROLLCALL_KEY", current.token_key().map_or_else(|| text(path("key.pem")), str::to_owned)),
        ("ROLLCALL_CURRENT", text(identity.path().join("current"))),
        ("ROLLCALL_GENERATION", current.generation.to_string()),
    ]
}

/// Runs the hook if the current generation was not deployed yet, and records how it ended.
pub async fn deploy(
    identity: &IdentityDir,
    settings: Option<&DeploySettings>,
    clock: &dyn Clock,
) -> Result<Deployment, StateError> {
    let Some(settings) = settings else { return Ok(Deployment::NotConfigured) };
    let Some(current) = identity.current()? else { return Ok(Deployment::NotConfigured) };
    let before = identity.deploy()?.filter(|record| record.generation == current.generation);
    if before.as_ref().is_some_and(|record| record.outcome == DeployOutcome::Succeeded) {
        return Ok(Deployment::AlreadyDone);
    }
    let call = HookCall {
        program: "/bin/sh".into(),
        arguments: vec!["-c".to_owned(), settings.hook.clone()],
        environment: environment(identity, &current),
        timeout: settings.timeout,
    };
    let failure = run_hook(&call).await.err().map(|failure| failure.to_string());
    identity.store_deploy(&DeployRecord {
        generation: current.generation,
        outcome: if failure.is_none() { DeployOutcome::Succeeded } else { DeployOutcome::Failed },
        attempts: before.map_or(0, |record| record.attempts).saturating_add(1),
        at: clock.now(),
        message: failure.clone(),
    })?;
    Ok(failure.map_or(Deployment::Succeeded, Deployment::Failed))
}
