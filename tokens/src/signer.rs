//! A token's signatures in the form that certificates use, and a token's key as one of the keys that can sign.

use certs::key::{KeyError, PublicKey, Signer};

use super::TokenKey;

/// `SEQUENCE { r, s }` of `r ‖ s` (RFC 3279 §2.2.3); `None` if there are no two halves, or they are too long for a curve of ours.
#[cfg(feature = "pkcs11")]
pub(crate) fn der_signature(raw: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = raw.split_at_checked(raw.len() / 2).filter(|(r, s)| r.len() == s.len() && !r.is_empty())?;
    let body = [integer(r)?, integer(s)?].concat();
    Some([&[0x30, short(body.len())?], body.as_slice()].concat())
}

/// The DER of a positive INTEGER.
#[cfg(feature = "pkcs11")]
fn integer(octets: &[u8]) -> Option<Vec<u8>> {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let mut value = octets.get(zeros..)?.to_vec();
    if value.first().is_none_or(|first| first & 0x80 != 0) {
        value.insert(0, 0);
    }
    Some([&[0x02, short(value.len())?], value.as_slice()].concat())
}

#[cfg(feature = "pkcs11")]
fn short(length: usize) -> Option<u8> {
    u8::try_from(length).ok().filter(|length| *length < 0x80)
}

impl Signer for TokenKey {
    fn public(&self) -> &PublicKey {
        Self::public(self)
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        Self::sign(self, message).map_err(|error| KeyError::Elsewhere { reason: error.to_string() })
    }
}

#[cfg(all(test, feature = "pkcs11"))]
mod tests {
    use super::*;

    #[test]
    fn halves_become_the_shortest_positive_integers() {
        let raw = [[vec![0; 30], vec![1, 2]].concat(), vec![0x80; 32]].concat();
        let der = der_signature(&raw).unwrap();
        let wanted = [&[0x30, 39, 2, 2, 1, 2, 2, 33, 0], [0x80; 32].as_slice()].concat();
        assert_eq!(der, wanted);
        assert_eq!(der_signature(&[0, 0]).unwrap(), [0x30, 6, 2, 1, 0, 2, 1, 0]);
        for bad in [&[][..], &[1], &[1; 65], &[0x81; 254]] {
            assert!(der_signature(bad).is_none(), "{} octets", bad.len());
        }
    }
}
