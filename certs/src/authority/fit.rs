//! Whether a certificate that came back from the root's side may issue here: the key that was asked for, one step below the known root, in force,
//! for leaves only.
//!
//! Trusts the root and nothing else. Must never let a certificate pass that leaves or relying parties would stumble over later.

use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer as _;

use crate::issuer::{Issuer, IssuerError};
use crate::key::PublicKey;

/// Why a certificate may not issue here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is no CA certificate, or not signed by the root.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// It certifies another key.
    #[error("it certifies another key than the one that was asked for")]
    Key,
    /// It is the root itself, or bears its name.
    #[error("it bears the root's own name")]
    Name,
    /// It could sign further authorities, or says nothing of that.
    #[error("its path length is {}, not 0", .found.map_or("not limited".to_owned(), |found| found.to_string()))]
    PathLength {
        /// What it says.
        found: Option<u32>,
    },
    /// It does not say what its key is for.
    #[error("it has no key usage (keyCertSign and cRLSign are needed)")]
    NoKeyUsage,
    /// Relying parties that use rustls would reject every chain.
    #[error("it has name constraints, which relying parties do not understand for e-mail addresses")]
    NameConstraints,
    /// It is not in force yet.
    #[error("it is not in force before {0}")]
    NotYet(OffsetDateTime),
    /// It has ended.
    #[error("it ended {0}")]
    Ended(OffsetDateTime),
    /// It ends after its root.
    #[error("it would outlive the root, which ends {0}")]
    OutlivesRoot(OffsetDateTime),
}

/// The certificate as an issuer below `root`, if it fits `key` and may issue at `now`.
///
/// # Errors
/// [`Unfit`]
pub fn fit(
    certificate: &CertificateDer<'static>,
    root: &Issuer,
    key: &PublicKey,
    now: OffsetDateTime,
) -> Result<Issuer, Unfit> {
    let root_der = root.certificate().cloned().ok_or(IssuerError::Empty)?;
    let issuer = Issuer::from_chain(vec![certificate.clone()])?;
    if issuer.public_key() != key {
        return Err(Unfit::Key);
    }
    if issuer.subject_der() == root.subject_der() {
        return Err(Unfit::Name);
    }
    Issuer::from_chain(vec![certificate.clone(), root_der])?;
    let malformed = || Unfit::Issuer(IssuerError::Malformed { position: 1 });
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| malformed())?;
    let constraints = parsed.basic_constraints().map_err(|_| malformed())?;
    let found = constraints.and_then(|constraints| constraints.value.path_len_constraint);
    if found != Some(0) {
        return Err(Unfit::PathLength { found });
    }
    if parsed.key_usage().map_err(|_| malformed())?.is_none() {
        return Err(Unfit::NoKeyUsage);
    }
    let constrains = |parsed: &ParsedExtension<'_>| matches!(parsed, ParsedExtension::NameConstraints(_));
    if parsed.iter_extensions().any(|extension| constrains(extension.parsed_extension())) {
        return Err(Unfit::NameConstraints);
    }
    if issuer.not_before() > now {
        return Err(Unfit::NotYet(issuer.not_before()));
    }
    if issuer.not_after() <= now {
        return Err(Unfit::Ended(issuer.not_after()));
    }
    if issuer.not_after() > root.not_after() {
        return Err(Unfit::OutlivesRoot(root.not_after()));
    }
    Ok(issuer)
}
