//! What a device keeps of its machine account: the account, its token, and the key that both are bound to.
//!
//! The key is durable before the server hears of it. A further activation puts its key beside the old one and takes its place only once the
//! server agreed, so that a code which is refused costs nothing. As long as nobody knows whether the server agreed, that key stays: the server takes the code
//! from it again. Its record is durable beside it before either takes its place; who is killed between the two is finished by whoever looks next, so that a token
//! is never without its key. All of it is as secret as a certificate's key.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{
    IdentityDir, StateError,
    account::{from_json, read_secret, to_json},
    durable,
};
use crate::internal::Token;

const RECORD: &str = "machine.json";
const KEY: &str = "machine-key.pem";
const NEXT_KEY: &str = "machine-next-key.pem";
const NEXT_RECORD: &str = "machine-next.json";

/// A machine account and its token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineRecord {
    /// The account id, `urn:uuid:…`.
    pub account: String,
    /// The organisation's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// The token.
    pub token: Token,
    /// When it was given.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    pub expires: OffsetDateTime,
}

impl IdentityDir {
    /// The machine account and its key; `None` if no device was activated here. Ends an activation that was cut off after the server agreed.
    pub fn machine(&self) -> Result<Option<(MachineRecord, Zeroizing<String>)>, StateError> {
        self.settle_machine()?;
        let path = self.folder.join(RECORD);
        let Some(bytes) = durable::read(&path)?.map(Zeroizing::new) else { return Ok(None) };
        let record = from_json(&path, &bytes)?;
        Ok(read_secret(&self.folder.join(KEY))?.map(|key| (record, key)))
    }

    /// Stores a new token of the account. Durable on return.
    pub fn store_machine(&self, record: &MachineRecord) -> Result<(), StateError> {
        let path = self.folder.join(RECORD);
        let bytes = Zeroizing::new(to_json(&path, record)?);
        durable::replace(&path, &bytes)
    }

    /// Stores the key of an activation that is about to be tried. Durable on return: only then may the server be asked.
    pub fn store_next_machine_key(&self, pem: &str) -> Result<(), StateError> {
        durable::create_dir(&self.folder)?;
        self.settle_machine()?;
        durable::replace(&self.folder.join(NEXT_KEY), pem.as_bytes())
    }

    /// The key of an activation of which nobody knows how it ended.
    pub fn next_machine_key(&self) -> Result<Option<Zeroizing<String>>, StateError> {
        read_secret(&self.folder.join(NEXT_KEY))
    }

    /// Forgets that key, after the server refused; unless it had agreed in an earlier run, which was cut off after that.
    pub fn forget_next_machine_key(&self) -> Result<(), StateError> {
        self.settle_machine()?;
        durable::remove_if_present(&self.folder.join(NEXT_KEY))
    }

    /// Makes that key the account's, with its record, after the server agreed.
    pub fn activate_machine(&self, record: &MachineRecord) -> Result<(), StateError> {
        let path = self.folder.join(NEXT_RECORD);
        let bytes = Zeroizing::new(to_json(&path, record)?);
        durable::replace(&path, &bytes)?;
        self.settle_machine()
    }

    /// Puts a key and its record in their places, the key first: as long as the record stands beside, this is not done.
    fn settle_machine(&self) -> Result<(), StateError> {
        let (record, key) = (self.folder.join(NEXT_RECORD), self.folder.join(NEXT_KEY));
        if !record.is_file() {
            return Ok(());
        }
        if key.is_file() {
            durable::rename(&key, &self.folder.join(KEY))?;
        }
        durable::rename(&record, &self.folder.join(RECORD))
    }
}
