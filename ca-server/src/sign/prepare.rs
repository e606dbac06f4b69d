//! From an approval to the exact bytes that will be recorded and then signed: serial, to-be-signed part, lint of its twin.
//!
//! Decides nothing about who may have what: an [`Approval`] did. A lint that fails is a fault of ours or of a profile, never of the client.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certs::leaf::{LeafError, LeafRequest, leaf_tbs};
use certs::serial::Serial;
use policies::lints::{Finding, LintContext, Severity, lint, may_sign};
use time::OffsetDateTime;

use super::authority::Authority;
use crate::ids::{NoEntropy, random_bytes};
use crate::order::model::{Certificate, CertificateStatus};
use crate::policy::Approval;

/// Why nothing was prepared. Nothing was written or signed.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The approved contents do not make a certificate.
    #[error("building the certificate")]
    Leaf(#[from] LeafError),
    /// The certificate would break a rule about certificates.
    #[error("the certificate fails its lints: {}", listed(.0))]
    Lint(Vec<Finding>),
    /// No serial can be drawn.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

fn listed(findings: &[Finding]) -> String {
    let forbidding = findings.iter().filter(|finding| finding.severity == Severity::Error);
    forbidding.map(|finding| format!("{}: {}", finding.rule, finding.detail)).collect::<Vec<_>>().join("; ")
}

/// What `log::intent` is to record: bytes that were linted, not yet signed.
#[derive(Debug)]
pub struct Prepared {
    pub(crate) authority: Arc<Authority>,
    pub(crate) tbs: Vec<u8>,
    pub(crate) record: Certificate,
    pub(crate) rules: Vec<String>,
}

impl Prepared {
    /// The serial that was drawn.
    #[must_use]
    pub fn serial(&self) -> Serial {
        self.record.serial
    }
}

/// Steps 4 and 5 of `docs/issuance-cycle.md`: draws a serial, builds the bytes and lints their twin.
///
/// # Errors
/// [`PrepareError`]
pub fn prepare(
    authority: &Arc<Authority>,
    approval: Approval,
    now: OffsetDateTime,
) -> Result<Prepared, PrepareError> {
    // 4. A serial of 128 random bits, and the bytes from order and profile; of the CSR only the key is in them.
    let serial = Serial::new(now, random_bytes()?);
    let mut urls = authority.places().urls(&serial);
    // Nobody asks a responder about itself (RFC 6960 §4.2.2.2.1).
    urls.ocsp = urls.ocsp.filter(|_| !approval.profile.is_responder());
    let request = LeafRequest {
        profile: &approval.profile,
        identifiers: &approval.identifiers,
        public_key: &approval.public_key,
        serial,
        validity: approval.validity,
        proofs: &approval.proofs,
        preferred_domain: approval.preferred_domain.as_ref(),
        urls: &urls,
    };
    let tbs = leaf_tbs(&request, authority.issuer(), authority.twin())?;
    // 5. Lint the twin: the same bytes under a throwaway key.
    let context = LintContext { now: Some(now), ..LintContext::of(&request, authority.issuer()) };
    let findings = lint(tbs.twin_der(), &context);
    if !may_sign(&findings) {
        return Err(PrepareError::Lint(findings));
    }
    let Approval {
        profile,
        identifiers,
        proofs,
        validity,
        order,
        account,
        replaces,
        rules,
        evidence,
        holder,
        ..
    } = approval;
    let record = Certificate {
        serial,
        authority: authority.name().clone(),
        issuer: authority.issuer_id().to_owned(),
        order,
        account,
        profile: profile.name.to_string(),
        identifiers,
        proofs: proofs.into_iter().collect(),
        status: CertificateStatus::Intended,
        der: STANDARD.encode(tbs.der()),
        not_before: validity.not_before,
        not_after: validity.not_after,
        created: now,
        revoked: None,
        revocation_reason: None,
        replaces,
        evidence,
        holder,
    };
    Ok(Prepared { authority: authority.clone(), tbs: tbs.der().to_vec(), record, rules })
}
