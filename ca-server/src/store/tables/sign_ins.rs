//! Sign-ins at rest: by id, which is the hash of the secret of their link. They are pruned a day after their end.
//!
//! One is written in the batch that answers its challenge; every later step replaces it under the version it was decided on.

use crate::sso::sign_in::SignIn;
use crate::store::{Batch, Record, StoreError, Table, Versioned, keys};

/// Writes a new sign-in; stale if its challenge has one already.
///
/// # Errors
/// If the sign-in cannot be serialised.
pub fn insert(batch: &mut Batch, sign_in: &SignIn) -> Result<(), StoreError> {
    batch.insert(sign_in)?;
    batch.put(Table::Expiry, expiry_row(sign_in), Vec::new());
    Ok(())
}

/// Writes `next` over `seen`; stale if the sign-in moved on since. When it ends stays as it was.
///
/// # Errors
/// If the sign-in cannot be serialised.
pub fn replace(batch: &mut Batch, seen: &Versioned<SignIn>, next: &SignIn) -> Result<(), StoreError> {
    batch.replace(seen.version, next)?;
    Ok(())
}

/// Removes a sign-in with its row; stale if it changed since.
pub(crate) fn remove(batch: &mut Batch, seen: &Versioned<SignIn>) {
    batch.remove(seen);
    batch.delete(Table::Expiry, expiry_row(&seen.value));
}

fn expiry_row(sign_in: &SignIn) -> Vec<u8> {
    keys::expiry(Table::SignIns, sign_in.expires, &SignIn::encode_key(&sign_in.id))
}
