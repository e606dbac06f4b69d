//! Where a command makes new issuing keys: in files, or in a token, out of which they never come.
//!
//! A key that is made in a token and then not used is destroyed again. A store's name never holds a PIN, and is not shown where it does.

use certs::key::{KeyKind, SigningKey};
use data_encoding::HEXLOWER;
pub(super) use tokens::KeyStore;
use tokens::TokenUri;
use zeroize::Zeroizing;

use super::{Failure, output};
use crate::ids::{AuthorityName, random_bytes};
use crate::sign::IssuerKey;

/// Makes a P-256 key for an issuer of this authority.
pub(super) fn new_key(store: &KeyStore, authority: &AuthorityName) -> Result<IssuerKey, Failure> {
    let failed = |reason: String| Failure::Making {
        what: format!("the issuing key of authority {authority}"),
        reason,
    };
    match store {
        KeyStore::File => {
            let key = SigningKey::generate(KeyKind::P256).map_err(|error| failed(error.to_string()))?;
            Ok(IssuerKey::File(key.into()))
        }
        KeyStore::Token(store) => {
            let id: [u8; 16] = random_bytes().map_err(|error| failed(error.to_string()))?;
            let begins: String = HEXLOWER.encode(&id).chars().take(8).collect();
            let label = format!("rollcall {authority} {begins}");
            let key = tokens::generate(store, &label, &id).inspect_err(|_| {
                // It may have been made and refused afterwards.
                destroy(&store.store().key(&label, &id));
            })?;
            Ok(IssuerKey::Token(key.into()))
        }
        KeyStore::Unusable(error) => Err(Failure::Token(error.clone().into())),
    }
}

/// The content of a key's file that names a key in a token.
pub(super) fn uri_text(uri: &TokenUri) -> Zeroizing<String> {
    Zeroizing::new(format!("{uri}\n"))
}

fn destroy(uri: &TokenUri) {
    if let Err(error) = tokens::destroy(uri) {
        output::note(&format!("the key {uri}, if it was made, is left in the token, unused: {error}"));
    }
}

/// A key that was made and shall be destroyed if what it was made for fails.
pub(super) struct Unkept(Vec<IssuerKey>);

impl Unkept {
    /// None yet.
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    /// One more.
    pub(super) fn add(&mut self, key: &IssuerKey) {
        self.0.push(key.clone());
    }

    /// They are in use now.
    pub(super) fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Unkept {
    fn drop(&mut self) {
        self.0.iter().filter_map(IssuerKey::uri).for_each(destroy);
    }
}
