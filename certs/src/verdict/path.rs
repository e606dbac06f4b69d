//! The path from a leaf to a trusted root, and what breaks it.
//!
//! All sets that vouch for such names are searched at once; the set is then read off the root that was reached. If only a set that does not vouch for
//! them is reached, that is said. A root that is itself expired is not trusted, though path validation proper would not look. Every webpki error becomes
//! one of our stable reasons.

use std::time::Duration;

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use time::OffsetDateTime;
use webpki::{
    ALL_VERIFICATION_ALGS, EndEntityCert, Error, ExpirationPolicy, KeyUsage, RevocationCheckDepth,
    RevocationOptionsBuilder, UnknownStatusPolicy,
};

use super::{Reason, leaf};
use crate::chain::{RevocationList, Root, TrustSetName, TrustSets};
use crate::identifier::Identifier;

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
    names: &[Identifier],
    circumstances: &Circumstances<'_>,
) -> Result<Trusted, Reason> {
    let path = Path { end_entity, intermediates, trust, circumstances };
    let vouches = |set: &TrustSetName| names.iter().all(|name| set.vouches_for(name));
    let vouching =
        trust.anchors(|sets| names.iter().all(|name| sets.iter().any(|set| set.vouches_for(name))));
    match path.to(&vouching) {
        Ok((sets, root)) => {
            // A root in both external sets may vouch for mixed names; the set that vouches for the name shown is named.
            let first = leaf::shown(names).and_then(|name| sets.iter().find(|set| set.vouches_for(name)));
            let set = sets.iter().find(|set| vouches(set)).or(first).ok_or(Reason::UnknownIssuer)?;
            Ok(Trusted { set: (*set).clone(), root: root.name.clone() })
        }
        // Somebody is trusted, but not for such a name; or everybody was asked already, and has the better reason.
        Err(_) => match path.to(&trust.anchors(|_| true)) {
            Ok(_) => Err(Reason::WrongAuthority),
            Err(reason) => Err(reason),
        },
    }
}

/// What is to be verified, and by whom.
struct Path<'a> {
    end_entity: &'a CertificateDer<'a>,
    intermediates: &'a [CertificateDer<'a>],
    trust: &'a TrustSets,
    circumstances: &'a Circumstances<'a>,
}

impl<'a> Path<'a> {
    /// Verifies a path to one of the anchors, and gives the root that it is and the sets that hold it.
    fn to(&self, anchors: &[TrustAnchor<'static>]) -> Result<(Vec<&'a TrustSetName>, &'a Root), Reason> {
        let leaf = EndEntityCert::try_from(self.end_entity).map_err(reason)?;
        let lists: Vec<_> = self.circumstances.revocation_lists.iter().map(|list| &list.0).collect();
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
                anchors,
                self.intermediates,
                unix_time(self.circumstances.now),
                KeyUsage::client_auth(),
                revocation,
                None,
            )
            .map_err(reason)?;
        let (sets, root) = self.trust.find(path.anchor()).ok_or(Reason::UnknownIssuer)?;
        if self.circumstances.now > root.not_after {
            return Err(Reason::Expired);
        }
        if self.circumstances.now < root.not_before {
            return Err(Reason::NotYetValid);
        }
        Ok((sets, root))
    }
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
