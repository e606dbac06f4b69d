//! When a certificate should be renewed (RFC 9773 §4.2): a window around two thirds of its life; at once if it was revoked.
//!
//! A pure function of the record, so every answer is the same and clients spread themselves within the window.

use certs::ari::{SuggestedWindow, suggested_window};
use serde::Serialize;

use crate::order::model::{Certificate, CertificateStatus};

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RenewalInfo {
    suggested_window: SuggestedWindow,
}

/// Suggests when to renew.
#[must_use]
pub fn suggest(certificate: &Certificate) -> RenewalInfo {
    let suggested_window = match (certificate.status, certificate.revoked) {
        (CertificateStatus::Revoked | CertificateStatus::Abandoned, Some(at)) => SuggestedWindow::at_once(at),
        (CertificateStatus::Revoked | CertificateStatus::Abandoned, None)
        | (CertificateStatus::Intended | CertificateStatus::Issued, _) => {
            suggested_window(certificate.not_before, certificate.not_after)
        }
    };
    RenewalInfo { suggested_window }
}
