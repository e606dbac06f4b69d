//! Renewal information (RFC 9773): how a certificate is named, and when it should be renewed.
//!
//! The name is derived from the certificate alone, so client and server find the same one without talking. A name says nothing about whether the
//! certificate exists.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer as _;

use crate::serial::Serial;

/// Key identifiers are 20 octets with nearly every authority; nobody has more than this.
const MAX_KEY_IDENTIFIER: usize = 64;

/// Serial numbers have at most 20 octets (RFC 5280 §4.1.2.2), and one more if the first bit is set.
const MAX_SERIAL: usize = 21;

/// Why a text or certificate has no renewal name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertIdError {
    /// Not two parts.
    #[error("{text:?} is not of the form base64url(key identifier).base64url(serial number), unpadded")]
    Form {
        /// What was given.
        text: String,
    },
    /// Not a certificate.
    #[error("not a certificate")]
    NotCertificate,
    /// The certificate does not name its issuer's key.
    #[error("the certificate has no authority key identifier, or one that names nobody")]
    NoAuthorityKeyIdentifier,
}

/// The name of a certificate (RFC 9773 §4.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CertId {
    authority_key_identifier: Vec<u8>,
    serial: Vec<u8>,
}

impl CertId {
    /// The name of the certificate with this serial under this issuer key.
    pub fn new(authority_key_identifier: &[u8], serial: &Serial) -> Self {
        Self {
            authority_key_identifier: authority_key_identifier.to_vec(),
            serial: serial.as_bytes().to_vec(),
        }
    }

    /// The name of a certificate, anybody's.
    pub fn from_certificate(der: &[u8]) -> Result<Self, CertIdError> {
        let certificate = match X509Certificate::from_der(der) {
            Ok(([], certificate)) => certificate,
            _ => return Err(CertIdError::NotCertificate),
        };
        Self::from_parsed(&certificate).ok_or(CertIdError::NoAuthorityKeyIdentifier)
    }

    pub(crate) fn from_parsed(certificate: &X509Certificate<'_>) -> Option<Self> {
        let authority_key_identifier =
            certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::AuthorityKeyIdentifier(identifier) => {
                    identifier.key_identifier.as_ref().map(|key| key.0.to_vec())
                }
                _ => None,
            })?;
        Self { authority_key_identifier, serial: certificate.raw_serial().to_vec() }.if_it_fits()
    }

    /// What is longer could be written but not read again.
    fn if_it_fits(self) -> Option<Self> {
        let fits = (1..=MAX_KEY_IDENTIFIER).contains(&self.authority_key_identifier.len())
            && (1..=MAX_SERIAL).contains(&self.serial.len());
        fits.then_some(self)
    }

    /// The issuer's key identifier.
    pub fn authority_key_identifier(&self) -> &[u8] {
        &self.authority_key_identifier
    }

    /// The content octets of the serial number.
    pub fn serial_content(&self) -> &[u8] {
        &self.serial
    }

    /// The serial number, if it is one that this product gives.
    pub fn serial(&self) -> Option<Serial> {
        Serial::from_der_content(&self.serial)
    }
}

impl fmt::Display for CertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = BASE64URL_NOPAD.encode(&self.authority_key_identifier);
        write!(f, "{key}.{}", BASE64URL_NOPAD.encode(&self.serial))
    }
}

impl FromStr for CertId {
    type Err = CertIdError;

    fn from_str(text: &str) -> Result<Self, CertIdError> {
        let form = || CertIdError::Form { text: text.chars().take(200).collect() };
        let (key, serial) = text.split_once('.').ok_or_else(form)?;
        let decode = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| form());
        let (authority_key_identifier, serial) = (decode(key)?, decode(serial)?);
        Self { authority_key_identifier, serial }.if_it_fits().ok_or_else(form)
    }
}

impl TryFrom<String> for CertId {
    type Error = CertIdError;

    fn try_from(text: String) -> Result<Self, CertIdError> {
        text.parse()
    }
}

impl From<CertId> for String {
    fn from(id: CertId) -> Self {
        id.to_string()
    }
}

/// When a certificate should be renewed (RFC 9773 §4.2); clients pick a random time inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuggestedWindow {
    /// Not earlier.
    #[serde(with = "time::serde::rfc3339")]
    pub start: OffsetDateTime,
    /// Not later.
    #[serde(with = "time::serde::rfc3339")]
    pub end: OffsetDateTime,
}

impl SuggestedWindow {
    /// For a certificate that should be replaced at once: a window that has already closed.
    pub fn at_once(now: OffsetDateTime) -> Self {
        let now = now.replace_nanosecond(0).unwrap_or(now);
        Self { start: now - time::Duration::hours(1), end: now - time::Duration::minutes(1) }
    }
}

/// The usual window: from half of the certificate's life to five sixths of it, so two thirds on average. A third of the life is wide enough
/// that a fleet enrolled on one day renews at no more than thrice its mean rate, and a sixth is left for what goes wrong. Whole seconds,
/// and never empty.
pub fn suggested_window(not_before: OffsetDateTime, not_after: OffsetDateTime) -> SuggestedWindow {
    let life = (not_after - not_before).whole_seconds().max(0);
    let start = not_before + time::Duration::seconds(life / 2);
    SuggestedWindow { start, end: start + time::Duration::seconds((life / 3).max(1)) }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_vector_of_rfc_9773_round_trips() {
        let text = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE";
        let id: CertId = text.parse().unwrap();
        let key = data_encoding::HEXUPPER.decode(b"69885B6B87464041E1B37B847BA0AE2CDE01C8D4").unwrap();
        assert_eq!(id.authority_key_identifier(), key);
        assert_eq!(id.serial_content(), [0x00, 0x87, 0x65, 0x43, 0x21]);
        assert_eq!(id.to_string(), text);
        assert_eq!(id.serial(), None);
    }

    #[test]
    fn our_serials_come_back() {
        let serial = Serial::from_entropy([3; 20]);
        let id = CertId::new(&[1; 20], &serial);
        assert_eq!(id.to_string().parse::<CertId>().unwrap().serial(), Some(serial));
    }

    #[test]
    fn other_texts_are_refused() {
        let long = format!("{}.AIdl", "A".repeat(4000));
        for bad in ["", ".", "aYhb", "aYhb.", ".AIdl", "aYhb.AIdl.x", "aYhb=.AIdl", "aYh+.AIdl", &long] {
            assert!(matches!(bad.parse::<CertId>(), Err(CertIdError::Form { .. })), "{bad}");
        }
        assert_eq!(CertId::from_certificate(b"x"), Err(CertIdError::NotCertificate));
    }

    #[test]
    fn the_window_is_the_third_of_the_life_around_two_thirds_and_is_never_empty() {
        let window = suggested_window(datetime!(2026-01-01 0:00 UTC), datetime!(2026-01-31 0:00 UTC));
        assert_eq!(window.start, datetime!(2026-01-16 0:00 UTC));
        assert_eq!(window.end, datetime!(2026-01-26 0:00 UTC));
        let start = datetime!(2026-01-01 0:00 UTC);
        for seconds in [-5, 0, 1, 19, 60, 86_400] {
            let window = suggested_window(start, start + time::Duration::seconds(seconds));
            assert!(window.start < window.end);
        }
        let now = datetime!(2026-01-01 0:00:00.5 UTC);
        let window = SuggestedWindow::at_once(now);
        assert!(window.start < window.end && window.end < now);
    }
}
