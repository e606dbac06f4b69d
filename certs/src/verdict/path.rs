//! The path from a leaf to a trusted root, and what breaks it.
//!
//! All sets are searched at once; the set is then read off the root that was reached. A root that is itself expired is not trusted, though
//! path validation proper would not look. Every webpki error becomes one of our stable reasons.

use std::time::Duration;

use rustls_pki_types::{CertificateDer, UnixTime};
use time::OffsetDateTime;
use webpki::{
    ALL_VERIFICATION_ALGS, EndEntityCert, Error, ExpirationPolicy, KeyUsage, RevocationCheckDepth,
    RevocationOptionsBuilder, UnknownStatusPolicy,
};

use super::Reason;
use crate::chain::{RevocationList, TrustSetName, TrustSets};

/// What besides the chain decides.
pub(super) struct Circumstances<'a> {
    pub(super) revocation_lists: &'a [RevocationList],
    pub(super) now: OffsetDateTime,
}

/// The end of a verified path.
pub(super) struct Trusted {
    pub(super) set: TrustSetName,
    pub(super) root: String,
}

pub(super) fn build(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    trust: &TrustSets,
    circumstances: &Circumstances<'_>,
) -> Result<Trusted, Reason> {
    let leaf = EndEntityCert::try_from(end_entity).map_err(reason)?;
    let anchors = trust.anchors();
    let lists: Vec<_> = circumstances.revocation_lists.iter().map(|list| &list.0).collect();
    let revocation = RevocationOptionsBuilder::new(&lists).ok().map(|options| {
        options
            .with_depth(RevocationCheckDepth::Chain)
            .with_status_policy(UnknownStatusPolicy::Allow)
            .with_expiration_policy(ExpirationPolicy::Enforce)
            .build()
    });
    let path = leaf
        .verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &anchors,
            intermediates,
            unix_time(circumstances.now),
            KeyUsage::client_auth(),
            revocation,
            None,
        )
        .map_err(reason)?;
    let (set, root) = trust.find(path.anchor()).ok_or(Reason::UnknownIssuer)?;
    if circumstances.now > root.not_after {
        return Err(Reason::Expired);
    }
    if circumstances.now < root.not_before {
        return Err(Reason::NotYetValid);
    }
    Ok(Trusted { set: set.clone(), root: root.name.clone() })
}

/// Times before 1970 are taken as 1970: nothing was valid then.
fn unix_time(time: OffsetDateTime) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(time.unix_timestamp()).unwrap_or(0)))
}

fn reason(error: Error) -> Reason {
    match error {
        Error::BadDer
        | Error::BadDerTime
        | Error::TrailingData(_)
        | Error::ExtensionValueInvalid
        | Error::MalformedExtensions
        | Error::UnsupportedCertVersion
        | Error::InvalidCertValidity
        | Error::InvalidSerialNumber
        | Error::MalformedDnsIdentifier => Reason::Malformed,
        Error::CaUsedAsEndEntity => Reason::CaAsLeaf,
        Error::CertExpired { .. } => Reason::Expired,
        Error::CertNotValidYet { .. } => Reason::NotYetValid,
        Error::CertRevoked => Reason::Revoked,
        Error::CrlExpired { .. }
        | Error::InvalidCrlSignatureForPublicKey
        | Error::InvalidCrlNumber
        | Error::IssuerNotCrlSigner
        | Error::UnknownRevocationStatus => Reason::BadRevocationList,
        Error::InvalidSignatureForPublicKey | Error::SignatureAlgorithmMismatch => Reason::InvalidSignature,
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => Reason::MissingExtendedKeyUsage,
        Error::UnsupportedCriticalExtension => Reason::UnknownCriticalExtension,
        Error::UnknownIssuer => Reason::UnknownIssuer,
        // webpki's list is open; whatever is left breaks a rule of path validation.
        _ => Reason::InvalidPath,
    }
}
