//! Certificates at rest, from their intent on: by serial, newest first, by identifier and by account; and the open intents.
//!
//! Every record has all its index rows from the batch that inserts it. Leaving `Intended` closes the intent; becoming `Revoked` or
//! `Abandoned` puts the serial onto the revocation list in the same batch.

use std::collections::{BTreeMap, BTreeSet};

use certs::identifier::Identifier;
use certs::leaf::LeafProfile;
use certs::serial::Serial;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use time::OffsetDateTime;

use super::expiry::{self, Ends};
use super::revocations;
use crate::ids::{AccountId, AuthorityName};
use crate::internal::OrganisationId;
use crate::order::model::{Certificate, CertificateStatus};
use crate::store::page::{Cursor, Page};
use crate::store::{Batch, Range, Store, StoreError, Table, Versioned, keys};

/// Most rows that one page of a filtered listing reads.
const MOST_ROWS_READ: usize = 2000;
/// Fewest rows that are read at once where some may not pass the filter.
const LEAST_STEP: usize = 50;
/// Rows counted at once.
const COUNTED: usize = 2000;
/// Ends looked at at once.
const ENDS_READ: usize = 500;

/// Writes a new certificate record with all its index rows; stale if the serial exists.
///
/// # Errors
/// If the record cannot be serialised.
pub fn insert(batch: &mut Batch, certificate: &Certificate) -> Result<(), StoreError> {
    batch.insert(certificate)?;
    for (table, key) in rows(certificate) {
        batch.put(table, key, Vec::new());
    }
    if certificate.status == CertificateStatus::Intended {
        batch.put(Table::OpenIntents, certificate.serial.as_bytes().to_vec(), Vec::new());
    }
    revocations::put(batch, certificate);
    Ok(())
}

/// Writes `next` over `seen`; stale if the record changed since. Serial, account, identifiers and times stay as they were intended.
///
/// # Errors
/// If the record cannot be serialised.
pub fn replace(
    batch: &mut Batch,
    seen: &Versioned<Certificate>,
    next: &Certificate,
) -> Result<(), StoreError> {
    batch.replace(seen.version, next)?;
    if next.status != CertificateStatus::Intended {
        batch.delete(Table::OpenIntents, next.serial.as_bytes().to_vec());
    }
    revocations::put(batch, next);
    Ok(())
}

/// Removes a record with all its rows; stale if it changed since.
pub(crate) fn remove(batch: &mut Batch, seen: &Versioned<Certificate>) {
    batch.remove(seen);
    for (table, key) in rows(&seen.value) {
        batch.delete(table, key);
    }
    batch.delete(Table::OpenIntents, seen.value.serial.as_bytes().to_vec());
    revocations::remove(batch, &seen.value);
    if let Some(id) = renewal_id(&seen.value) {
        batch.delete(Table::Replacements, id.into_bytes());
    }
}

impl Ends for Certificate {
    fn ends(&self) -> OffsetDateTime {
        self.not_after
    }
}

/// The index rows that a record has all its life.
pub(crate) fn rows(certificate: &Certificate) -> Vec<(Table, Vec<u8>)> {
    let Certificate { serial, created, .. } = certificate;
    let mut rows = vec![
        (Table::CertificatesByTime, keys::certificate_by_time(*created, serial)),
        (Table::Expiry, expiry::row(certificate)),
    ];
    if let Some(account) = certificate.account {
        rows.push((Table::CertificatesByAccount, keys::certificate_by_account(account, *created, serial)));
    }
    for identifier in &certificate.identifiers {
        let key = keys::certificate_by_identifier(identifier, *created, serial);
        rows.push((Table::CertificatesByIdentifier, key));
    }
    rows
}

/// The ARI id of a certificate (RFC 9773 §4.1): its issuer's key identifier and its serial, base64url, with a dot between.
fn renewal_id(certificate: &Certificate) -> Option<String> {
    let issuer = HEXLOWER_PERMISSIVE.decode(certificate.issuer.as_bytes()).ok()?;
    let serial = BASE64URL_NOPAD.encode(certificate.serial.as_bytes());
    Some(format!("{}.{serial}", BASE64URL_NOPAD.encode(&issuer)))
}

/// Which certificates a listing shows. The most selective of `identifier` and `account` is looked up; the rest is compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CertificateFilter {
    /// Only those for this identifier.
    pub identifier: Option<Identifier>,
    /// Only those of this account.
    pub account: Option<AccountId>,
    /// Only those of this authority.
    pub authority: Option<AuthorityName>,
    /// Only those of this profile.
    pub profile: Option<String>,
    /// Only those that have come so far.
    pub status: Option<CertificateStatus>,
    /// Only those that end before this time.
    pub expires_before: Option<OffsetDateTime>,
    /// Only those that end after this time.
    pub expires_after: Option<OffsetDateTime>,
    /// Only those for holders of this organisation.
    pub organisation: Option<OrganisationId>,
    /// Only those signed by the issuer with this key identifier, hexadecimal.
    pub issuer: Option<String>,
    /// Leave out those that the server issued to itself.
    pub without_own: bool,
    /// Only those of which an identifier contains this text, in small letters or capitals.
    pub containing: Option<String>,
}

impl CertificateFilter {
    fn range(&self) -> Range {
        if let Some(identifier) = &self.identifier {
            let prefix = keys::certificates_of_identifier(identifier);
            return Range::of(Table::CertificatesByIdentifier).prefix(prefix);
        }
        match self.account {
            Some(account) => Range::of(Table::CertificatesByAccount).prefix(account.as_bytes().to_vec()),
            None => Range::of(Table::CertificatesByTime),
        }
    }

    fn passes(&self, certificate: &Certificate) -> bool {
        self.identifier.as_ref().is_none_or(|wanted| certificate.identifiers.contains(wanted))
            && self.account.is_none_or(|wanted| certificate.account == Some(wanted))
            && self.authority.as_ref().is_none_or(|wanted| certificate.authority == *wanted)
            && self.profile.as_ref().is_none_or(|wanted| certificate.profile == *wanted)
            && self.status.is_none_or(|wanted| certificate.status == wanted)
            && self.expires_before.is_none_or(|limit| certificate.not_after < limit)
            && self.expires_after.is_none_or(|limit| certificate.not_after > limit)
            && self.organisation.is_none_or(|wanted| organisation_of(certificate) == Some(wanted))
            && self.issuer.as_ref().is_none_or(|wanted| certificate.issuer == *wanted)
            && !(self.without_own && is_own(certificate))
            && self.containing.as_ref().is_none_or(|part| is_named(certificate, part))
    }
}

fn is_named(certificate: &Certificate, part: &str) -> bool {
    let contains = |value: &str| {
        let mut windows = value.as_bytes().windows(part.len().max(1));
        part.is_empty() || windows.any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
    };
    certificate.identifiers.iter().any(|identifier| contains(&identifier.value()))
}

fn organisation_of(certificate: &Certificate) -> Option<OrganisationId> {
    certificate.holder.as_ref().and_then(|holder| holder.organisation)
}

/// Whether nobody asked for it but the configuration: our own TLS certificate, and our responders'.
pub(crate) const fn is_own(certificate: &Certificate) -> bool {
    certificate.order.is_none() && certificate.account.is_none() && certificate.holder.is_none()
}

impl Store {
    /// Certificates that pass the filter, newest first. One call reads a bounded number of rows, so a page may have fewer items than
    /// asked for although more follow.
    ///
    /// # Errors
    /// If the backend fails or a record does not parse.
    pub async fn certificates(
        &self,
        filter: &CertificateFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Versioned<Certificate>>, StoreError> {
        let mut budget = MOST_ROWS_READ;
        self.certificates_within(filter, after, limit, &mut budget).await
    }

    /// The same for a caller who asks more than once: reads about as many rows as `budget` says, and takes them off it.
    ///
    /// # Errors
    /// If the backend fails or a record does not parse.
    pub async fn certificates_within(
        &self,
        filter: &CertificateFilter,
        after: Option<&Cursor>,
        limit: usize,
        budget: &mut usize,
    ) -> Result<Page<Versioned<Certificate>>, StoreError> {
        let (mut items, mut place) = (Vec::new(), after.cloned());
        let least = if *filter == CertificateFilter::default() { 1 } else { LEAST_STEP };
        let step = limit.clamp(least, 200);
        loop {
            let range = filter.range().after(place.as_ref().map(Cursor::key)).backwards().limit(step);
            let rows = self.scan(range).await?;
            for (key, _) in &rows {
                *budget = budget.saturating_sub(1);
                place = Some(Cursor::after(key));
                let Some(serial) = keys::serial_of_row(key) else { continue };
                let found: Option<Versioned<Certificate>> = self.load(&serial).await?;
                items.extend(found.filter(|found| filter.passes(&found.value)));
                if items.len() >= limit {
                    return Ok(Page { items, next: place });
                }
            }
            if rows.len() < step {
                return Ok(Page { items, next: None });
            }
            if *budget == 0 {
                return Ok(Page { items, next: place });
            }
            // Reading never waits for anything; others on this thread get their turn here.
            tokio::task::yield_now().await;
        }
    }

    /// Intents whose outcome is not recorded, in the order of their serials, those after `after`.
    ///
    /// # Errors
    /// If the backend fails or a record does not parse.
    pub async fn open_intents(
        &self,
        after: Option<&Serial>,
        limit: usize,
    ) -> Result<Vec<Versioned<Certificate>>, StoreError> {
        let after = after.map(|serial| serial.as_bytes().to_vec());
        let rows = self.scan(Range::of(Table::OpenIntents).after(after).limit(limit)).await?;
        let mut open = Vec::with_capacity(rows.len());
        for (key, _) in &rows {
            let Some(serial) = keys::serial_of_row(key) else { continue };
            open.extend(self.load(&serial).await?);
        }
        Ok(open)
    }

    /// How many certificates were made in a time, of which at most `limit` are counted; and whether there were more.
    ///
    /// # Errors
    /// If the backend fails.
    pub async fn count_certificates(
        &self,
        from: OffsetDateTime,
        until: OffsetDateTime,
        limit: u64,
    ) -> Result<(u64, bool), StoreError> {
        let (mut counted, mut after) = (0, keys::seconds(from).to_vec());
        let end = keys::seconds(until);
        loop {
            let range = Range::of(Table::CertificatesByTime).after(Some(after)).limit(COUNTED);
            let rows = self.scan(range).await?;
            let within = rows.iter().take_while(|(key, _)| *key < end.to_vec()).count();
            counted += within as u64;
            if counted > limit {
                return Ok((limit, true));
            }
            match rows.last() {
                Some((last, _)) if within == COUNTED => after = last.clone(),
                Some(_) | None => return Ok((counted, false)),
            }
            // Reading never waits for anything; others on this thread get their turn here.
            tokio::task::yield_now().await;
        }
    }

    /// Certificates that end in a time, the earliest first, whatever became of them.
    ///
    /// # Errors
    /// If the backend fails or a record does not parse.
    pub async fn certificates_ending(
        &self,
        from: OffsetDateTime,
        until: OffsetDateTime,
        limit: usize,
    ) -> Result<Vec<Versioned<Certificate>>, StoreError> {
        let after = keys::expiry(Table::Certificates, from, &[]);
        let range = Range::of(Table::Expiry).prefix(vec![Table::Certificates.number()]);
        let rows = self.scan(range.after(Some(after)).limit(limit)).await?;
        let mut found = Vec::new();
        for (key, _) in &rows {
            let Some((end, serial)) = keys::expiry_parts(key) else { continue };
            if end >= until {
                break;
            }
            let Some(serial) = Serial::from_der_content(serial) else { continue };
            found.extend(self.load::<Certificate>(&serial).await?);
        }
        Ok(found)
    }

    /// When the last certificate of each of the issuers `wanted` ends, by the issuer's key identifier, of those that are still valid at `now`. Looks
    /// from the last end back until all were found. Certificates of OCSP responders do not count: nobody looks them up.
    ///
    /// # Errors
    /// If the backend fails or a record does not parse.
    pub async fn last_ends(
        &self,
        wanted: &BTreeSet<String>,
        now: OffsetDateTime,
    ) -> Result<BTreeMap<String, OffsetDateTime>, StoreError> {
        let (mut ends, mut after) = (BTreeMap::new(), None);
        while ends.len() < wanted.len() {
            let range = Range::of(Table::Expiry).prefix(vec![Table::Certificates.number()]);
            let rows = self.scan(range.after(after).backwards().limit(ENDS_READ)).await?;
            for (key, _) in &rows {
                let Some((end, serial)) = keys::expiry_parts(key) else { continue };
                if end <= now {
                    return Ok(ends);
                }
                let Some(serial) = Serial::from_der_content(serial) else { continue };
                let found = self.load::<Certificate>(&serial).await?.map(|found| found.value);
                let counts = |found: &Certificate| {
                    let of_responder = is_own(found) && found.profile == LeafProfile::RESPONDER;
                    wanted.contains(&found.issuer) && !of_responder
                };
                if let Some(found) = found.filter(counts) {
                    ends.entry(found.issuer).or_insert(end);
                }
            }
            if rows.len() < ENDS_READ {
                break;
            }
            after = rows.last().map(|(key, _)| key.clone());
            // Reading never waits for anything; others on this thread get their turn here.
            tokio::task::yield_now().await;
        }
        Ok(ends)
    }
}
