//! What serves once, a token or an approval, is used up by the certificate that arrives, not by the request that was answered with nothing.
//!
//! The intent that uses it up notes its serial. Where the same request comes again (RFC 7030 §4.2.3), it gets that certificate: the answer was lost, or
//! was never given. If the intent was abandoned, it serves again. Must never give a certificate for another key, or to another holder.

use certs::identifier::Identifier;
use certs::serial::Serial;
use time::OffsetDateTime;

use super::error::{InternalError, TokenError};
use super::holder::{Front, Holder};
use crate::order::model::{Certificate, CertificateStatus};
use crate::sso::person::SingleUse;
use crate::store::tables::used_assertions::{self, UsedAssertion};
use crate::store::{Store, Versioned};

/// Seconds after which a client whose certificate is being signed asks again.
pub(super) const ASK_AGAIN: u64 = 5;

/// Of a certificate's life, the part in which the same request is the same and not a renewal: one third.
const REPETITION: i32 = 3;

/// What became of the intent that something was used up by.
#[derive(Debug)]
pub(super) enum Became {
    /// Nothing: it serves again.
    Nothing,
    /// This certificate, which is in force.
    Issued(Box<Certificate>),
    /// A certificate that is over, revoked, or due to be renewed.
    Over,
}

/// What became of the certificate of this serial, for the same holder.
///
/// # Errors
/// [`InternalError::InProgress`] while it is being signed.
pub(super) async fn became(
    store: &Store,
    serial: &Serial,
    holder: &Holder,
    now: OffsetDateTime,
) -> Result<Became, InternalError> {
    let Some(found) = store.load::<Certificate>(serial).await? else { return Ok(Became::Over) };
    let certificate = found.value;
    match certificate.status {
        CertificateStatus::Intended => Err(InternalError::InProgress { retry_after: ASK_AGAIN }),
        CertificateStatus::Abandoned => Ok(Became::Nothing),
        CertificateStatus::Revoked => Ok(Became::Over),
        CertificateStatus::Issued => {
            let life = certificate.not_after - certificate.not_before;
            let fresh = now < certificate.not_before + life / REPETITION;
            let is_theirs = certificate.holder.as_ref().is_some_and(|held| {
                let asks = holder.evidence(Front::Certificates);
                (held.kind, &held.id, held.organisation, held.generation)
                    == (asks.kind, &asks.id, asks.organisation, asks.generation)
            });
            Ok(if fresh && is_theirs { Became::Issued(Box::new(certificate)) } else { Became::Over })
        }
    }
}

/// What a token that serves once is good for.
#[derive(Debug)]
pub(super) enum Once {
    /// It serves as often as it is shown.
    Always,
    /// A certificate; to be claimed by its intent.
    Free(SingleUse, Option<Box<Versioned<UsedAssertion>>>),
    /// The certificate that it was used for.
    Issued(Box<Certificate>),
}

/// What the holder's token is good for, for this key and these identifiers.
///
/// # Errors
/// [`TokenError::Replayed`] if it was used for anything else.
pub(super) async fn look(
    store: &Store,
    holder: &Holder,
    (key, identifiers): (&str, &[Identifier]),
    now: OffsetDateTime,
) -> Result<Once, InternalError> {
    let Some(single_use) = holder.single_use() else { return Ok(Once::Always) };
    let Some(used) = used_assertions::find(store, single_use).await? else {
        return Ok(Once::Free(single_use.clone(), None));
    };
    let same = used.value.used_for.as_ref().filter(|earlier| earlier.key == key);
    let serial = same.map(|earlier| earlier.serial).ok_or(TokenError::Replayed)?;
    match became(store, &serial, holder, now).await? {
        Became::Nothing => Ok(Once::Free(single_use.clone(), Some(Box::new(used)))),
        Became::Issued(certificate) if certificate.identifiers == identifiers => {
            Ok(Once::Issued(certificate))
        }
        Became::Issued(_) | Became::Over => Err(TokenError::Replayed.into()),
    }
}
