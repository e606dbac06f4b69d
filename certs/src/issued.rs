//! What a client makes of a certificate that it was given: which certificates stand between it and its authority, and that the authority vouches for it.
//!
//! Path validation is rustls-webpki's (RFC 5280 §6). The authority's certificates are believed because of where they came from, which the caller knows; the
//! certificate itself is believed in nothing. Whom it names and for which key it is, others check.

use std::time::Duration;

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use time::OffsetDateTime;
use webpki::{
    ALL_VERIFICATION_ALGS, EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter,
    anchor_from_trusted_cert,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

/// Nobody among the authority's certificates vouches for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no certificate of the authority vouches for it: {detail}")]
pub struct NoPath {
    /// What path validation says.
    pub detail: String,
}

/// The certificates above `leaf` up to a root among `authority`, in order and without that root. Whatever the leaf may be used for, a path is a path.
///
/// # Errors
/// [`NoPath`]
pub fn chain_above(
    leaf: &CertificateDer<'_>,
    authority: &[CertificateDer<'_>],
    now: OffsetDateTime,
) -> Result<Vec<CertificateDer<'static>>, NoPath> {
    let no_path = |error: webpki::Error| NoPath { detail: error.to_string() };
    let roots: Vec<&CertificateDer<'_>> = authority.iter().filter(|one| is_self_issued(one)).collect();
    let anchored = if roots.is_empty() { authority.iter().collect() } else { roots };
    let anchors: Vec<TrustAnchor<'_>> =
        anchored.into_iter().filter_map(|root| anchor_from_trusted_cert(root).ok()).collect();
    let end_entity = EndEntityCert::try_from(leaf).map_err(no_path)?;
    let seconds = u64::try_from(now.unix_timestamp()).unwrap_or(0);
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let path = end_entity
        .verify_for_usage(ALL_VERIFICATION_ALGS, &anchors, authority, time, AnyUsage, None, None)
        .map_err(no_path)?;
    Ok(path.intermediate_certificates().map(|between| between.der().into_owned()).collect())
}

/// A name that issued itself: a root, as far as its name says.
fn is_self_issued(der: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(der).is_ok_and(|(_, read)| read.subject().as_raw() == read.issuer().as_raw())
}

/// Takes whatever stands there.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

    use super::*;

    fn params(name: &str, authority: bool) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = OffsetDateTime::UNIX_EPOCH;
        params.not_after = OffsetDateTime::UNIX_EPOCH + time::Duration::days(10);
        params.is_ca = if authority { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
        params
    }

    #[test]
    fn the_chain_is_what_stands_between_leaf_and_root() {
        let root = CertifiedIssuer::self_signed(params("root", true), KeyPair::generate().unwrap()).unwrap();
        let middle =
            CertifiedIssuer::signed_by(params("middle", true), KeyPair::generate().unwrap(), &root).unwrap();
        let leaf = params("leaf", false).signed_by(&KeyPair::generate().unwrap(), &middle).unwrap();
        let authority = [root.der().clone(), middle.der().clone()];
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(1);
        assert_eq!(chain_above(leaf.der(), &authority, now).unwrap(), [middle.der().clone()]);
        let direct = params("leaf", false).signed_by(&KeyPair::generate().unwrap(), &root).unwrap();
        assert_eq!(chain_above(direct.der(), &authority, now).unwrap(), []);
        let other = CertifiedIssuer::self_signed(params("root", true), KeyPair::generate().unwrap()).unwrap();
        assert!(chain_above(leaf.der(), &[other.der().clone(), middle.der().clone()], now).is_err());
        assert!(chain_above(leaf.der(), &authority[..1], now).is_err());
        assert!(chain_above(leaf.der(), &authority, now + time::Duration::days(10)).is_err(), "expired");
        assert!(chain_above(&CertificateDer::from(vec![0x30, 0]), &authority, now).is_err());
        // An authority that gives no root: what it gives is where the path ends.
        assert_eq!(chain_above(leaf.der(), &authority[1..], now).unwrap(), []);
    }
}
