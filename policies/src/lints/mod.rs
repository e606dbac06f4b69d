//! Lints: the last look at a certificate before its bytes are signed. They see the *twin* (the same bytes under a throwaway key),
//! parse it once with a parser that is not the encoder, and compare it with what was ordered, so that neither a wrong profile nor
//! a fault of the encoder reaches a signature. One rule, one file, one citation. A finding of [`Severity::Error`] stops issuance.
//!
//! To add a rule: one file here, one line in [`ALL`].

use std::collections::BTreeSet;
use std::fmt;

use certs::identifier::Identifier;
use certs::issuer::Issuer;
use certs::key::KeyKind;
use certs::leaf::{LeafProfile, LeafRequest, Proof};
use certs::name::DnsName;
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::oid::Oid;
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::prelude::FromDer;

mod alternative_names;
mod authority_information_access;
mod authority_key_identifier;
mod basic_constraints;
mod certificate_policies;
mod common_name;
mod critical_extensions;
mod crl_distribution_points;
mod dns_names;
mod duplicate_extensions;
mod extended_key_usage;
mod issuer_name;
mod key_usage;
mod malformed_extensions;
mod public_key;
mod serial_number;
mod signature_algorithm;
mod subject_key_identifier;
mod trailing_data;
mod validity;
mod version;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

/// Every rule, in the order of a certificate's fields.
pub const ALL: &[Lint] = &[
    trailing_data::LINT,
    version::LINT,
    serial_number::LINT,
    signature_algorithm::LINT,
    issuer_name::LINT,
    validity::LINT,
    common_name::LINT,
    public_key::LINT,
    duplicate_extensions::LINT,
    malformed_extensions::LINT,
    critical_extensions::LINT,
    key_usage::LINT,
    extended_key_usage::LINT,
    basic_constraints::LINT,
    alternative_names::LINT,
    dns_names::LINT,
    authority_key_identifier::LINT,
    subject_key_identifier::LINT,
    crl_distribution_points::LINT,
    authority_information_access::LINT,
    certificate_policies::LINT,
];

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Allowed, but worth a look; issuance goes on.
    Warning,
    /// The certificate must not be signed.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One thing that a lint found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// Where the rule comes from.
    pub citation: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub detail: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}: {} ({})", self.severity, self.rule, self.detail, self.citation)
    }
}

/// One rule.
#[derive(Clone, Copy, Debug)]
pub struct Lint {
    /// Its name, that of its file.
    pub rule: &'static str,
    /// Where it comes from.
    pub citation: &'static str,
    /// What its findings count as.
    pub severity: Severity,
    check: fn(&Leaf<'_>, &LintContext<'_>) -> Vec<String>,
}

/// What was ordered and who will sign: the facts that the certificate is compared with.
#[derive(Clone, Copy, Debug)]
pub struct LintContext<'a> {
    /// The profile of the order.
    pub profile: &'a LeafProfile,
    /// The identifiers of the order; their order counts for the common name only.
    pub identifiers: &'a [Identifier],
    /// How they were proven.
    pub proofs: &'a BTreeSet<Proof>,
    /// The organisation's preferred domain, for profiles that use it as common name.
    pub preferred_domain: Option<&'a DnsName>,
    /// The key to be certified: a subject public key info in DER.
    pub public_key: &'a [u8],
    /// The issuer's subject in DER.
    pub issuer_name: &'a [u8],
    /// The issuer's subject key identifier.
    pub issuer_key_identifier: &'a [u8],
    /// The kind of the issuer's key.
    pub issuer_key_kind: KeyKind,
    /// When the issuer ends, if it is known.
    pub issuer_not_after: Option<OffsetDateTime>,
    /// Where the revocation list is, if the authority has one.
    pub crl: Option<&'a str>,
    /// Where the issuing certificate is.
    pub ca_issuers: &'a str,
    /// Where OCSP is answered, if it is.
    pub ocsp: Option<&'a str>,
    /// The present, if the certificate is looked at on the day it is made.
    pub now: Option<OffsetDateTime>,
}

impl<'a> LintContext<'a> {
    /// The context of a certificate that is about to be issued. The present is not known here: set `now` to have it checked.
    #[must_use]
    pub fn of(request: &LeafRequest<'a>, issuer: &'a Issuer) -> Self {
        Self {
            profile: request.profile,
            identifiers: request.identifiers,
            proofs: request.proofs,
            preferred_domain: request.preferred_domain,
            public_key: request.public_key.spki_der(),
            issuer_name: issuer.subject_der(),
            issuer_key_identifier: issuer.subject_key_identifier(),
            issuer_key_kind: issuer.kind(),
            issuer_not_after: Some(issuer.not_after()),
            crl: Some(request.urls.crl.as_str()),
            ca_issuers: request.urls.ca_issuers.as_str(),
            ocsp: request.urls.ocsp.as_ref().map(|url| url.as_str()),
            now: None,
        }
    }
}

/// A certificate, parsed once for all rules.
pub(crate) struct Leaf<'a> {
    certificate: X509Certificate<'a>,
    rest: &'a [u8],
}

impl<'a> Leaf<'a> {
    fn extension(&self, oid: &Oid<'_>) -> Option<&X509Extension<'a>> {
        self.certificate.extensions().iter().find(|extension| extension.oid == *oid)
    }

    fn parsed(&self, oid: &Oid<'_>) -> Option<(&ParsedExtension<'a>, bool)> {
        self.extension(oid).map(|extension| (extension.parsed_extension(), extension.critical))
    }
}

/// Looks at one certificate in DER. No findings means that it is as ordered.
#[must_use]
pub fn lint(der: &[u8], context: &LintContext<'_>) -> Vec<Finding> {
    let (rest, certificate) = match X509Certificate::from_der(der) {
        Ok(parsed) => parsed,
        Err(error) => {
            return vec![Finding {
                rule: "parses",
                citation: "RFC 5280 §4.1",
                severity: Severity::Error,
                detail: format!("not a certificate: {error}"),
            }];
        }
    };
    let leaf = Leaf { certificate, rest };
    let mut findings = Vec::new();
    for rule in ALL {
        let Lint { rule, citation, severity, check } = *rule;
        findings.extend(check(&leaf, context).into_iter().map(|detail| Finding {
            rule,
            citation,
            severity,
            detail,
        }));
    }
    findings
}

/// Whether none of the findings forbids to sign.
#[must_use]
pub fn may_sign(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.severity < Severity::Error)
}

/// Octets in hexadecimal, for people.
fn hex(octets: &[u8]) -> String {
    use std::fmt::Write as _;
    octets.iter().fold(String::new(), |mut text, octet| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}
