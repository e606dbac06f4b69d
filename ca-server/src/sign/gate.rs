//! The gate: a permit goes in, a certificate comes out. There is no other way to a leaf signature.
//!
//! A [`Permit`] exists only for an intent that is durable; it is used up here. The signature is verified before anybody sees it.

use certs::tbs::{AssembleError, assemble};
use tracing::Instrument as _;

use super::backend::SigningError;
use crate::log::intent::Permit;
use crate::order::model::Certificate;
use crate::store::Versioned;
use crate::traces::TARGET;

/// Why a permit did not become a certificate. Its intent stays open and is resolved by `log::recover`.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The backend did not sign.
    #[error(transparent)]
    Backend(#[from] SigningError),
    /// What it signed is not what was recorded.
    #[error("the signing backend returned a bad signature")]
    Assemble(#[from] AssembleError),
}

/// A certificate whose outcome is not recorded yet; it must not leave the server.
#[derive(Debug)]
pub struct Signed {
    pub(crate) record: Versioned<Certificate>,
    pub(crate) der: Vec<u8>,
}

/// Step 7 of `docs/issuance-cycle.md`: signs exactly the bytes that the intent recorded.
///
/// # Errors
/// [`SignError`]
pub async fn sign(permit: Permit) -> Result<Signed, SignError> {
    let (authority, tbs, record) = permit.spend();
    let span = tracing::debug_span!(target: TARGET, "sign", authority = %authority.name());
    let signature = authority.key().sign(&tbs).instrument(span).await?;
    let certificate = assemble(&tbs, &signature, authority.issuer().public_key())?;
    Ok(Signed { record, der: certificate.to_vec() })
}
