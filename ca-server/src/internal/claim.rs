//! Whose an account id is. The first organisation for whose person an id is certified has it from then on, for that kind of holder.
//!
//! Issuers may write ids of their own (`user_id_claim`); no token of one organisation may give a certificate that names a person or a device of another.
//! Demanded in the batch of the intent, so that of two that come at once one has it. Must never give an id that is a machine account's.

use serde::{Deserialize, Serialize};

use super::error::{InternalError, TokenError};
use super::holder::{DeviceId, HolderKind, OrganisationId, User, UserId};
use super::machine::MachineAccount;
use crate::store::{Batch, Record, Store, StoreError, Table, Versioned};

/// An account id that was certified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdClaim {
    /// The id.
    pub id: UserId,
    /// What kind of holder has it.
    pub kind: HolderKind,
    /// Of which organisation.
    pub organisation: OrganisationId,
}

impl Record for IdClaim {
    const TABLE: Table = Table::IdClaims;
    type Key = UserId;

    fn key(&self) -> UserId {
        self.id
    }

    fn encode_key(key: &UserId) -> Vec<u8> {
        key.as_bytes().to_vec()
    }
}

/// That a holder may be certified by his id.
#[derive(Debug)]
pub(super) enum Claim {
    /// For the first time.
    New(IdClaim),
    /// It is his already.
    Held(Versioned<IdClaim>),
}

impl Claim {
    /// Demands that it is still so, and that no machine account has the id.
    pub(super) fn pin(&self, batch: &mut Batch) -> Result<(), StoreError> {
        let id = match self {
            Self::New(claim) => {
                batch.insert(claim)?;
                claim.id
            }
            Self::Held(claim) => {
                batch.unchanged(claim);
                claim.value.id
            }
        };
        batch.absent(Table::MachineAccounts, id.as_bytes().to_vec());
        Ok(())
    }
}

/// Whether the person's id is his organisation's to have certified.
pub(super) async fn of_user(store: &Store, user: &User) -> Result<Claim, InternalError> {
    let wanted = IdClaim { id: user.id, kind: HolderKind::User, organisation: user.organisation };
    if store.load::<MachineAccount>(&DeviceId::from(user.id)).await?.is_some() {
        return Err(TokenError::OthersId.into());
    }
    match store.load::<IdClaim>(&user.id).await? {
        None => Ok(Claim::New(wanted)),
        Some(held) if held.value == wanted => Ok(Claim::Held(held)),
        Some(_) => Err(TokenError::OthersId.into()),
    }
}
