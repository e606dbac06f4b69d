//! When a certificate should be renewed (RFC 9773 §4.2): a window in the last third of its life; at once if it was revoked.
//!
//! A pure function of the record, so every answer is the same and clients spread themselves within the window.

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::order::model::{Certificate, CertificateStatus};

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RenewalInfo {
    suggested_window: Window,
}

/// From when to when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Window {
    #[serde(with = "time::serde::rfc3339")]
    start: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    end: OffsetDateTime,
}

/// Suggests when to renew.
#[must_use]
pub fn suggest(certificate: &Certificate) -> RenewalInfo {
    let window = match (certificate.status, certificate.revoked) {
        (CertificateStatus::Revoked | CertificateStatus::Abandoned, Some(at)) => {
            Window { start: at - Duration::hours(2), end: at - Duration::hours(1) }
        }
        (CertificateStatus::Revoked | CertificateStatus::Abandoned, None)
        | (CertificateStatus::Intended | CertificateStatus::Issued, _) => {
            let life = certificate.not_after - certificate.not_before;
            let whole = |part: Duration| Duration::seconds(part.whole_seconds());
            let start = certificate.not_before + whole(life * 2 / 3);
            Window { start, end: start + whole(life / 12).max(Duration::seconds(1)) }
        }
    };
    RenewalInfo { suggested_window: window }
}
