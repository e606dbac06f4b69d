//! `Security Certificates Services Add`: a chain with its key, in the clear or as a JWE of the action `add`.
//!
//! All forms that the guide shows: `IsEncrypted: True` with the JWE as body, a JWE as body without saying so, and a JWE in the line itself.

use device_jwe::{Action, Payload};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::material::{Material, check_validity};
use super::{Vault, secret};
use crate::room::xapi::schema::{Command, is_compact};
use crate::room::xapi::{Fault, Node, Refusal};

/// Adds.
///
/// # Errors
/// [`Refusal`]; the store is as it was.
pub fn add(vault: &mut Vault, command: &Command, now: OffsetDateTime) -> Result<Node, Refusal> {
    let call = command.call();
    let body = call.body.as_ref().ok_or(Refusal::Parameter { name: "body".to_owned() })?.trim();
    let joined = Zeroizing::new(body.split_ascii_whitespace().collect::<String>());
    let encrypted = match command.choice("IsEncrypted") {
        Some(given) => given == "True",
        None => is_compact(&joined),
    };
    let password = call.parameter("PrivateKeyPassword").map(|password| password.as_str());
    let material = if encrypted {
        let Payload::Pem(pem) = secret::open(vault, &joined, Action::Add)? else {
            return Err(Fault::Internal.into());
        };
        let material = Material::read(&pem, password)?;
        material.check_identity(now)?;
        material
    } else {
        let material = Material::read(body, password)?;
        let leaf = material.chain.first().ok_or(Fault::CertificateMalformed)?;
        check_validity(leaf, now)?;
        material
    };
    let fingerprint = vault.insert(material.into_entry(encrypted))?;
    Ok(Node::leaves([("Fingerprint", fingerprint.to_string())]))
}
