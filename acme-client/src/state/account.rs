//! One ACME account at rest: its record, its key, and during a rollover its next key.
//!
//! Decides the order of writes in a key change (RFC 8555 §7.3.5): the next key is durable before the server is asked, and
//! replaces the old one only after the server agreed. Must never lose the only key an account answers to.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use url::Url;
use zeroize::Zeroizing;

use super::{StateError, durable};

/// What is known of an account besides its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRecord {
    /// The server's directory.
    pub directory: Url,
    /// The account URL, which is also its key identifier. Absent until the server has answered newAccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
    /// Contact URLs as last sent.
    #[serde(default)]
    pub contacts: Vec<String>,
    /// The external account this one is bound to (RFC 8555 §7.3.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eab_kid: Option<String>,
    /// The terms of service that were agreed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<String>,
    /// When the account was first stored here.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
    /// Set once the account was deactivated; it is of no further use.
    #[serde(default)]
    pub deactivated: bool,
}

/// The folder of one account.
#[derive(Clone, Debug)]
pub struct AccountDir {
    folder: PathBuf,
}

impl AccountDir {
    pub(super) fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The record, `None` when there is no account here yet.
    pub fn record(&self) -> Result<Option<AccountRecord>, StateError> {
        let path = self.folder.join("account.json");
        durable::read(&path)?.map(|bytes| from_json(&path, &bytes)).transpose()
    }

    /// Stores the record.
    pub fn store_record(&self, record: &AccountRecord) -> Result<(), StateError> {
        durable::create_dir(&self.folder)?;
        let path = self.folder.join("account.json");
        durable::replace(&path, &to_json(&path, record)?)
    }

    /// The account key as PKCS#8 PEM.
    pub fn key(&self) -> Result<Option<Zeroizing<String>>, StateError> {
        read_secret(&self.folder.join("key.pem"))
    }

    /// Stores the first key of an account. Durable on return, so the server may be told of it afterwards.
    pub fn store_key(&self, pem: &str) -> Result<(), StateError> {
        durable::create_dir(&self.folder)?;
        durable::replace(&self.folder.join("key.pem"), pem.as_bytes())
    }

    /// The key of a rollover that was begun and not finished.
    pub fn next_key(&self) -> Result<Option<Zeroizing<String>>, StateError> {
        read_secret(&self.folder.join("next-key.pem"))
    }

    /// Stores the key the account is about to change to. Durable on return: only then may the server be asked.
    pub fn store_next_key(&self, pem: &str) -> Result<(), StateError> {
        durable::replace(&self.folder.join("next-key.pem"), pem.as_bytes())
    }

    /// Makes the next key the account's key, after the server agreed.
    pub fn promote_next_key(&self) -> Result<(), StateError> {
        durable::rename(&self.folder.join("next-key.pem"), &self.folder.join("key.pem"))
    }

    /// Forgets a next key that the server never accepted.
    pub fn drop_next_key(&self) -> Result<(), StateError> {
        durable::remove_if_present(&self.folder.join("next-key.pem"))?;
        durable::sync_dir(&self.folder)
    }

    /// The roots that this server's own TLS certificate is checked against, as PEM.
    pub fn roots(&self) -> Result<Option<Vec<u8>>, StateError> {
        durable::read(&self.folder.join("roots.pem"))
    }

    /// Stores the roots to trust for this server.
    pub fn store_roots(&self, pem: &[u8]) -> Result<(), StateError> {
        durable::create_dir(&self.folder)?;
        durable::replace(&self.folder.join("roots.pem"), pem)
    }
}

pub(super) fn read_secret(path: &Path) -> Result<Option<Zeroizing<String>>, StateError> {
    let Some(bytes) = durable::read(path)? else { return Ok(None) };
    let bytes = Zeroizing::new(bytes);
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Some(Zeroizing::new(text.to_owned()))),
        Err(problem) => Err(StateError::Malformed { path: path.to_path_buf(), problem: problem.to_string() }),
    }
}

pub(super) fn from_json<T: for<'de> Deserialize<'de>>(path: &Path, bytes: &[u8]) -> Result<T, StateError> {
    serde_json::from_slice(bytes)
        .map_err(|problem| StateError::Malformed { path: path.to_path_buf(), problem: problem.to_string() })
}

pub(super) fn to_json<T: Serialize>(path: &Path, value: &T) -> Result<Vec<u8>, StateError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|problem| StateError::Malformed {
        path: path.to_path_buf(),
        problem: problem.to_string(),
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}
