//! Revocation lists through the same key. They certify nobody, so they need no permit; their number is durable before they are signed.

use certs::crl::{CrlError, CrlRequest, assemble_crl, crl_tbs};
use certs::tbs::AssembleError;

use super::authority::Authority;
use super::backend::SigningError;

/// Why a list was not signed.
#[derive(Debug, thiserror::Error)]
pub enum CrlSignError {
    /// It cannot be built.
    #[error(transparent)]
    Build(#[from] CrlError),
    /// The backend did not sign.
    #[error(transparent)]
    Backend(#[from] SigningError),
    /// What it signed is not the list.
    #[error("the signing backend returned a bad signature")]
    Assemble(#[from] AssembleError),
}

/// Builds and signs a list; gives its DER.
///
/// # Errors
/// [`CrlSignError`]
pub async fn sign_crl(authority: &Authority, request: &CrlRequest<'_>) -> Result<Vec<u8>, CrlSignError> {
    let tbs = crl_tbs(request, authority.issuer(), authority.twin())?;
    let signature = authority.key().sign(tbs.der()).await?;
    let list = assemble_crl(tbs.der(), &signature, authority.issuer().public_key())?;
    Ok(list.as_ref().to_vec())
}
