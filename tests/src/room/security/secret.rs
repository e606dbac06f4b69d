//! `Security ClientSecret Populate`: the secret under which everything else comes encrypted.
//!
//! The first comes in the clear, as base64url; from then on a new one comes as a JWE under the old, and an empty one in a JWE takes the device back to none.
//! Never shown, never logged, wiped when dropped.

use device_jwe::{Action, Blob, Malformed, OpenError, Payload, Secret};

use super::Vault;
use crate::room::xapi::schema::{Command, is_compact};
use crate::room::xapi::{Fault, Node, Refusal};

/// Opens what came encrypted, for this action.
pub(super) fn open(vault: &Vault, compact: &str, action: Action) -> Result<Payload, Fault> {
    let secret = vault.secret.as_ref().ok_or(Fault::SecretMissing)?;
    let blob = Blob::parse(compact.trim()).map_err(|malformed| match malformed {
        Malformed::Transposed { .. } => Fault::JweMisprinted,
        Malformed::TooLong { .. }
        | Malformed::Parts { .. }
        | Malformed::EncryptedKey
        | Malformed::Base64(_)
        | Malformed::Header(_)
        | Malformed::Length { .. } => Fault::JweMalformed,
    })?;
    let octets = blob.open(secret, action).map_err(|error| match error {
        OpenError::Action { .. } => Fault::JweAction,
        OpenError::Unauthentic => Fault::JweNotOpened,
        OpenError::OtherKey | OpenError::Key(_) => Fault::Internal,
    })?;
    Payload::read(action, &octets).map_err(|_| match action {
        Action::Add => Fault::CertificateMalformed,
        Action::Populate => Fault::SecretMalformed,
        Action::Activate | Action::Deactivate => Fault::FingerprintUnknown,
    })
}

/// `Security ClientSecret Populate`.
///
/// # Errors
/// [`Refusal`]; the secret is as it was.
pub fn populate(vault: &mut Vault, command: &Command) -> Result<Node, Refusal> {
    let call = command.call();
    let given = call.parameter("Secret").or(call.body.as_ref());
    let given = given.ok_or(Refusal::Parameter { name: "Secret".to_owned() })?.trim();
    if vault.has_secret() {
        let Payload::NewSecret(next) = open(vault, given, Action::Populate)? else {
            return Err(Fault::Internal.into());
        };
        vault.secret = next;
    } else if is_compact(given) {
        return Err(Fault::SecretMissing.into());
    } else {
        vault.secret = Some(Secret::from_text(given).map_err(|_| Fault::SecretMalformed)?);
    }
    Ok(Node::empty())
}
