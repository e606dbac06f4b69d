//! The server's own TLS certificate: the same gate as every other, without an order.
//!
//! The operator's configuration is the authorisation. The private key is made by the caller and never comes here. An intent left open by a
//! crash is abandoned at the next start, since its key is lost.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use certs::identifier::{Identifier, IdentifierKind};
use certs::key::PublicKey;
use certs::leaf::{
    ExtendedKeyUsage, LeafProfile, MAX_BACKDATE, PolicyRule, ProfileError, Proof, SubjectRule, ValidityError,
};
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

/// The life of the server's own certificate.
const LIFETIME: Duration = Duration::from_secs(30 * 86_400);

/// Why the server has no certificate.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// The built-in profile is wrong.
    #[error(transparent)]
    Profile(#[from] ProfileError),
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
    /// The certificate and the chain above it, PEM.
    pub chain_pem: String,
    /// From when it is valid.
    pub not_before: OffsetDateTime,
    /// When it ends.
    pub not_after: OffsetDateTime,
}

/// Issues a TLS certificate for the server itself, under `names`, for `public_key`.
///
/// # Errors
/// [`OwnError`]
pub async fn issue_own(
    store: &Store,
    authority: &Arc<Authority>,
    names: Vec<DnsName>,
    public_key: PublicKey,
    now: OffsetDateTime,
) -> Result<OwnCertificate, OwnError> {
    let profile = profile()?;
    let identifiers: Vec<Identifier> =
        names.into_iter().collect::<BTreeSet<_>>().into_iter().map(Into::into).collect();
    let mut validity = profile.validity(now, None, None)?;
    validity.not_after = validity.not_after.min(authority.issuer().not_after());
    let approval = Approval::own(profile, identifiers, public_key, validity);
    // The same steps as for an order: prepare and lint, intent, signature, outcome.
    let prepared = prepare(authority, approval, now)?;
    let permit = intent(store, Batch::new(), prepared, now).await?;
    let signed = sign(permit).await?;
    let leaf = encode(Label::Certificate, &signed.der);
    outcome(store, Batch::new(), signed, now).await?;
    let above = authority.chains_of(authority.issuer_id()).next().map_or("", |chain| chain.pem.as_str());
    Ok(OwnCertificate {
        chain_pem: leaf + above,
        not_before: validity.not_before,
        not_after: validity.not_after,
    })
}

fn profile() -> Result<LeafProfile, ProfileError> {
    Ok(LeafProfile {
        name: "own-server".parse()?,
        description: "The authority's own TLS certificate".to_owned(),
        lifetime: LIFETIME,
        max_lifetime: LIFETIME,
        backdate: MAX_BACKDATE,
        extended_key_usages: BTreeSet::from([ExtendedKeyUsage::ServerAuth]),
        subject: SubjectRule::FirstNameIfFits,
        identifiers: BTreeSet::from([IdentifierKind::Dns]),
        required_identifiers: BTreeSet::new(),
        max_identifiers: 100,
        wildcards: false,
        // Not named in the certificate: the server proves nothing to itself.
        proofs: BTreeSet::from([Proof::Token]),
        policy: PolicyRule::None,
        authorization_lifetime: Duration::ZERO,
    })
}
