//! Certificate revocation lists (RFC 5280 §5): lists of one issuer, whole or in shards, numbered.
//!
//! A list is built like a leaf: bytes first, then a signature by whatever holds the issuer's key. A whole list has no issuing distribution point, so
//! every relying party takes it as speaking for all of the issuer's certificates. A [`Shard`] of it names its own place, and speaks for those alone that
//! name the same place.

use std::fmt;
use std::str::FromStr;

use rcgen::{
    CertificateRevocationListParams, CrlDistributionPoint, CrlIssuingDistributionPoint, KeyIdMethod,
    RevokedCertParams, SerialNumber,
};
use rustls_pki_types::CertificateRevocationListDer;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::issuer::Issuer;
use crate::key::PublicKey;
use crate::serial::Serial;
use crate::tbs::{AssembleError, Tbs, TbsError, TwinKey, assemble_der};

mod read;
mod shard;

pub use read::{ReadList, ReadListError, read_list};
pub use shard::Shard;

/// Why a revocation list cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrlError {
    /// Stale from the start.
    #[error("next-update does not lie after this-update")]
    Reversed,
    /// Encoding failed.
    #[error(transparent)]
    Tbs(#[from] TbsError),
}

/// Why a text or number is not a revocation reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReasonError {
    /// RFC 5280 gives the code no meaning.
    #[error("{0} is not a revocation reason code")]
    Code(u64),
    /// No reason has this name.
    #[error("unknown revocation reason {0:?}")]
    Name(String),
}

/// Why a certificate was revoked (RFC 5280 §5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationReason {
    /// 0: none was given.
    Unspecified,
    /// 1: the holder's key is known to others.
    KeyCompromise,
    /// 2: an authority's key is known to others.
    CaCompromise,
    /// 3: the holder's name or organisation changed.
    AffiliationChanged,
    /// 4: there is a newer certificate.
    Superseded,
    /// 5: the holder no longer needs it.
    CessationOfOperation,
    /// 6: on hold, may come back.
    CertificateHold,
    /// 8: came back; only in delta lists.
    RemoveFromCrl,
    /// 9: a privilege in it was withdrawn.
    PrivilegeWithdrawn,
    /// 10: an attribute authority's key is known to others.
    AaCompromise,
}

impl RevocationReason {
    /// Every reason, in the order of its code.
    pub const ALL: [Self; 10] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::RemoveFromCrl,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// The code in certificates and in ACME's `reason`.
    pub fn code(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            Self::RemoveFromCrl => 8,
            Self::PrivilegeWithdrawn => 9,
            Self::AaCompromise => 10,
        }
    }

    /// The reason with this code; 7 and everything above 10 have none.
    pub fn from_code(code: u64) -> Result<Self, ReasonError> {
        Self::ALL.into_iter().find(|reason| u64::from(reason.code()) == code).ok_or(ReasonError::Code(code))
    }

    /// Whether the holder of a leaf may give it as reason; the others are for authorities or for delta lists.
    pub fn is_for_holders(self) -> bool {
        match self {
            Self::Unspecified
            | Self::KeyCompromise
            | Self::AffiliationChanged
            | Self::Superseded
            | Self::CessationOfOperation
            | Self::PrivilegeWithdrawn => true,
            Self::CaCompromise | Self::CertificateHold | Self::RemoveFromCrl | Self::AaCompromise => false,
        }
    }

    /// The spelling in configuration, on command lines and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "key-compromise",
            Self::CaCompromise => "ca-compromise",
            Self::AffiliationChanged => "affiliation-changed",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessation-of-operation",
            Self::CertificateHold => "certificate-hold",
            Self::RemoveFromCrl => "remove-from-crl",
            Self::PrivilegeWithdrawn => "privilege-withdrawn",
            Self::AaCompromise => "aa-compromise",
        }
    }

    fn rcgen(self) -> rcgen::RevocationReason {
        match self {
            Self::Unspecified => rcgen::RevocationReason::Unspecified,
            Self::KeyCompromise => rcgen::RevocationReason::KeyCompromise,
            Self::CaCompromise => rcgen::RevocationReason::CaCompromise,
            Self::AffiliationChanged => rcgen::RevocationReason::AffiliationChanged,
            Self::Superseded => rcgen::RevocationReason::Superseded,
            Self::CessationOfOperation => rcgen::RevocationReason::CessationOfOperation,
            Self::CertificateHold => rcgen::RevocationReason::CertificateHold,
            Self::RemoveFromCrl => rcgen::RevocationReason::RemoveFromCrl,
            Self::PrivilegeWithdrawn => rcgen::RevocationReason::PrivilegeWithdrawn,
            Self::AaCompromise => rcgen::RevocationReason::AaCompromise,
        }
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RevocationReason {
    type Err = ReasonError;

    fn from_str(text: &str) -> Result<Self, ReasonError> {
        let found = Self::ALL.into_iter().find(|reason| reason.as_str() == text);
        found.ok_or_else(|| ReasonError::Name(text.to_owned()))
    }
}

/// One revoked certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// Its serial number.
    pub serial: Serial,
    /// When it was revoked.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Why.
    pub reason: RevocationReason,
}

/// One list to be built.
#[derive(Clone, Copy, Debug)]
pub struct CrlRequest<'a> {
    /// Higher than that of every earlier list of this issuer.
    pub number: u64,
    /// When the list was made.
    pub this_update: OffsetDateTime,
    /// When the next one will be there at the latest.
    pub next_update: OffsetDateTime,
    /// What is revoked.
    pub revoked: &'a [Revoked],
    /// Of a shard: its places, each exactly as certificates name it that it speaks for (RFC 5280 §5.2.5). None: it speaks for all.
    pub distribution_points: &'a [String],
}

/// Builds the bytes to sign, and their twin.
pub fn crl_tbs(request: &CrlRequest<'_>, issuer: &Issuer, twin: &TwinKey) -> Result<Tbs, CrlError> {
    if request.next_update <= request.this_update {
        return Err(CrlError::Reversed);
    }
    let params = CertificateRevocationListParams {
        this_update: request.this_update,
        next_update: request.next_update,
        crl_number: SerialNumber::from(request.number),
        issuing_distribution_point: (!request.distribution_points.is_empty()).then(|| {
            let uris = request.distribution_points.to_vec();
            CrlIssuingDistributionPoint { distribution_point: CrlDistributionPoint { uris }, scope: None }
        }),
        revoked_certs: request.revoked.iter().map(entry).collect(),
        key_identifier_method: KeyIdMethod::PreSpecified(issuer.subject_key_identifier().to_vec()),
    };
    let encoded = params.signed_by(&issuer.encode_only()).map_err(TbsError::Encoder)?;
    Ok(Tbs::from_encoded(encoded.der(), issuer, twin)?)
}

/// Puts bytes and signature together, after checking that the signature is by `signer` over these bytes.
pub fn assemble_crl(
    tbs: &[u8],
    signature: &[u8],
    signer: &PublicKey,
) -> Result<CertificateRevocationListDer<'static>, AssembleError> {
    assemble_der(tbs, signature, signer).map(CertificateRevocationListDer::from)
}

fn entry(revoked: &Revoked) -> RevokedCertParams {
    RevokedCertParams {
        serial_number: SerialNumber::from_slice(revoked.serial.as_bytes()),
        revocation_time: revoked.at,
        reason_code: Some(revoked.reason.rcgen()),
        invalidity_date: None,
    }
}

#[cfg(test)]
mod tests;
