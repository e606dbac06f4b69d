//! Parsed account keys, so that a busy account's key is parsed once and not with every request.
//!
//! An entry counts only for the very key text it was made from: a rolled-over key can never be served from here.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use super::jwk::{Jwk, KeyFault};
use super::public_key::PublicKey;
use crate::ids::AccountId;

/// Accounts whose keys are kept; when full, all are forgotten and parsed again as they come.
const CAPACITY: usize = 8192;

/// Keeps parsed keys of accounts.
#[derive(Debug, Default)]
pub struct KeyCache {
    keys: RwLock<HashMap<AccountId, (Jwk, Arc<PublicKey>)>>,
}

impl KeyCache {
    /// The parsed form of an account's present key.
    ///
    /// # Errors
    /// [`KeyFault`] if the key is no valid one.
    pub fn parsed(&self, account: AccountId, key: &Jwk) -> Result<Arc<PublicKey>, KeyFault> {
        if let Some((cached, parsed)) = self.keys.read().get(&account)
            && cached == key
        {
            return Ok(Arc::clone(parsed));
        }
        let parsed = Arc::new(PublicKey::new(key)?);
        let mut keys = self.keys.write();
        if keys.len() >= CAPACITY {
            keys.clear();
        }
        keys.insert(account, (key.clone(), Arc::clone(&parsed)));
        Ok(parsed)
    }
}
