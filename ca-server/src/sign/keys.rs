//! Where an issuer's private key lies: in a file, or in a token that a `pkcs11:` URI names. The URI stands in the configuration in the place of
//! the file's name, or in the file in the place of the key, so that a rotation can replace either kind by either.
//!
//! A key that does not fit its certificate is looked for beside it, where a rotation that was cut off left it. Trusts the operator's files;
//! never shows a passphrase, a PIN or a key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use certs::authority::{AuthorityError, create_request};
use certs::issuer::Issuer;
use certs::key::{PublicKey, Secret, Signer, SigningKey};
use tokens::{TokenKey, TokenUri};
use zeroize::Zeroizing;

use super::authority::{AuthorityLoadError, read};
use super::backend::{FileKey, SigningBackend, TokenBackend};
use crate::config::{AuthorityConfig, Config};
use crate::ids::AuthorityName;

/// An issuer's private key, ready to be used.
#[derive(Clone, Debug)]
pub enum IssuerKey {
    /// Read from a file.
    File(Arc<SigningKey>),
    /// In a token, which it does not leave.
    Token(Arc<TokenKey>),
}

impl IssuerKey {
    /// The public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        match self {
            Self::File(key) => key.public(),
            Self::Token(key) => key.public(),
        }
    }

    /// Its name, if it is in a token.
    #[must_use]
    pub fn uri(&self) -> Option<&TokenUri> {
        match self {
            Self::File(_) => None,
            Self::Token(key) => Some(key.uri()),
        }
    }

    /// A request for an intermediate, signed by it.
    ///
    /// # Errors
    /// If the name does not fit, or the key does not sign.
    pub fn request(&self, common_name: &str, organization: Option<&str>) -> Result<Vec<u8>, AuthorityError> {
        let key: &dyn Signer = match self {
            Self::File(key) => &**key,
            Self::Token(key) => &**key,
        };
        create_request(common_name, organization, key)
    }

    fn backend(self, place: &Path) -> Arc<dyn SigningBackend> {
        match self {
            Self::File(key) => Arc::new(FileKey::new(key, place.display().to_string())),
            Self::Token(key) => Arc::new(TokenBackend::new(key)),
        }
    }
}

/// Where the key of a certificate lies that is about to take the place of another, until it does.
#[must_use]
pub fn next_key(key: &Path) -> PathBuf {
    let mut name = key.file_name().unwrap_or_default().to_owned();
    name.push(".next");
    key.with_file_name(name)
}

/// The key at `path`, if it is that of the certificate; else the one that was to take its place when a rotation was cut off.
pub(super) fn key_of(
    config: &Config,
    owner: (&AuthorityName, &AuthorityConfig),
    path: &Path,
    (certificate, issuer): (&Path, &Issuer),
) -> Result<Arc<dyn SigningBackend>, AuthorityLoadError> {
    match found_key(config, owner, path, issuer)? {
        Some((key, place)) => Ok(key.backend(&place)),
        None => {
            Err(AuthorityLoadError::WrongKey { key: path.to_owned(), certificate: certificate.to_owned() })
        }
    }
}

fn found_key(
    config: &Config,
    owner: (&AuthorityName, &AuthorityConfig),
    path: &Path,
    issuer: &Issuer,
) -> Result<Option<(IssuerKey, PathBuf)>, AuthorityLoadError> {
    for place in [path.to_owned(), next_key(path)] {
        if place != path && !place.exists() {
            break;
        }
        let key = read_key(config, owner, &place)?;
        if key.public() == issuer.public_key() {
            return Ok(Some((key, place)));
        }
    }
    Ok(None)
}

/// The key of an authority's present issuer, to be kept when it is replaced.
///
/// # Errors
/// If a file cannot be read or the key not opened, or it is another one's.
pub fn read_key_of(
    config: &Config,
    owner: (&AuthorityName, &AuthorityConfig),
    issuer: &Issuer,
) -> Result<IssuerKey, AuthorityLoadError> {
    let (key, certificate) = (config.resolve(&owner.1.key), config.resolve(&owner.1.certificate));
    let found = found_key(config, owner, &key, issuer)?.map(|(key, _)| key);
    found.ok_or(AuthorityLoadError::WrongKey { key, certificate })
}

/// Reads a private key with the passphrase of its authority, or opens it in its token.
///
/// # Errors
/// If a file cannot be read, or the key not opened.
pub fn read_key(
    config: &Config,
    (name, section): (&AuthorityName, &AuthorityConfig),
    path: &Path,
) -> Result<IssuerKey, AuthorityLoadError> {
    let named = path.to_string_lossy();
    if TokenUri::is_meant(&named) {
        // Errors go to logs, and the URI may be one that holds a PIN.
        return in_token(&named, Path::new("the URI in the configuration"));
    }
    let text = Zeroizing::new(read(path)?);
    if TokenUri::is_meant(&text) {
        return in_token(&text, path);
    }
    let passphrase = passphrase(config, (name, section))?;
    let key = SigningKey::load(&text, passphrase.as_ref())
        .map_err(|source| AuthorityLoadError::Key { path: path.to_owned(), source })?;
    Ok(IssuerKey::File(Arc::new(key)))
}

fn in_token(uri: &str, place: &Path) -> Result<IssuerKey, AuthorityLoadError> {
    let opened = uri.parse::<TokenUri>().map_err(Into::into).and_then(|uri| TokenKey::open(&uri));
    opened
        .map(|key| IssuerKey::Token(Arc::new(key)))
        .map_err(|source| AuthorityLoadError::Token { place: place.to_owned(), source })
}

/// The passphrase of an authority's keys, if there is one.
///
/// # Errors
/// If its file cannot be read.
pub fn passphrase(
    config: &Config,
    (name, section): (&AuthorityName, &AuthorityConfig),
) -> Result<Option<Secret>, AuthorityLoadError> {
    Ok(match &section.passphrase_file {
        Some(file) => Some(Secret::from_file_text(read(&config.resolve(file))?)),
        None => std::env::var(passphrase_variable(name)).ok().map(Secret::new),
    })
}

/// The variable that holds the passphrase of an authority's key: `ROLLCALL_PASSPHRASE_EXTERNAL`.
#[must_use]
pub fn passphrase_variable(name: &AuthorityName) -> String {
    format!("ROLLCALL_PASSPHRASE_{}", name.as_str().to_ascii_uppercase().replace('-', "_"))
}
