//! What a verified payload becomes: JSON of a stated shape, nothing (POST-as-GET), or either (RFC 8555 §6.3).

use serde::de::DeserializeOwned;

use super::error::VerifyError;
use super::jws::is_object;

/// A shape that a payload can be read as.
pub trait Payload: Sized + Send {
    /// Reads the payload's octets.
    ///
    /// # Errors
    /// If they are not of this shape.
    fn read(octets: &[u8]) -> Result<Self, VerifyError>;
}

impl<T: DeserializeOwned + Send> Payload for T {
    fn read(octets: &[u8]) -> Result<Self, VerifyError> {
        if !is_object(octets) {
            return Err(VerifyError::PayloadNotObject);
        }
        serde_json::from_slice(octets).map_err(VerifyError::Payload)
    }
}

/// The empty payload of POST-as-GET.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostAsGet;

impl Payload for PostAsGet {
    fn read(octets: &[u8]) -> Result<Self, VerifyError> {
        if octets.is_empty() { Ok(Self) } else { Err(VerifyError::PayloadNotEmpty) }
    }
}

/// A resource that is read by POST-as-GET and changed by POST at the same URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadOr<P> {
    /// The payload was empty: show the resource.
    Read,
    /// The payload asks for this.
    Change(P),
}

impl<P: DeserializeOwned + Send> Payload for ReadOr<P> {
    fn read(octets: &[u8]) -> Result<Self, VerifyError> {
        if octets.is_empty() { Ok(Self::Read) } else { P::read(octets).map(Self::Change) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq, serde::Deserialize)]
    struct Wish {
        #[serde(default)]
        count: u8,
    }

    #[test]
    fn a_struct_is_read_from_an_object_only_and_unknown_members_are_ignored() {
        assert_eq!(Wish::read(br#" {"count": 3, "resource": "x"}"#).unwrap().count, 3);
        assert!(matches!(Wish::read(b"[3]"), Err(VerifyError::PayloadNotObject)));
        assert!(matches!(Wish::read(b""), Err(VerifyError::PayloadNotObject)));
        assert!(matches!(Wish::read(b"{"), Err(VerifyError::Payload(_))));
    }

    #[test]
    fn post_as_get_takes_the_empty_string_and_not_an_empty_object() {
        assert_eq!(PostAsGet::read(b"").unwrap(), PostAsGet);
        assert!(matches!(PostAsGet::read(b"{}"), Err(VerifyError::PayloadNotEmpty)));
    }

    #[test]
    fn read_or_tells_an_empty_payload_from_an_empty_object() {
        assert_eq!(ReadOr::<Wish>::read(b"").unwrap(), ReadOr::Read);
        assert_eq!(ReadOr::<Wish>::read(b"{}").unwrap(), ReadOr::Change(Wish { count: 0 }));
    }
}
