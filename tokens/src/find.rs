//! Looks a key up in a token, and judges what is found: one key, for signing, on a curve of ours, that cannot leave the token.

use certs::key::{KeyError, KeyKind, PublicKey};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use super::fault::Fault;
use super::{TokenError, TokenUri};

/// `ECParameters` (RFC 5480 §2.1.1) of the curves: the DER of their names.
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];

/// The parameters that make a key of this curve.
pub(crate) fn parameters(kind: KeyKind) -> &'static [u8] {
    match kind {
        KeyKind::P256 => P256,
        KeyKind::P384 => P384,
    }
}

/// What a URI says of an object.
pub(crate) fn template(uri: &TokenUri, class: ObjectClass) -> Vec<Attribute> {
    let mut template = vec![Attribute::Class(class)];
    template.extend(uri.object().map(|label| Attribute::Label(label.as_bytes().to_vec())));
    template.extend(uri.id().map(|id| Attribute::Id(id.to_vec())));
    template
}

/// The one private key of this name.
pub(crate) fn private(session: &Session, uri: &TokenUri) -> Result<ObjectHandle, Fault> {
    let found = session.find_objects(&template(uri, ObjectClass::PRIVATE_KEY))?;
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(TokenError::NoKey(Box::new(uri.clone())).into()),
        several => Err(TokenError::SeveralKeys { uri: Box::new(uri.clone()), count: several.len() }.into()),
    }
}

/// The public half of the private key of this name, which is judged first.
pub(crate) fn public_half(session: &Session, uri: &TokenUri) -> Result<PublicKey, Fault> {
    let key = private(session, uri)?;
    let wanted = [
        AttributeType::KeyType,
        AttributeType::Sensitive,
        AttributeType::Extractable,
        AttributeType::Sign,
        AttributeType::Id,
        AttributeType::EcParams,
    ];
    let mut beside = uri.clone();
    let (mut sensitive, mut extractable, mut signs, mut curve) = (None, None, None, None);
    for attribute in session.get_attributes(key, &wanted)? {
        match attribute {
            Attribute::KeyType(KeyType::EC) => {}
            Attribute::KeyType(other) => return Err(other_kind(uri, &format!("of the type {other}"))),
            Attribute::Sensitive(value) => sensitive = Some(value),
            Attribute::Extractable(value) => extractable = Some(value),
            Attribute::Sign(value) => signs = Some(value),
            // Its public half has the same id, if it has one; else the same label.
            Attribute::Id(id) if !id.is_empty() => beside = uri.key_by_id(&id),
            Attribute::EcParams(value) => curve = Some(value),
            _ => {}
        }
    }
    let kind = kind(uri, curve.as_deref())?;
    let exportable =
        |attribute| Fault::Known(TokenError::Exportable { uri: Box::new(uri.clone()), attribute });
    match (sensitive, extractable, signs) {
        (Some(true), Some(false), Some(true)) => point(session, uri, &beside, kind),
        (_, None | Some(true), _) => Err(exportable("CKA_EXTRACTABLE is true")),
        (None | Some(false), _, _) => Err(exportable("CKA_SENSITIVE is false")),
        (_, _, None | Some(false)) => Err(TokenError::NotForSigning(Box::new(uri.clone())).into()),
    }
}

fn other_kind(uri: &TokenUri, kind: &str) -> Fault {
    TokenError::OtherKind { uri: Box::new(uri.clone()), kind: kind.to_owned() }.into()
}

fn kind(uri: &TokenUri, curve: Option<&[u8]>) -> Result<KeyKind, Fault> {
    match curve {
        Some(P256) => Ok(KeyKind::P256),
        Some(P384) => Ok(KeyKind::P384),
        Some(other) => {
            Err(other_kind(uri, &format!("on the curve {}", data_encoding::HEXLOWER.encode(other))))
        }
        None => Err(other_kind(uri, "on a curve that the token does not name")),
    }
}

fn point(session: &Session, uri: &TokenUri, beside: &TokenUri, kind: KeyKind) -> Result<PublicKey, Fault> {
    let missing = || Fault::Known(TokenError::NoPublicKey(Box::new(uri.clone())));
    let found = session.find_objects(&template(beside, ObjectClass::PUBLIC_KEY))?;
    let public = found.first().ok_or_else(missing)?;
    let octets = session
        .get_attributes(*public, &[AttributeType::EcPoint])?
        .into_iter()
        .find_map(|attribute| match attribute {
            Attribute::EcPoint(octets) => Some(octets),
            _ => None,
        })
        .ok_or_else(missing)?;
    read_point(kind, &octets).map_err(|error| other_kind(uri, &error.to_string()))
}

/// CKA_EC_POINT is the DER of an OCTET STRING with the point in it; some tokens give the bare point.
fn read_point(kind: KeyKind, octets: &[u8]) -> Result<PublicKey, KeyError> {
    let bare = match octets {
        [0x04, length, point @ ..]
            if usize::from(*length) == point.len() && point.len() == kind.point_length() =>
        {
            point
        }
        other => other,
    };
    PublicKey::from_point(kind, bare)
}

#[cfg(test)]
mod tests {
    use certs::key::SigningKey;

    use super::*;

    #[test]
    fn a_point_is_read_bare_and_wrapped_and_nothing_else_is() {
        for kind in [KeyKind::P256, KeyKind::P384] {
            let key = SigningKey::generate(kind).unwrap();
            let bare = key.public().point().to_vec();
            let wrapped = [&[4, u8::try_from(bare.len()).unwrap()], bare.as_slice()].concat();
            assert_eq!(read_point(kind, &bare).unwrap(), *key.public());
            assert_eq!(read_point(kind, &wrapped).unwrap(), *key.public());
            assert!(read_point(kind, &wrapped[..wrapped.len() - 1]).is_err());
            assert!(read_point(kind, &[]).is_err());
        }
    }
}
