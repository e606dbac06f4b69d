//! Reading a revocation list back: what its issuer signed, checked (RFC 5280 §5).
//!
//! For lists that were signed elsewhere, such as a root's on a machine without network: to give them out, and to go on from them. Trusts nothing in the list
//! before its signature was verified.

use time::OffsetDateTime;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::{CertificateRevocationList, RevokedCertificate};

use super::{RevocationReason, Revoked};
use crate::issuer::Issuer;
use crate::serial::Serial;

/// Why it is no list of the issuer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadListError {
    /// It does not parse.
    #[error("it is no revocation list")]
    Malformed,
    /// Somebody else's name is in it.
    #[error("it is the list of another issuer")]
    OtherIssuer,
    /// The signature is not the issuer's.
    #[error("it is not signed by the issuer's key")]
    Signature,
    /// There is no number, or one that is too large.
    #[error("it has no number that can be gone on from")]
    Number,
    /// It does not say when the next one comes.
    #[error("it does not say until when it is good")]
    NoEnd,
    /// It is one part of a list, or tells only what changed.
    #[error("it is not a whole list")]
    Partial,
}

/// A list that its issuer signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadList {
    /// Its number.
    pub number: u64,
    /// When it was made.
    pub this_update: OffsetDateTime,
    /// Until when it is good.
    pub next_update: OffsetDateTime,
    /// What is on it. Entries with serials that no issuer of ours draws are `None`.
    pub entries: Vec<Option<Revoked>>,
}

/// Reads a whole list of `issuer` and verifies it.
pub fn read_list(der: &[u8], issuer: &Issuer) -> Result<ReadList, ReadListError> {
    let (rest, list) = CertificateRevocationList::from_der(der).map_err(|_| ReadListError::Malformed)?;
    if !rest.is_empty() {
        return Err(ReadListError::Malformed);
    }
    if list.issuer().as_raw() != issuer.subject_der() {
        return Err(ReadListError::OtherIssuer);
    }
    let signed = list.tbs_cert_list.as_ref();
    let verified = issuer.public_key().verify(signed, &list.signature_value.data);
    verified.map_err(|_| ReadListError::Signature)?;
    if list.extensions().iter().any(|extension| extension.critical) {
        return Err(ReadListError::Partial);
    }
    let digits = list.crl_number().map(|number| number.to_u64_digits());
    let number = match digits.as_deref() {
        Some([]) => 0,
        Some([number]) => *number,
        Some(_) | None => return Err(ReadListError::Number),
    };
    Ok(ReadList {
        number,
        this_update: list.last_update().to_datetime(),
        next_update: list.next_update().ok_or(ReadListError::NoEnd)?.to_datetime(),
        entries: list.iter_revoked_certificates().map(entry).collect(),
    })
}

fn entry(revoked: &RevokedCertificate<'_>) -> Option<Revoked> {
    let code = revoked.reason_code().map_or(0, |(_, code)| code.0);
    Some(Revoked {
        serial: Serial::from_der_content(revoked.raw_serial())?,
        at: revoked.revocation_date.to_datetime(),
        reason: RevocationReason::from_code(code.into()).unwrap_or(RevocationReason::Unspecified),
    })
}
