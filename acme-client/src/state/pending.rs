//! The order being worked on, stored with its certificate key before finalize.
//!
//! After a crash the same order is finished with the same key: a second certificate is never ordered because an answer was
//! lost. Order and key become visible together, by one rename.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use url::Url;
use zeroize::Zeroizing;

use super::{
    IdentityDir, StateError,
    account::{from_json, to_json},
    durable,
    token_keys::{key_file, read_key},
};

/// An order that was opened and is not installed yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingOrder {
    /// The order's URL.
    pub order: Url,
    /// The directory it belongs to.
    pub directory: Url,
    /// The account that owns it.
    pub account: Url,
    /// The names it is for.
    pub names: Vec<String>,
    /// The profile that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The certificate signing request, base64url of its DER, so that a repeated finalize is the same one.
    pub csr: String,
    /// When it was opened.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
}

impl IdentityDir {
    /// Stores an order and the key its certificate will be for. Durable on return.
    pub fn store_pending(&self, order: &PendingOrder, key_pem: &str) -> Result<(), StateError> {
        self.store_pending_as("order.json", order, key_pem)
    }

    /// Stores what is being worked on, in the place of what was there, and its key.
    pub(super) fn store_pending_as(
        &self,
        name: &str,
        record: &impl Serialize,
        key_pem: &str,
    ) -> Result<(), StateError> {
        durable::create_dir(&self.folder)?;
        self.clear_pending()?;
        let folder = self.folder.join("pending");
        let making = self.folder.join(format!("{}new-pending", durable::TEMPORARY));
        durable::remove_if_present(&making)?;
        durable::create_dir(&making)?;
        durable::write_new(&making.join(key_file(key_pem)), key_pem.as_bytes())?;
        let path = making.join(name);
        durable::write_new(&path, &to_json(&path, record)?)?;
        durable::sync_dir(&making)?;
        durable::rename(&making, &folder)
    }

    /// The order that waits to be finished, with its key.
    pub fn pending(&self) -> Result<Option<(PendingOrder, Zeroizing<String>)>, StateError> {
        let folder = self.folder.join("pending");
        let path = folder.join("order.json");
        let Some(bytes) = durable::read(&path)? else { return Ok(None) };
        let order = from_json(&path, &bytes)?;
        Ok(read_key(&folder)?.map(|key| (order, key)))
    }

    /// Puts a pending order that cannot be read out of the way, in place of one that was put there before.
    pub(super) fn set_pending_aside(&self) -> Result<(), StateError> {
        let aside = self.folder.join("pending.damaged");
        durable::remove_tree(&aside)?;
        durable::rename(&self.folder.join("pending"), &aside)
    }

    /// Forgets the pending order, because it is installed or lost.
    pub fn clear_pending(&self) -> Result<(), StateError> {
        durable::remove_tree(&self.folder.join("pending"))
    }
}
