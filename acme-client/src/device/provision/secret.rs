//! A new client secret for a device: what its user does once the administrator is done, so that the administrator's is worth nothing.
//!
//! The new one travels sealed under the old one. Whether the device took it is asked of the device, so that a run that was cut off at the answer can be repeated:
//! a blob that is sealed under the new secret and sets the new secret changes nothing, and is taken only by a device that has it.

use device_jwe::{Action, Payload, Secret};

use super::{POPULATE, Sealer, SecretError};
use crate::device::connect::{Xapi, XapiError};
use crate::device::xapi::{Call, Refusal};

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
        // Only a device that has another secret than the old one can have the new one: whatever else it says is the reason.
        (Err(refusal), NewSecret::Secret(secret)) if refusal.may_be_other_secret() => {
            let again = Payload::NewSecret(Some(secret.clone()));
            match populate(xapi, &secret, &again, sealer).await? {
                Ok(()) => Ok(Changed::Before),
                Err(again) if again.may_be_other_secret() => Err(SecretError::Neither),
                Err(again) => Err(XapiError::from(again).into()),
            }
        }
        (Err(refusal), NewSecret::Secret(_) | NewSecret::None) => Err(XapiError::from(refusal).into()),
    }
}

/// The inner error is the device's refusal.
async fn populate(
    xapi: &mut dyn Xapi,
    under: &Secret,
    payload: &Payload,
    sealer: &Sealer,
) -> Result<Result<(), Refusal>, SecretError> {
    let blob = sealer.seal(under, Action::Populate, payload).await?;
    let call = Call::new(POPULATE).with("Secret", &blob.to_string());
    match xapi.command(&call).await {
        Ok(_) => Ok(Ok(())),
        Err(XapiError::Refused(refusal)) => Ok(Err(refusal)),
        Err(error) => Err(error.into()),
    }
}
