//! The request that an internal authority has yet to answer with a certificate: kept with its key, sent again by later runs, and what is remembered of the answers.
//!
//! What somebody approves is a request for one key, so a new key for each try would never be approved. Trusts the server's word that it waits; how long it may
//! ask to be left alone has a bound.

use data_encoding::BASE64URL_NOPAD;
use http::StatusCode;
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::{EnrollError, Leaf};
use crate::{
    internal::{InternalError, MOST_PATIENCE},
    state::{IdentityDir, IdentitySettings, Operation, PendingEnrolment, StateError, Waiting},
};

/// How long a server that asks for patience, and not for how much of it, is left alone.
const PATIENCE: Duration = Duration::minutes(10);

/// The approval that an identity waits for, if its request is of any use still, and nobody denied it.
///
/// # Errors
/// If the state directory cannot be read.
pub fn waiting(identity: &IdentityDir, settings: &IdentitySettings) -> Result<Option<Waiting>, StateError> {
    let Some((pending, _)) = identity.enrolment()? else { return Ok(None) };
    let serial = identity.current()?.and_then(|current| Leaf::from_pem(&current.certificate).ok());
    let same = pending.server == settings.directory && pending.replaces == serial.map(|leaf| leaf.serial);
    Ok(pending.waiting.filter(|_| same && !pending.refused && settings.internal().is_some()))
}

/// The request of an earlier run, if it is for the same.
pub(super) fn earlier(
    identity: &IdentityDir,
    settings: &IdentitySettings,
    operation: Operation,
    present: Option<&Leaf>,
) -> Result<Option<(PendingEnrolment, Zeroizing<String>)>, StateError> {
    let replaces = present.map(|leaf| &leaf.serial);
    Ok(identity.enrolment()?.filter(|(pending, _)| {
        (&pending.server, pending.operation, pending.replaces.as_ref())
            == (&settings.directory, operation, replaces)
    }))
}

/// A request that was not sent yet.
pub(super) fn fresh(
    settings: &IdentitySettings,
    operation: Operation,
    present: Option<&Leaf>,
    csr: &[u8],
    created: OffsetDateTime,
) -> PendingEnrolment {
    PendingEnrolment {
        server: settings.directory.clone(),
        operation,
        replaces: present.map(|leaf| leaf.serial.clone()),
        csr: BASE64URL_NOPAD.encode(csr),
        created,
        token: None,
        waiting: None,
        refused: false,
    }
}

/// The signing request (DER).
pub(super) fn decoded(pending: &PendingEnrolment) -> Vec<u8> {
    BASE64URL_NOPAD.decode(pending.csr.as_bytes()).unwrap_or_default()
}

/// Remembers an answer that was no certificate. A request that cannot lead to one is not sent again; one that waits, that was denied, or that nobody
/// answered, is.
pub(super) fn unanswered(
    identity: &IdentityDir,
    pending: PendingEnrolment,
    error: InternalError,
    now: OffsetDateTime,
) -> Result<EnrollError, StateError> {
    match &error {
        InternalError::Pending { retry_after, .. } => {
            let since = pending.waiting.map_or(now, |waiting| waiting.since);
            let pause = retry_after
                .map_or(PATIENCE, |asked| Duration::try_from(asked.min(MOST_PATIENCE)).unwrap_or(PATIENCE));
            let waiting = Some(Waiting { since, ask_again: now + pause });
            identity.update_enrolment(&PendingEnrolment { waiting, refused: false, ..pending })?;
        }
        InternalError::Refused { status: StatusCode::BAD_REQUEST, .. } => identity.clear_pending()?,
        // Whose token has ended is nobody any more: the next one is asked for as such.
        InternalError::Refused { status: StatusCode::UNAUTHORIZED, .. } if pending.token.is_some() => {
            identity.clear_pending()?;
        }
        InternalError::Refused { status: StatusCode::FORBIDDEN, .. } if pending.waiting.is_some() => {
            identity.update_enrolment(&PendingEnrolment { refused: true, ..pending })?;
        }
        _ => {}
    }
    Ok(error.into())
}
