//! Renewal information (RFC 9773): when the authority wants a certificate renewed, asked without an account.
//!
//! A window that ends before it starts is refused (§4.2), and so is believing it blindly: the caller keeps its own schedule for when
//! the authority cannot be asked. A certificate is named by [`CertId`]. The moment inside the window is chosen with the caller's randomness (§4.2).

use std::time::Duration;

use certs::ari::CertId;
use serde::Deserialize;
use time::OffsetDateTime;
use time::serde::rfc3339;

use super::client::Client;
use super::directory::{NotOffered, Resource};
use super::request::RequestError;
use super::resource_url::{ResourceUrl, ResourceUrlError};

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
    pub async fn renewal_info(&self, certificate: &CertId) -> Result<RenewalInfo, RenewalError> {
        let base = self.directory().resource(Resource::RenewalInfo)?;
        let url: ResourceUrl = format!("{}/{certificate}", base.as_str().trim_end_matches('/')).parse()?;
        let answer = self.read(&url).await?;
        let document = answer.json("renewal information")?;
        RenewalInfo::from_document(document, answer.retry_after).ok_or(RenewalError::EmptyWindow(url))
    }
}

#[cfg(test)]
mod tests;
