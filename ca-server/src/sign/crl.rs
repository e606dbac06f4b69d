//! Revocation lists through the same key. They certify nobody, so they need no permit; their number is durable before they are signed.
//!
//! A long list is built on a thread of its own, so that nobody else waits for it.

use std::sync::Arc;

use certs::crl::{CrlError, CrlRequest, Revoked, assemble_crl, crl_tbs};
use certs::tbs::AssembleError;
use time::OffsetDateTime;

use super::authority::Authority;
use super::backend::SigningError;

/// Why a list was not signed.
#[derive(Debug, thiserror::Error)]
pub enum CrlSignError {
    /// It cannot be built.
    #[error(transparent)]
    Build(#[from] CrlError),
    /// The thread that built it ended.
    #[error("building the list was broken off")]
    BrokenOff,
    /// The backend did not sign.
    #[error(transparent)]
    Backend(#[from] SigningError),
    /// What it signed is not the list.
    #[error("the signing backend returned a bad signature")]
    Assemble(#[from] AssembleError),
}

/// A list that is to be signed.
#[derive(Debug)]
pub struct ListDraft {
    /// Its number.
    pub number: u64,
    /// When it is made.
    pub this_update: OffsetDateTime,
    /// Until when it may be relied on.
    pub next_update: OffsetDateTime,
    /// What is revoked.
    pub revoked: Vec<Revoked>,
    /// Of a shard: its places; of a whole list none.
    pub distribution_points: Vec<String>,
}

/// Builds and signs a list; gives its DER.
///
/// # Errors
/// [`CrlSignError`]
pub async fn sign_crl(authority: &Arc<Authority>, draft: ListDraft) -> Result<Vec<u8>, CrlSignError> {
    let building = authority.clone();
    let tbs = tokio::task::spawn_blocking(move || {
        let request = CrlRequest {
            number: draft.number,
            this_update: draft.this_update,
            next_update: draft.next_update,
            revoked: &draft.revoked,
            distribution_points: &draft.distribution_points,
        };
        crl_tbs(&request, building.issuer(), building.twin())
    });
    let tbs = tbs.await.map_err(|_| CrlSignError::BrokenOff)??;
    let signature = authority.key().sign(tbs.der()).await?;
    let list = assemble_crl(tbs.der(), &signature, authority.issuer().public_key())?;
    Ok(list.as_ref().to_vec())
}
