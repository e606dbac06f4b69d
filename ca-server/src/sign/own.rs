//! The server's own certificates, for TLS and for its OCSP responder: the same gate as every other, without an order.
//!
//! The operator's configuration is the authorisation. The private key is made by the caller and never comes here. An intent left open by a
//! crash is abandoned at the next start, since its key is lost.

use std::collections::BTreeSet;
use std::sync::Arc;

use certs::identifier::Identifier;
use certs::key::PublicKey;
use certs::leaf::{LeafProfile, ValidityError};
use certs::name::DnsName;
use certs::pem::{Label, encode};
use time::OffsetDateTime;

use super::authority::Authority;
use super::gate::{SignError, sign};
use super::prepare::{PrepareError, prepare};
use crate::log::intent::intent;
use crate::log::outcome::{OutcomeError, outcome};
use crate::policy::Approval;
use crate::store::{Batch, Store, StoreError};

/// Why the server has no certificate.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// The times cannot be had.
    #[error(transparent)]
    Validity(#[from] ValidityError),
    /// It cannot be built.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The intent could not be recorded.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The outcome could not be recorded.
    #[error(transparent)]
    Outcome(#[from] OutcomeError),
}

/// The server's own certificate.
#[derive(Clone, Debug)]
pub struct OwnCertificate {
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// The certificate and the chain above it, PEM.
    pub chain_pem: String,
    /// From when it is valid.
    pub not_before: OffsetDateTime,
    /// When it ends.
    pub not_after: OffsetDateTime,
}

/// Issues a certificate for the server itself, under `profile` and for `names`, to the holder of a key.
///
/// # Errors
/// [`OwnError`]
pub async fn issue_own(
    store: &Store,
    authority: &Arc<Authority>,
    profile: LeafProfile,
    names: Vec<DnsName>,
    (public_key, now): (PublicKey, OffsetDateTime),
) -> Result<OwnCertificate, OwnError> {
    let identifiers: Vec<Identifier> =
        names.into_iter().collect::<BTreeSet<_>>().into_iter().map(Into::into).collect();
    let mut validity = profile.validity(now, None, None)?;
    validity.not_after = validity.not_after.min(authority.issuer().not_after());
    let approval = Approval::own(profile, identifiers, public_key, validity);
    // The same steps as for an order: prepare and lint, intent, signature, outcome.
    let prepared = prepare(authority, approval, now)?;
    let permit = intent(store, Batch::new(), prepared, now).await?;
    let signed = sign(permit).await?;
    let der = signed.der.clone();
    let leaf = encode(Label::Certificate, &der);
    outcome(store, Batch::new(), signed, now).await?;
    let above = authority.chains_of(authority.issuer_id()).next().map_or("", |chain| chain.pem.as_str());
    Ok(OwnCertificate {
        der,
        chain_pem: leaf + above,
        not_before: validity.not_before,
        not_after: validity.not_after,
    })
}
