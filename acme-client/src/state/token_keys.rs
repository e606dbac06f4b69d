//! Keys in tokens: where their names stand, and which of them are needed no more.
//!
//! A key in a file is `key.pem`; of one in a token there is `key.uri`, its `pkcs11:` URI. Every key is noted in `token-keys.json` before it is
//! made and struck out after it is destroyed, so a writer that is killed in between leaves one that is known. A key is needed while a
//! generation or what is being worked on names it. Must never call one unneeded whose folder could not be read.

use std::collections::BTreeSet;
use std::path::Path;

use tokens::TokenUri;
use zeroize::Zeroizing;

use super::{
    IdentityDir, StateError,
    account::{from_json, read_secret, to_json},
    durable,
};

/// The file of a key.
pub(super) const KEY: &str = "key.pem";
/// The file of a key's name.
const URI: &str = "key.uri";
const NOTED: &str = "token-keys.json";

/// The file that a key, or the name of one, is kept in.
pub(super) fn key_file(key: &str) -> &'static str {
    if TokenUri::is_meant(key) { URI } else { KEY }
}

/// The key in a folder, or the name of one.
pub(super) fn read_key(folder: &Path) -> Result<Option<Zeroizing<String>>, StateError> {
    match read_secret(&folder.join(KEY))? {
        Some(key) => Ok(Some(key)),
        None => read_secret(&folder.join(URI)),
    }
}

impl IdentityDir {
    /// The keys in tokens that were made, or were to be.
    pub fn token_keys(&self) -> Result<Vec<TokenUri>, StateError> {
        let path = self.folder.join(NOTED);
        match durable::read(&path)? {
            Some(bytes) => from_json(&path, &bytes),
            None => Ok(Vec::new()),
        }
    }

    /// Notes a key that is about to be made. Durable on return: only then may it be made.
    pub fn note_token_key(&self, uri: &TokenUri) -> Result<(), StateError> {
        let mut noted = self.token_keys()?;
        noted.push(uri.clone());
        self.store_token_keys(&noted)
    }

    /// Strikes out a key that was destroyed.
    pub fn forget_token_key(&self, uri: &TokenUri) -> Result<(), StateError> {
        let mut noted = self.token_keys()?;
        noted.retain(|known| known != uri);
        self.store_token_keys(&noted)
    }

    fn store_token_keys(&self, noted: &[TokenUri]) -> Result<(), StateError> {
        durable::create_dir(&self.folder)?;
        let path = self.folder.join(NOTED);
        if noted.is_empty() {
            return durable::remove_if_present(&path);
        }
        durable::replace(&path, &to_json(&path, &noted)?)
    }

    /// Keys that were noted and that nothing names any more: left by a writer that was killed, or by a generation that was pruned.
    pub fn unneeded_token_keys(&self) -> Result<Vec<TokenUri>, StateError> {
        let noted = self.token_keys()?;
        if noted.is_empty() {
            return Ok(noted);
        }
        let mut needed = BTreeSet::new();
        let all = self.folder.join("generations");
        // Whatever is there, half-made ones too: it may become one.
        let folders = durable::entries(&all)?.into_iter().map(|name| all.join(name));
        for folder in folders.chain([self.folder.join("pending")]) {
            needed.extend(read_key(&folder)?.map(|key| key.trim().to_owned()));
        }
        Ok(noted.into_iter().filter(|uri| !needed.contains(&uri.to_string())).collect())
    }
}
