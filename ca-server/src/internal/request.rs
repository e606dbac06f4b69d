//! What a certificate request to the internal authority may say: its key, and no name but the holder's.
//!
//! Names are not needed: they are taken from the account. A name that is an identifier and is not the holder's is refused, so that nobody takes a
//! certificate for another's. A common name that is no identifier (`room 1`) is ignored. `email:<user id>`, as Webex clients write it, is the user.

use certs::csr::{ClaimedNames, Csr};
use certs::identifier::{Identifier, UuidUrn};

use super::error::InternalError;
use super::holder::Holder;
use super::standing::Standing;

/// Reads a request and holds its names against whom the holder is.
///
/// # Errors
/// [`InternalError::Csr`] or [`InternalError::OtherName`].
pub(super) fn read(der: &[u8], holder: &Holder, standing: &Standing) -> Result<Csr, InternalError> {
    let (request, ClaimedNames { common_names }) = Csr::parse_claiming(der)?;
    if let Some(other) = request.identifiers().iter().find(|name| !standing.identifiers.contains(name)) {
        return Err(InternalError::OtherName(other.to_string()));
    }
    match common_names.iter().find(|name| !may_claim(name, holder, standing)) {
        Some(other) => Err(InternalError::OtherName(shown(other))),
        None => Ok(request),
    }
}

fn may_claim(name: &str, holder: &Holder, standing: &Standing) -> bool {
    let is_holders = |identifier: &Identifier| standing.identifiers.contains(identifier);
    if let Some(id) = name.strip_prefix("email:") {
        return is_users(id, holder);
    }
    if name.contains('@') {
        return Identifier::from_parts("email", name).is_ok_and(|identifier| is_holders(&identifier));
    }
    if let Ok(urn) = name.parse::<UuidUrn>() {
        return urn == holder.urn();
    }
    match Identifier::from_parts("dns", name) {
        Ok(identifier) => is_holders(&identifier),
        Err(_) => true,
    }
}

/// The id as we write it, as the identity provider does, or the address.
fn is_users(id: &str, holder: &Holder) -> bool {
    match holder {
        Holder::User(user) => {
            user.id.to_string() == id
                || user.token.subject == id
                || user.email.as_ref().is_some_and(|address| address.to_string() == id)
        }
        Holder::Device(_) | Holder::Guest(_) => holder.urn().as_str().strip_prefix("urn:uuid:") == Some(id),
    }
}

/// Text from outside as it may stand in a message.
fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_default).collect()
}
