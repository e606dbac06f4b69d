//! A certificate of an internal authority: the token first, then the certificate, then its installation.
//!
//! A token file is read anew each time: whoever refreshes it may do so whenever he likes. A device's token is refreshed after half of its life, and stored
//! before it is used. The request is stored before it is sent, and sent again by later runs until there is a certificate: what somebody approves is that request.
//! Must never install a certificate that is not for our key.

use certs::issued::chain_above;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{
    Agent, EnrollError, Leaf, LeafError, Obtained,
    csr::{new_key, request},
    keys::{check_store, is_usable, new_key_for, sweep},
    signing_request,
    waiting::{decoded, earlier, fresh, unanswered},
};
use crate::{
    acme::JwsKey,
    internal::{Granted, InternalAuthority, InternalError, Token},
    state::{
        Credential, IdentityDir, IdentitySettings, Issued, KeyType, LastError, MachineRecord, Operation,
        Origin, PendingEnrolment, RenewalRecord, StateError,
    },
};

/// The authority that the settings name, over the connector's transport.
///
/// # Errors
/// If the stored roots are unusable.
pub fn internal_authority(
    agent: Agent<'_>,
    settings: &IdentitySettings,
) -> Result<InternalAuthority, EnrollError> {
    let transport = agent.connector.transport(agent.state, &settings.directory)?;
    Ok(InternalAuthority::new(transport, settings.directory.clone()))
}

/// Takes the machine account of an activation code for this identity, with a new key; or with that of an activation whose answer was lost, from which the
/// server takes the code once more.
///
/// # Errors
/// [`EnrollError::Internal`]; what was activated before is as it was.
pub async fn activate(
    agent: Agent<'_>,
    authority: &InternalAuthority,
    identity: &IdentityDir,
    code: &str,
) -> Result<(), EnrollError> {
    agent.progress.step("activating the device");
    let kept = identity.next_machine_key()?;
    let doubted = kept.is_some();
    let key = match kept {
        Some(key) => key,
        None => {
            let key = new_key(KeyType::P256)?;
            identity.store_next_machine_key(&key)?;
            key
        }
    };
    let csr = signing_request(&[], &key)?;
    let now = agent.clock.now();
    match authority.activate(code, &csr, now).await {
        Ok(granted) => {
            identity.activate_machine(&record(&granted, now))?;
            Ok(refreshed(identity, None)?)
        }
        Err(error) if error.is_in_doubt() => Err(InternalError::InDoubt(Box::new(error)).into()),
        Err(error) => {
            if error.is_decided() || !doubted {
                identity.forget_next_machine_key()?;
            }
            Err(error.into())
        }
    }
}

/// Obtains and installs a certificate.
///
/// # Errors
/// [`EnrollError`]; the present certificate is as it was.
pub async fn obtain_internal(
    agent: Agent<'_>,
    authority: &InternalAuthority,
    identity: &IdentityDir,
    settings: &IdentitySettings,
    credential: &Credential,
) -> Result<Obtained, EnrollError> {
    let now = agent.clock.now();
    let present = identity.current()?.map(|current| Leaf::from_pem(&current.certificate)).transpose()?;
    let asked = ask(agent, authority, identity, settings, (credential, present.as_ref())).await?;
    let Asked { token, key, pending } = asked;
    agent.progress.step("asking for the certificate");
    let chain = match authority.certificate(&token, &decoded(&pending), now).await {
        Ok(chain) => chain,
        Err(error) => return Err(unanswered(identity, pending, error, now)?),
    };
    let leaf = match accept(&chain, &key, now) {
        Ok(leaf) => leaf,
        Err(error) => {
            identity.clear_pending()?;
            return Err(error.into());
        }
    };
    let origin = Origin { directory: settings.directory.clone(), profile: None };
    let issued = Issued::from_chain(&chain, key).ok_or(LeafError::Malformed)?.from_origin(origin);
    let generation = identity.install(&issued, settings.keep)?;
    succeeded(identity, now)?;
    sweep(identity).await;
    Ok(Obtained { generation, leaf, resumed: pending.waiting.is_some(), signed_in_until: None })
}

/// What is sent: a request, its key, and for whom.
struct Asked {
    token: Token,
    key: Zeroizing<String>,
    pending: PendingEnrolment,
}

/// The request of an earlier run, if it is the same; else a new one, stored before it is sent.
async fn ask(
    agent: Agent<'_>,
    authority: &InternalAuthority,
    identity: &IdentityDir,
    settings: &IdentitySettings,
    (credential, present): (&Credential, Option<&Leaf>),
) -> Result<Asked, EnrollError> {
    let mut before = earlier(identity, settings, Operation::Certificates, present)?;
    if let Some((_, key)) = &before
        && !is_usable(key).await?
    {
        before = None;
    }
    check_store(settings).await?;
    let (token, bound) = match credential {
        Credential::TokenFile(path) => (Token::read(path).map_err(InternalError::from)?, None),
        Credential::MachineAccount => {
            let (token, key) = machine(agent, authority, identity).await?;
            (token, Some(key))
        }
        Credential::Guest => {
            // The id that somebody has to approve; any other guest is a new one.
            if let Some((pending, key)) = &before
                && let (Some(token), Some(_)) = (&pending.token, pending.waiting)
            {
                return Ok(Asked { token: token.clone(), key: key.clone(), pending: pending.clone() });
            }
            agent.progress.step("asking for a temporary id");
            (authority.guest(agent.clock.now()).await?.token, None)
        }
    };
    let is_guest = *credential == Credential::Guest;
    if let Some((pending, key)) = before.filter(|(pending, key)| {
        !is_guest && pending.token.is_none() && bound.as_ref().is_none_or(|bound| bound == key)
    }) {
        return Ok(Asked { token, key, pending });
    }
    let key = match bound {
        Some(bound) => bound,
        None => new_key_for(identity, settings).await?,
    };
    let csr = request(&[], &key).await?;
    let made = fresh(settings, Operation::Certificates, present, &csr, agent.clock.now());
    let pending = PendingEnrolment { token: is_guest.then(|| token.clone()), ..made };
    identity.store_enrolment(&pending, &key)?;
    Ok(Asked { token, key, pending })
}

/// The leaf of a chain, if it is for our key and what stands behind it leads from it.
fn accept(chain: &str, key: &str, now: OffsetDateTime) -> Result<Leaf, LeafError> {
    let leaf = Leaf::from_pem(chain)?;
    leaf.check_key(key, now)?;
    let all: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(chain.as_bytes()).collect();
    if let Some((first, above)) = all.map_err(|_| LeafError::Malformed)?.split_first()
        && !above.is_empty()
    {
        chain_above(first, above, now.max(leaf.not_before))?;
    }
    Ok(leaf)
}

/// Remembers that there is a new certificate; what is wrong with the device's token is not forgotten over that.
pub(super) fn succeeded(identity: &IdentityDir, now: OffsetDateTime) -> Result<(), StateError> {
    let refresh_error = identity.renewal()?.refresh_error;
    identity.store_renewal(&RenewalRecord {
        last_success: Some(now),
        refresh_error,
        ..RenewalRecord::default()
    })
}

/// The device's token, refreshed if half of its life is over, and its key. A refresh that fails stops nobody whose token is good for longer.
pub(super) async fn machine(
    agent: Agent<'_>,
    authority: &InternalAuthority,
    identity: &IdentityDir,
) -> Result<(Token, Zeroizing<String>), EnrollError> {
    let (record, key) = identity.machine()?.ok_or(InternalError::NotActivated)?;
    let now = agent.clock.now();
    if now < record.since + (record.expires - record.since) / 2 {
        return Ok((record.token, key));
    }
    agent.progress.step("refreshing the device's token");
    let signer = JwsKey::from_pkcs8_pem(&key).map_err(InternalError::from)?;
    match authority.refresh(&record.token, &signer, now).await {
        Ok(granted) => {
            identity.store_machine(&self::record(&granted, now))?;
            refreshed(identity, None)?;
            Ok((granted.token, key))
        }
        Err(error) if now < record.expires => {
            tracing::warn!(%error, "the device's token was not refreshed; the old one is shown");
            refreshed(identity, Some(LastError { at: now, message: error.to_string() }))?;
            Ok((record.token, key))
        }
        Err(error) => Err(error.into()),
    }
}

/// Remembers how the last refresh went.
fn refreshed(identity: &IdentityDir, refresh_error: Option<LastError>) -> Result<(), StateError> {
    let known = identity.renewal()?;
    if known.refresh_error == refresh_error {
        return Ok(());
    }
    identity.store_renewal(&RenewalRecord { refresh_error, ..known })
}

fn record(granted: &Granted, now: OffsetDateTime) -> MachineRecord {
    let lifetime = time::Duration::try_from(granted.lifetime).unwrap_or(time::Duration::ZERO);
    MachineRecord {
        account: granted.account.clone(),
        organisation: granted.organisation.clone(),
        token: granted.token.clone(),
        since: now,
        // A lifetime beyond all dates is as good as none that is known: it is refreshed each time.
        expires: now.checked_add(lifetime).unwrap_or(now),
    }
}

#[cfg(test)]
mod tests;
