//! Account key rollover (RFC 8555 §7.3.5), in two steps so that no crash loses the account.
//!
//! [`Account::prepare_key_change`] asks nobody; the caller stores the new key beside the old one, and only then calls
//! [`KeyChange::send`]. After a crash in between, [`Client::settle_key_change`] finds out which of the two keys the authority holds.

use serde_json::json;

use super::account::Account;
use super::client::Client;
use super::directory::{NotOffered, Resource};
use super::jws::{Payload, sign_key_change};
use super::key::JwsKey;
use super::request::{Accept, RequestError};
use super::resource_url::ResourceUrl;

/// A key could not be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyChangeError {
    /// The authority has no `keyChange`.
    #[error(transparent)]
    NotOffered(#[from] NotOffered),
    /// The new key is the old one.
    #[error("the new key is the one the account already has")]
    SameKey,
    /// The new key belongs to another account.
    #[error("the new key already belongs to account {0}")]
    KeyInUse(ResourceUrl),
    /// Neither key belongs to the account.
    #[error("neither the old nor the new key belongs to account {0}")]
    NeitherKey(ResourceUrl),
    /// The authority refused or could not be reached.
    #[error("{0}")]
    Request(#[from] RequestError),
}

/// A key change that has not been asked for yet. Store [`new_key`](Self::new_key) before [`send`](Self::send).
#[derive(Debug)]
#[must_use = "nothing happens until the change is sent"]
pub struct KeyChange {
    account: Account,
    new_key: JwsKey,
    url: ResourceUrl,
}

impl Account {
    /// The first step: asks nobody.
    ///
    /// # Errors
    /// If the authority has no `keyChange`, or the key is the account's own.
    pub fn prepare_key_change(&self, new_key: JwsKey) -> Result<KeyChange, KeyChangeError> {
        let url = self.client.directory().resource(Resource::KeyChange)?.clone();
        if new_key.thumbprint() == self.key.thumbprint() {
            return Err(KeyChangeError::SameKey);
        }
        Ok(KeyChange { account: self.clone(), new_key, url })
    }
}

impl KeyChange {
    /// The key to store before [`send`](Self::send).
    #[must_use]
    pub fn new_key(&self) -> &JwsKey {
        &self.new_key
    }

    /// The second step. Returns the account with its new key; then the old one may be forgotten.
    ///
    /// If the answer to a change that was made is lost, the retry is refused, since the old key no longer counts. So after
    /// a refusal the authority is asked whom the new key belongs to, and only then is it an error.
    ///
    /// # Errors
    /// If the authority refused or could not be reached. Keep both keys then, and settle later.
    pub async fn send(self) -> Result<Account, KeyChangeError> {
        let Self { account, new_key, url } = self;
        let client = &account.client;
        let change = json!({ "account": account.url, "oldKey": account.key.jwk() });
        let unsendable = |error| KeyChangeError::Request(client.unsendable(&url, error));
        let payload = Payload::json(&change).map_err(|error| unsendable(error.into()))?;
        let inner = sign_key_change(&new_key, &url, &payload).map_err(unsendable)?;
        let payload = Payload::json(&inner).map_err(|error| unsendable(error.into()))?;
        let refused = match client.post(account.signer(), &url, &payload, Accept::Json).await {
            Ok(_) => return Ok(client.account(new_key, account.url)),
            Err(error) => error,
        };
        match client.find_account(new_key.clone()).await {
            Ok(Some(found)) if found.account.url == account.url => Ok(found.account),
            Ok(Some(found)) => Err(KeyChangeError::KeyInUse(found.account.url)),
            Ok(None) | Err(_) => Err(refused.into()),
        }
    }
}

impl Client {
    /// After a crash between storing the new key and hearing the answer: the account with whichever key it now has.
    ///
    /// # Errors
    /// [`KeyChangeError::NeitherKey`] if it has neither, or if the authority cannot be reached.
    pub async fn settle_key_change(
        &self,
        account: &ResourceUrl,
        old_key: JwsKey,
        new_key: JwsKey,
    ) -> Result<Account, KeyChangeError> {
        for key in [new_key, old_key] {
            if let Some(found) = self.find_account(key).await?
                && &found.account.url == account
            {
                return Ok(found.account);
            }
        }
        Err(KeyChangeError::NeitherKey(account.clone()))
    }
}

#[cfg(test)]
mod tests;
