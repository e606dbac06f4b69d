//! A certificate of an internal authority: the token first, then the certificate, then its installation.
//!
//! A token file is read anew each time: whoever refreshes it may do so whenever he likes. A device's token is refreshed after half of its life, and stored
//! before it is used. Must never install a certificate that is not for our key.

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{Agent, EnrollError, Leaf, LeafError, Obtained, csr::new_key, signing_request};
use crate::{
    acme::JwsKey,
    internal::{Granted, InternalAuthority, InternalError, Token},
    state::{
        Credential, IdentityDir, IdentitySettings, Issued, KeyType, MachineRecord, Origin, RenewalRecord,
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
        Ok(granted) => Ok(identity.activate_machine(&record(&granted, now))?),
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
    let (token, key) = match credential {
        Credential::TokenFile(path) => {
            (Token::read(path).map_err(InternalError::from)?, new_key(settings.key_type)?)
        }
        Credential::MachineAccount => machine(agent, authority, identity).await?,
        Credential::Guest => {
            agent.progress.step("asking for a temporary id");
            (authority.guest(agent.clock.now()).await?.token, new_key(settings.key_type)?)
        }
    };
    agent.progress.step("asking for the certificate");
    let csr = signing_request(&[], &key)?;
    let chain = authority.certificate(&token, &csr, agent.clock.now()).await?;
    let leaf = Leaf::from_pem(&chain)?;
    leaf.check_key(&key, agent.clock.now())?;
    let origin = Origin { directory: settings.directory.clone(), profile: None };
    let issued = Issued::from_chain(&chain, key).ok_or(LeafError::Malformed)?.from_origin(origin);
    let generation = identity.install(&issued, settings.keep)?;
    let last_success = Some(agent.clock.now());
    identity.store_renewal(&RenewalRecord { last_success, ..RenewalRecord::default() })?;
    Ok(Obtained { generation, leaf, resumed: false, signed_in_until: None })
}

/// The device's token, refreshed if half of its life is over, and its key.
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
    let granted = authority.refresh(&record.token, &signer, now).await?;
    identity.store_machine(&self::record(&granted, now))?;
    Ok((granted.token, key))
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
