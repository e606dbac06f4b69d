//! `Security Certificates Services Activate`, `Deactivate` and `Delete`: what certificates are used for.
//!
//! For `WebexIdentity` the fingerprint comes as a JWE, so that only who knows the client secret changes the identity; for other purposes in the clear. One
//! certificate at a time is the identity: another that is activated takes its place, in one step.

use device_jwe::{Action, Fingerprint, Payload};
use time::OffsetDateTime;

use super::material::check_identity;
use super::{Entry, Vault, secret};
use crate::room::xapi::schema::{Command, WEBEX_IDENTITY};
use crate::room::xapi::{Fault, Node, Refusal};

/// `Activate`.
///
/// # Errors
/// [`Refusal`]; what was in use is in use.
pub fn activate(vault: &mut Vault, command: &Command, now: OffsetDateTime) -> Result<Node, Refusal> {
    let (purpose, fingerprint) = named(vault, command, Action::Activate)?;
    let entry = vault.entries.get(&fingerprint).ok_or(Fault::FingerprintUnknown)?;
    if purpose == WEBEX_IDENTITY {
        check_identity(&entry.chain, now)?;
        for entry in vault.entries.values_mut() {
            entry.purposes.remove(WEBEX_IDENTITY);
        }
    }
    let entry = vault.entries.get_mut(&fingerprint).ok_or(Fault::FingerprintUnknown)?;
    entry.purposes.insert(purpose);
    Ok(Node::empty())
}

/// `Deactivate`.
///
/// # Errors
/// [`Refusal`]; what was in use is in use.
pub fn deactivate(vault: &mut Vault, command: &Command) -> Result<Node, Refusal> {
    let (purpose, fingerprint) = named(vault, command, Action::Deactivate)?;
    let entry = vault.entries.get_mut(&fingerprint).ok_or(Fault::FingerprintUnknown)?;
    if entry.purposes.remove(purpose) { Ok(Node::empty()) } else { Err(Fault::NotActivated.into()) }
}

/// `Delete`: only what is not in use.
///
/// # Errors
/// [`Refusal`]; the store is as it was.
pub fn delete(vault: &mut Vault, command: &Command) -> Result<Node, Refusal> {
    let given = command.call().parameter("Fingerprint");
    let fingerprint = given.and_then(|text| found(vault, text)).ok_or(Fault::FingerprintUnknown)?;
    let entry = vault.entries.get(&fingerprint).ok_or(Fault::FingerprintUnknown)?;
    if !entry.purposes.is_empty() {
        return Err(Fault::InUse.into());
    }
    vault.remove(&fingerprint);
    Ok(Node::empty())
}

fn named(vault: &Vault, command: &Command, action: Action) -> Result<(&'static str, Fingerprint), Refusal> {
    let absent = |name: &str| Refusal::Parameter { name: name.to_owned() };
    let purpose = command.choice("Purpose").ok_or_else(|| absent("Purpose"))?;
    let given = command.call().parameter("Fingerprint").ok_or_else(|| absent("Fingerprint"))?;
    let fingerprint = if purpose == WEBEX_IDENTITY {
        let Payload::Certificate(fingerprint) = secret::open(vault, given, action)? else {
            return Err(Fault::Internal.into());
        };
        vault.entries.contains_key(&fingerprint).then_some(fingerprint)
    } else {
        found(vault, given)
    };
    Ok((purpose, fingerprint.ok_or(Fault::FingerprintUnknown)?))
}

/// By SHA-1, or by SHA-256 as `Show` gives it when asked to.
fn found(vault: &Vault, text: &str) -> Option<Fingerprint> {
    if let Ok(short) = text.trim().parse::<Fingerprint>() {
        return vault.entries.contains_key(&short).then_some(short);
    }
    let wanted: String = text.trim().chars().filter(|c| *c != ':').collect::<String>().to_ascii_lowercase();
    let same = |entry: &Entry| entry.leaf().is_some_and(|leaf| super::store::sha256_hex(leaf) == wanted);
    vault.entries.iter().find(|(_, entry)| same(entry)).map(|(fingerprint, _)| fingerprint.clone())
}
