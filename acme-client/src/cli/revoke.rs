//! `revoke`: the current certificate of an identity, by the account that ordered it (RFC 8555 §7.6).

use serde::Serialize;

use super::{CliError, Ending, RevokeArguments, Session};
use crate::{
    acme::Revocation,
    enroll::{EnrollError, Leaf, destroy_all, known_account},
    internal::InternalError,
    state::IdentityName,
};

#[derive(Debug, Serialize)]
struct Revoked {
    identity: IdentityName,
    serial: String,
    generation: u64,
    already_revoked: bool,
    forgotten: bool,
}

/// Revokes.
pub(super) async fn revoke(session: &Session, arguments: &RevokeArguments) -> Result<Ending, CliError> {
    let _lock = session.lock()?;
    let identity = session.state.find_identity(&arguments.name)?;
    let settings = identity.settings()?;
    if settings.internal().is_some() {
        return Err(EnrollError::from(InternalError::NoRevocation).into());
    }
    let current = identity.current()?.ok_or_else(|| EnrollError::NoCertificate(identity.name().clone()))?;
    let leaf = Leaf::from_pem(&current.certificate).map_err(EnrollError::from)?;
    let progress = session.progress(false);
    progress.step(&format!("revoking certificate {} of {}", leaf.serial, identity.name()));
    let client = session.connector.connect(&session.state, &settings.directory).await?;
    let account = known_account(session.agent(progress.as_ref(), None), &client).await?;
    let reason = arguments.reason.map(Into::into);
    let outcome = account.revoke(&leaf.der, reason).await.map_err(EnrollError::from)?;
    if arguments.forget {
        destroy_all(&identity).await?;
        identity.remove()?;
    }
    drop(progress);
    let view = Revoked {
        identity: identity.name().clone(),
        serial: leaf.serial,
        generation: current.generation.number(),
        already_revoked: outcome == Revocation::AlreadyRevoked,
        forgotten: arguments.forget,
    };
    session.output.result(&view, || {
        let how = if view.already_revoked { "was revoked already" } else { "is revoked" };
        let then = if view.forgotten {
            "; the identity is forgotten"
        } else {
            "; `acme-client renew --force` replaces it, for a person with `--interactive`"
        };
        format!("certificate {} of {} {how}{then}\n", view.serial, view.identity)
    })?;
    Ok(Ending::Done)
}
