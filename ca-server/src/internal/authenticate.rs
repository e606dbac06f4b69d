//! From a credential to the one it speaks for. The only place that makes a [`Holder`].
//!
//! A refusal is journalled here, once, under its stable word; the fronts only answer. Looks at the store as it is now: a token of an account that
//! was deactivated a moment ago is refused.

use certs::ari::CertId;
use certs::identifier::Identifier;
use time::OffsetDateTime;

use super::error::TokenError;
use super::holder::{Device, DeviceId, Guest, Holder, HolderKind};
use super::machine::{MachineAccount, MachineStatus};
use super::opaque::{self, Bearer};
use crate::app::App;
use crate::order::model::{Certificate, CertificateStatus};
use crate::policy::{Refused, Subject};

/// What a client shows of itself.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// An access token of an organisation, the token of a device, or that of a guest.
    Bearer(&'a str),
    /// The leaf (DER) with which the client authenticated its TLS connection: it holds the key. Whose it is, is decided here.
    Certificate(&'a [u8]),
}

impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bearer(_) => "Bearer(…)",
            Self::Certificate(_) => "Certificate(…)",
        })
    }
}

/// Whom the credential speaks for.
///
/// # Errors
/// [`TokenError`]; it is journalled already.
pub async fn authenticate(
    app: &App,
    credential: Credential<'_>,
    now: OffsetDateTime,
) -> Result<Holder, TokenError> {
    let mut subject = Subject::Stranger;
    let judged = match credential {
        Credential::Bearer("") => Err(TokenError::Missing),
        Credential::Bearer(token) if opaque::is_ours(token) => {
            by_opaque_token(app, token, (&mut subject, now)).await
        }
        Credential::Bearer(token) => {
            app.token_issuers.verify(app, token, (&mut subject, now)).await.map(Holder::User)
        }
        Credential::Certificate(der) => by_certificate(app, der, (&mut subject, now)).await,
    };
    if let Err(error) = &judged {
        record(app, error, &subject, now).await;
    }
    judged
}

/// Journals that a credential was refused. One that is missing, or that we cannot judge now, is no decision.
pub async fn record(app: &App, error: &TokenError, subject: &Subject, now: OffsetDateTime) {
    if let TokenError::Missing | TokenError::KeysUnavailable(_) | TokenError::Store(_) = error {
        return;
    }
    metrics::counter!("rollcall_tokens_refused_total", "reason" => error.reason()).increment(1);
    let refused =
        Refused { action: "token", account: None, order: None, identifiers: Vec::new(), rule: error.rule() };
    if let Err(error) = app.refusals.record_of(&app.store, subject, refused, now).await {
        tracing::error!(%error, "a refusal could not be journalled");
    }
}

/// The device of an account, before it is known whether it may act.
pub(super) fn known(device: DeviceId, credential: &str) -> Subject {
    let identifier = Some(Identifier::Uri(device.urn()));
    Subject::Known { id: format!("device {device}"), credential: credential.to_owned(), identifier }
}

async fn by_opaque_token(
    app: &App,
    token: &str,
    (subject, now): (&mut Subject, OffsetDateTime),
) -> Result<Holder, TokenError> {
    let found = opaque::find(&app.store, token).await?;
    if let Bearer::Device { device, .. } = found.value.bearer {
        *subject = known(device, "device-token");
    }
    found.value.must_be_in_force(now)?;
    match found.value.bearer {
        Bearer::Guest { .. } if !app.config.internal.guests => Err(TokenError::GuestsUnwanted),
        Bearer::Guest { guest } => Ok(Holder::Guest(Guest {
            id: guest,
            token: found.value.id,
            credential: "guest-token".to_owned(),
        })),
        Bearer::Device { device, generation } => {
            let account = app.store.load::<MachineAccount>(&device).await?.ok_or(TokenError::Unknown)?.value;
            account.must_be_active()?;
            let key_thumbprint = account.key_thumbprint().ok_or(TokenError::Unknown)?;
            if account.generation != generation {
                return Err(TokenError::Unknown);
            }
            found.value.must_speak(now)?;
            opaque::first_use(&app.store, found).await?;
            Ok(Holder::Device(Device {
                organisation: account.organisation,
                id: account.id,
                key_thumbprint: Some(key_thumbprint),
                generation,
                credential: "device-token".to_owned(),
            }))
        }
    }
}

/// The record of the certificate decides: it must be exactly this one, in force, a device's, and of the key that the account is bound to now or of one
/// that followed it by re-enrolment.
async fn by_certificate(
    app: &App,
    der: &[u8],
    (subject, now): (&mut Subject, OffsetDateTime),
) -> Result<Holder, TokenError> {
    let serial =
        CertId::from_certificate(der).ok().and_then(|id| id.serial()).ok_or(TokenError::Certificate)?;
    let record = app.store.load::<Certificate>(&serial).await?.ok_or(TokenError::Certificate)?.value;
    let is_same = record.der_octets().is_some_and(|stored| stored == der);
    let in_force = record.status == CertificateStatus::Issued
        && record.not_before <= now
        && now <= record.not_after
        && record.authority == app.config.internal.authority;
    if !is_same || !in_force {
        return Err(TokenError::Certificate);
    }
    let evidence = record.holder.as_ref().ok_or(TokenError::CertificateKind)?;
    let (HolderKind::Device, Identifier::Uri(urn)) = (evidence.kind, &evidence.id) else {
        return Err(TokenError::CertificateKind);
    };
    let id: DeviceId = urn.as_str().parse().map_err(|_| TokenError::Certificate)?;
    *subject = known(id, &format!("certificate {serial}"));
    let account = app.store.load::<MachineAccount>(&id).await?.ok_or(TokenError::Unknown)?.value;
    // A certificate of an earlier activation, of a key that the account was moved away from, or of a line that was revoked, renews nothing.
    if account.status != MachineStatus::Deactivated && evidence.generation != Some(account.generation) {
        return Err(TokenError::Replaced);
    }
    account.must_be_active()?;
    Ok(Holder::Device(Device {
        organisation: account.organisation,
        id: account.id,
        key_thumbprint: None,
        generation: account.generation,
        credential: format!("certificate {serial}"),
    }))
}
