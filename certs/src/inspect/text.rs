//! Reports as text for people: one fact per line, the most asked-for first.

use std::fmt;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{CertificateReport, CsrReport, Inspected};

impl fmt::Display for Inspected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(report) => report.fmt(f),
            Self::Request(report) => report.fmt(f),
            Self::Other { label } => writeln!(f, "{label} (not shown)"),
        }
    }
}

impl fmt::Display for CertificateReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", if self.ca { "CA certificate" } else { "certificate" })?;
        lines(f, "for", &self.names)?;
        line(f, "subject", &self.subject)?;
        line(f, "issuer", &self.issuer)?;
        let proofs: Vec<_> = self.proofs.iter().map(|proof| proof.as_str()).collect();
        line(f, "proven by", &proofs.join(", "))?;
        line(f, "valid from", &time(self.not_before))?;
        line(f, "valid until", &time(self.not_after))?;
        line(f, "key", &self.key)?;
        line(f, "signed with", &self.signature_algorithm)?;
        line(f, "key usage", &self.key_usages.join(", "))?;
        line(f, "used for", &self.extended_key_usages.join(", "))?;
        line(f, "path length", &self.path_length.map(|length| length.to_string()).unwrap_or_default())?;
        lines(f, "policy", &self.other_policies)?;
        line(f, "serial", &self.serial)?;
        line(f, "key id", self.subject_key_identifier.as_deref().unwrap_or_default())?;
        line(f, "issuer key id", self.authority_key_identifier.as_deref().unwrap_or_default())?;
        lines(f, "CRL", &self.crl_urls)?;
        lines(f, "issuer at", &self.ca_issuers_urls)?;
        lines(f, "OCSP", &self.ocsp_urls)?;
        line(f, "renewal id", self.renewal_id.as_deref().unwrap_or_default())?;
        line(f, "SHA-256", &self.sha256)
    }
}

impl fmt::Display for CsrReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "certificate request")?;
        lines(f, "for", &self.names)?;
        line(f, "key", self.key.as_deref().unwrap_or_default())?;
        line(f, "problem", self.problem.as_deref().unwrap_or_default())?;
        line(f, "SHA-256", &self.sha256)
    }
}

/// One labelled line; nothing at all if there is nothing to say.
fn line(f: &mut fmt::Formatter<'_>, label: &str, value: &str) -> fmt::Result {
    if value.is_empty() { Ok(()) } else { writeln!(f, "  {label:<14}{value}") }
}

fn lines(f: &mut fmt::Formatter<'_>, label: &str, values: &[String]) -> fmt::Result {
    values.iter().try_for_each(|value| line(f, label, value))
}

fn time(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_else(|_| time.to_string())
}
