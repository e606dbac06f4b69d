//! The figures of the first page: certificates issued by the hour, what falls due. Read from the store with bounded work; hours that are over do
//! not change and are counted once.

use std::collections::BTreeMap;

use certs::serial::Serial;
use parking_lot::Mutex;
use time::{Duration, OffsetDateTime};

use crate::order::model::{Certificate, CertificateStatus};
use crate::store::tables::certificates::CertificateFilter;
use crate::store::{Store, StoreError, Versioned};

/// Hours that are shown.
pub const HOURS: i64 = 24;
/// Most certificates that are counted in an hour.
const MOST_IN_AN_HOUR: u64 = 20_000;
/// Rows that one page counts at most, beside the present hour; the hours that are left come with the next page.
const MOST_COUNTED: u64 = 60_000;
/// Certificates that end soon, of which is looked whether they were replaced.
const MOST_LOOKED_AT: usize = 200;
/// Rows read to find their successors, of all of them together.
const MOST_ROWS: usize = 4000;
/// How far ahead is looked.
const AHEAD: Duration = Duration::days(7);

/// How many there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// At least so many.
    pub count: u64,
    /// Whether there were more than were counted.
    pub more: bool,
}

/// What was counted before, by the second at which the hour began.
#[derive(Debug, Default)]
pub struct Figures(Mutex<BTreeMap<i64, Count>>);

/// Certificates that fall due.
#[derive(Debug, Default)]
pub struct Due {
    /// Those that end first, and were not replaced.
    pub certificates: Vec<Certificate>,
    /// How many there are at least.
    pub count: usize,
    /// Whether not all could be looked at.
    pub more: bool,
}

impl Figures {
    /// Certificates issued in each of the last hours, the present one last.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn issued(
        &self,
        store: &Store,
        now: OffsetDateTime,
    ) -> Result<Vec<(OffsetDateTime, Count)>, StoreError> {
        let present = now.unix_timestamp().div_euclid(3600) * 3600;
        let mut left = MOST_COUNTED;
        let mut shown = Vec::new();
        for begins in (0..HOURS).map(|back| present - back * 3600) {
            let Ok(from) = OffsetDateTime::from_unix_timestamp(begins) else { continue };
            let known = self.0.lock().get(&begins).copied();
            let count = match known {
                Some(count) if begins != present => count,
                Some(_) | None => {
                    let limit = if begins == present { MOST_IN_AN_HOUR } else { MOST_IN_AN_HOUR.min(left) };
                    let (count, more) = store.count_certificates(from, from + Duration::HOUR, limit).await?;
                    let count = Count { count, more };
                    if begins != present {
                        left = left.saturating_sub(count.count);
                        // What was cut short for want of time is counted again.
                        if !more || limit == MOST_IN_AN_HOUR {
                            self.0.lock().insert(begins, count);
                        }
                    }
                    count
                }
            };
            shown.push((from, count));
        }
        self.0.lock().retain(|begins, _| *begins > present - HOURS * 3600);
        shown.reverse();
        Ok(shown)
    }
}

/// Certificates past the usual renewal window, five sixths of their life, that end within a week and have no successor for the same names.
///
/// # Errors
/// If the store fails.
pub async fn due(store: &Store, now: OffsetDateTime, most: usize) -> Result<Due, StoreError> {
    let ending = store.certificates_ending(now, now + AHEAD, MOST_LOOKED_AT + 1).await?;
    let mut budget = MOST_ROWS;
    let mut due = Due { more: ending.len() > MOST_LOOKED_AT, ..Due::default() };
    for row in ending.into_iter().take(MOST_LOOKED_AT) {
        let certificate = row.value;
        let life = certificate.not_after - certificate.not_before;
        let is_late = certificate.not_after - now < life / 6;
        if !is_late
            || certificate.status != CertificateStatus::Issued
            || is_replaced(store, &certificate, &mut budget).await?
        {
            continue;
        }
        if budget == 0 {
            due.more = true;
            break;
        }
        due.count += 1;
        if due.certificates.len() < most {
            due.certificates.push(certificate);
        }
    }
    Ok(due)
}

/// Whether the newest certificate for its first name is another one, and ends later.
async fn is_replaced(
    store: &Store,
    certificate: &Certificate,
    budget: &mut usize,
) -> Result<bool, StoreError> {
    let Some(identifier) = certificate.identifiers.first() else { return Ok(false) };
    let filter = CertificateFilter {
        identifier: Some(identifier.clone()),
        authority: Some(certificate.authority.clone()),
        status: Some(CertificateStatus::Issued),
        ..CertificateFilter::default()
    };
    let newest = store.certificates_within(&filter, None, 1, budget).await?;
    let later = |row: &Versioned<Certificate>| {
        let other: Serial = row.value.serial;
        other != certificate.serial && row.value.not_after > certificate.not_after
    };
    Ok(newest.items.first().is_some_and(later))
}
