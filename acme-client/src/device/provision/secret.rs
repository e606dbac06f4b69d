//! A new client secret for a device: what its user does once the administrator is done, so that the administrator's is worth nothing.
//!
//! The new one travels sealed under the old one. Whether the device took it is asked of the device, so that a run that was cut off at the answer can be repeated:
//! a blob that is sealed under the new secret and sets the new secret changes nothing, and is taken only by a device that has it.

use device_jwe::{Action, Payload, Secret};

use super::{POPULATE, Sealer, SecretError};
use crate::device::connect::{Xapi, XapiError};
use crate::device::xapi::Call;

/// What a device's secret shall be.
pub enum NewSecret {
    /// This one.
    Secret(Secret),
    /// None: the device is as it was before its first.
    None,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It was changed now.
    Now,
    /// The device had the new one already.
    Before,
}

/// Changes the client secret of a device.
///
/// # Errors
/// [`SecretError`]; the device has the old one still, unless the answer was lost.
pub async fn change_secret(
    xapi: &mut dyn Xapi,
    old: &Secret,
    new: NewSecret,
    sealer: &Sealer,
) -> Result<Changed, SecretError> {
    let payload = match &new {
        NewSecret::Secret(secret) => Payload::NewSecret(Some(secret.clone())),
        NewSecret::None => Payload::NewSecret(None),
    };
    match (populate(xapi, old, &payload, sealer).await?, new) {
        (Ok(()), _) => Ok(Changed::Now),
        (Err(refused), NewSecret::None) => Err(refused.into()),
        (Err(_), NewSecret::Secret(secret)) => {
            let again = Payload::NewSecret(Some(secret.clone()));
            let again = populate(xapi, &secret, &again, sealer).await?;
            again.map(|()| Changed::Before).map_err(|_| SecretError::Neither)
        }
    }
}

/// The inner error is the device's refusal.
async fn populate(
    xapi: &mut dyn Xapi,
    under: &Secret,
    payload: &Payload,
    sealer: &Sealer,
) -> Result<Result<(), XapiError>, SecretError> {
    let blob = sealer.seal(under, Action::Populate, payload).await?;
    let call = Call::new(POPULATE).with("Secret", &blob.to_string());
    match xapi.command(&call).await {
        Ok(_) => Ok(Ok(())),
        Err(error @ XapiError::Refused(_)) => Ok(Err(error)),
        Err(error) => Err(error.into()),
    }
}
