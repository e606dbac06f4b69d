//! Serial numbers (RFC 5280 §4.1.2.2): 20 octets, positive, with 128 random bits after the time of issue.
//!
//! The first octet is forced into `0x40..=0x7f`, so the DER content is always exactly these 20 octets and never needs padding.
//! Entropy is an argument; the same entropy twice gives the same serial, so callers must never reuse it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Why a text is not a serial number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a serial number of this authority (40 hexadecimal digits, the first two from 40 to 7f)"
)]
pub struct SerialError {
    /// What was given.
    pub text: String,
}

/// The serial number of a certificate that this product issued.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Serial([u8; 20]);

impl Serial {
    /// The serial number of a certificate made `now`: the time in steps of four seconds, then the 16 random octets given. The time in
    /// front keeps certificates in the order of their issue wherever they are sorted by serial.
    pub fn new(now: OffsetDateTime, entropy: [u8; 16]) -> Self {
        let mut octets = [0; 20];
        let steps = u32::try_from(now.unix_timestamp() / 4).unwrap_or_default();
        octets[..4].copy_from_slice(&steps.to_be_bytes());
        octets[4..].copy_from_slice(&entropy);
        Self::from_entropy(octets)
    }

    /// Makes a serial number from 20 random octets.
    pub fn from_entropy(mut octets: [u8; 20]) -> Self {
        octets[0] = octets[0] & 0x3f | 0x40;
        Self(octets)
    }

    /// Reads the content octets of a DER INTEGER; `None` if no [`from_entropy`](Self::from_entropy) can have made them.
    pub fn from_der_content(content: &[u8]) -> Option<Self> {
        let octets: [u8; 20] = content.try_into().ok()?;
        matches!(octets[0], 0x40..=0x7f).then_some(Self(octets))
    }

    /// The octets, which are also the DER content.
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

impl FromStr for Serial {
    type Err = SerialError;

    fn from_str(text: &str) -> Result<Self, SerialError> {
        data_encoding::HEXLOWER_PERMISSIVE
            .decode(text.as_bytes())
            .ok()
            .and_then(|octets| Self::from_der_content(&octets))
            .ok_or_else(|| SerialError { text: text.to_owned() })
    }
}

impl TryFrom<String> for Serial {
    type Error = SerialError;

    fn try_from(text: String) -> Result<Self, SerialError> {
        text.parse()
    }
}

impl From<Serial> for String {
    fn from(serial: Serial) -> Self {
        serial.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_first_octet_is_forced_positive_and_unpadded() {
        for first in 0..=u8::MAX {
            let mut entropy = [0xff; 20];
            entropy[0] = first;
            let serial = Serial::from_entropy(entropy);
            assert!(matches!(serial.as_bytes()[0], 0x40..=0x7f));
            assert_eq!(serial.as_bytes()[1..], entropy[1..]);
        }
    }

    #[test]
    fn later_serials_sort_after_earlier_ones_and_keep_their_entropy() {
        let now = time::macros::datetime!(2026-11-22 10:00 UTC);
        let (early, late) =
            (Serial::new(now, [0xff; 16]), Serial::new(now + time::Duration::seconds(4), [0; 16]));
        assert!(early < late);
        assert_eq!(early.as_bytes()[4..], [0xff; 16]);
        let last = time::macros::datetime!(2105-12-31 23:59:59 UTC);
        assert!(late < Serial::new(last, [0; 16]));
    }

    #[test]
    fn text_and_json_round_trip() {
        let serial = Serial::from_entropy([7; 20]);
        assert_eq!(serial.to_string(), "4707070707070707070707070707070707070707");
        assert_eq!(serial.to_string().parse::<Serial>().unwrap(), serial);
        assert_eq!(serial.to_string().to_uppercase().parse::<Serial>().unwrap(), serial);
        let json = serde_json::to_string(&serial).unwrap();
        assert_eq!(serde_json::from_str::<Serial>(&json).unwrap(), serial);
    }

    #[test]
    fn foreign_serials_are_none() {
        assert_eq!(Serial::from_der_content(&[0x41; 19]), None);
        assert_eq!(Serial::from_der_content(&[0x80; 20]), None);
        assert_eq!(Serial::from_der_content(&[0x3f; 20]), None);
        assert!(Serial::from_der_content(&[0x40; 20]).is_some());
        for text in
            ["", "47", "zz07070707070707070707070707070707070707", "0707070707070707070707070707070707070707"]
        {
            assert_eq!(text.parse::<Serial>(), Err(SerialError { text: text.to_owned() }));
        }
    }
}
