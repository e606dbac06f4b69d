//! Renewal information (RFC 9773): when the authority wants a certificate renewed, asked without an account.
//!
//! A window that ends before it starts is refused (§4.2), and so is believing it blindly: the caller keeps its own schedule for when
//! the authority cannot be asked. The moment inside the window is chosen with the caller's randomness (§4.2).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::serde::rfc3339;

use super::client::Client;
use super::directory::{NotOffered, Resource};
use super::request::RequestError;
use super::resource_url::{ResourceUrl, ResourceUrlError};

/// A certificate as renewal information names it: key identifier of the issuer, serial number (§4.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct CertificateId(String);

/// A text is no certificate identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not two base64url texts with a dot between")]
pub struct CertificateIdError;

impl CertificateId {
    /// From the content of the authority key identifier's `keyIdentifier`, and the content bytes of the serial number's DER
    /// `INTEGER`: with the leading zero byte, if it has one.
    ///
    /// # Errors
    /// If either is empty.
    pub fn new(authority_key_id: &[u8], serial: &[u8]) -> Result<Self, CertificateIdError> {
        if authority_key_id.is_empty() || serial.is_empty() {
            return Err(CertificateIdError);
        }
        let (key_id, serial) = (BASE64URL_NOPAD.encode(authority_key_id), BASE64URL_NOPAD.encode(serial));
        Ok(Self(format!("{key_id}.{serial}")))
    }

    /// The text form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CertificateId {
    type Err = CertificateIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key_id, serial) = text.split_once('.').ok_or(CertificateIdError)?;
        let decode = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| CertificateIdError);
        Self::new(&decode(key_id)?, &decode(serial)?)
    }
}

impl TryFrom<String> for CertificateId {
    type Error = CertificateIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<CertificateId> for String {
    fn from(id: CertificateId) -> Self {
        id.0
    }
}

impl fmt::Display for CertificateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When the authority wants a certificate renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewalInfo {
    /// Start of the window.
    pub start: OffsetDateTime,
    /// End of the window; after the start.
    pub end: OffsetDateTime,
    /// A page about why.
    pub explanation_url: Option<String>,
    /// When to ask again.
    pub retry_after: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RenewalInfoDocument {
    suggested_window: Window,
    #[serde(rename = "explanationURL", default)]
    explanation_url: Option<String>,
}

#[derive(Deserialize)]
struct Window {
    #[serde(with = "rfc3339")]
    start: OffsetDateTime,
    #[serde(with = "rfc3339")]
    end: OffsetDateTime,
}

impl RenewalInfo {
    /// The moment in the window that `position` picks: 0 is the start, [`u32::MAX`] the end.
    #[must_use]
    pub fn moment(&self, position: u32) -> OffsetDateTime {
        let length = (self.end - self.start).whole_seconds();
        let offset = i128::from(length) * i128::from(position) / i128::from(u32::MAX);
        let offset = i64::try_from(offset).unwrap_or(length);
        self.start.checked_add(time::Duration::seconds(offset)).unwrap_or(self.end)
    }

    fn from_document(document: RenewalInfoDocument, retry_after: Option<Duration>) -> Option<Self> {
        let RenewalInfoDocument { suggested_window: Window { start, end }, explanation_url } = document;
        let explanation_url = explanation_url.map(|text| super::text::printable(&text, 500));
        (start < end).then_some(Self { start, end, explanation_url, retry_after })
    }
}

/// Renewal information could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenewalError {
    /// The authority has no `renewalInfo`.
    #[error(transparent)]
    NotOffered(#[from] NotOffered),
    /// The authority refused or could not be reached.
    #[error("{0}")]
    Request(#[from] RequestError),
    /// The `renewalInfo` URL does not take a certificate.
    #[error("the renewalInfo URL cannot be extended by a certificate: {0}")]
    Url(#[from] ResourceUrlError),
    /// The window ends before it starts.
    #[error("{0} gives a window that ends before it starts")]
    EmptyWindow(ResourceUrl),
}

impl Client {
    /// Asks when a certificate should be renewed.
    ///
    /// # Errors
    /// If the authority does not say, cannot be reached, or gives an impossible window.
    pub async fn renewal_info(&self, certificate: &CertificateId) -> Result<RenewalInfo, RenewalError> {
        let base = self.directory().resource(Resource::RenewalInfo)?;
        let url: ResourceUrl = format!("{}/{certificate}", base.as_str().trim_end_matches('/')).parse()?;
        let answer = self.read(&url).await?;
        let document = answer.json("renewal information")?;
        RenewalInfo::from_document(document, answer.retry_after).ok_or(RenewalError::EmptyWindow(url))
    }
}

#[cfg(test)]
mod tests;
