//! What certificate revocation lists are made of: one compact row for each revoked or abandoned serial (RFC 5280 §5).
//!
//! Rows are written by [`super::certificates::replace`] alone and removed with the certificate record. Each change is noted for its issuer, so that
//! every server of the store sees that its lists are outdated.

use certs::serial::Serial;
use time::OffsetDateTime;

use crate::ids::AuthorityName;
use crate::order::model::{Certificate, CertificateStatus};
use crate::store::{Batch, Range, Store, StoreError, Table, keys};

/// One entry of a revocation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The serial.
    pub serial: Serial,
    /// When it was revoked.
    pub at: OffsetDateTime,
    /// RFC 5280 reason code.
    pub reason: u8,
    /// When the certificate ends; some time after it, the entry may leave the list.
    pub not_after: OffsetDateTime,
    /// Key identifier of the issuer certificate, hexadecimal: whose list it belongs on.
    pub issuer: String,
}

/// Puts the row of a certificate that is revoked or abandoned; does nothing for others.
pub(super) fn put(batch: &mut Batch, certificate: &Certificate) {
    let on_list = match certificate.status {
        CertificateStatus::Revoked | CertificateStatus::Abandoned => true,
        CertificateStatus::Intended | CertificateStatus::Issued => false,
    };
    if !on_list {
        return;
    }
    let at = certificate.revoked.unwrap_or(certificate.created);
    let mut value = keys::seconds(at).to_vec();
    value.extend_from_slice(&keys::seconds(certificate.not_after));
    value.push(certificate.revocation_reason.unwrap_or(0));
    value.extend_from_slice(certificate.issuer.as_bytes());
    batch.put(Table::Revoked, keys::revoked(&certificate.authority, &certificate.serial), value);
    // No check: of two at the same time either may stand last, and both differ from what stood before.
    batch.put(Table::Meta, marker(&certificate.issuer), certificate.serial.as_bytes().to_vec());
}

/// Where the last change of an issuer's list is noted.
fn marker(issuer: &str) -> Vec<u8> {
    format!("revoked-of:{issuer}").into_bytes()
}

/// Removes the row of a certificate.
pub(super) fn remove(batch: &mut Batch, certificate: &Certificate) {
    batch.delete(Table::Revoked, keys::revoked(&certificate.authority, &certificate.serial));
}

fn entry(key: &[u8], value: &[u8]) -> Option<Revocation> {
    let (at, rest) = value.split_first_chunk::<8>()?;
    let (not_after, rest) = rest.split_first_chunk::<8>()?;
    let (reason, issuer) = rest.split_first()?;
    Some(Revocation {
        serial: keys::serial_of_row(key)?,
        at: keys::from_seconds(*at)?,
        reason: *reason,
        not_after: keys::from_seconds(*not_after)?,
        issuer: String::from_utf8(issuer.to_vec()).ok()?,
    })
}

/// A place among all revocations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(Vec<u8>);

impl Store {
    /// What stood last on an issuer's list. Whoever reads it before he reads the list, and finds it the same later, has the whole list.
    ///
    /// # Errors
    /// If the backend fails.
    pub async fn last_revocation(&self, issuer: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.index(Table::Meta, &marker(issuer)).await
    }

    /// Revoked and abandoned serials of an issuer under whatever authorities, those after `place`, and where to go on; `None` at the end. One call reads
    /// `limit` rows, so it may give fewer, or none, although more follow.
    ///
    /// # Errors
    /// If the backend fails.
    pub async fn revocations_of_issuer(
        &self,
        issuer: &str,
        place: Option<Place>,
        limit: usize,
    ) -> Result<(Vec<Revocation>, Option<Place>), StoreError> {
        let range = Range::of(Table::Revoked).after(place.map(|place| place.0)).limit(limit);
        let rows = self.scan(range).await?;
        let next = rows.last().filter(|_| rows.len() >= limit).map(|(key, _)| Place(key.clone()));
        let entries = rows.iter().filter_map(|(key, value)| entry(key, value));
        Ok((entries.filter(|entry| entry.issuer == issuer).collect(), next))
    }

    /// Whether a certificate of an authority is revoked or abandoned.
    ///
    /// # Errors
    /// If the backend fails.
    pub async fn is_revoked(&self, authority: &AuthorityName, serial: &Serial) -> Result<bool, StoreError> {
        Ok(self.index(Table::Revoked, &keys::revoked(authority, serial)).await?.is_some())
    }

    /// Revoked and abandoned serials of an authority, in the order of the serials, those after `after`.
    ///
    /// # Errors
    /// If the backend fails.
    pub async fn revocations(
        &self,
        authority: &AuthorityName,
        after: Option<&Serial>,
        limit: usize,
    ) -> Result<Vec<Revocation>, StoreError> {
        let range = Range::of(Table::Revoked)
            .prefix(keys::revoked_of(authority))
            .after(after.map(|serial| keys::revoked(authority, serial)))
            .limit(limit);
        let rows = self.scan(range).await?;
        Ok(rows.iter().filter_map(|(key, value)| entry(key, value)).collect())
    }
}
