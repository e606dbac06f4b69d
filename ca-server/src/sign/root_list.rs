//! The root's revocation list, which says which issuers below it are revoked. The root's key is elsewhere, so the server gives the list out and never signs it.
//!
//! It lies beside the root's certificate, `external.crl` beside `external.pem`. What is there must be a whole list that the root signed; whether it is still
//! good is for those who read it, and `doctor` tells of its end.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use certs::crl::{ReadList, read_list};
use certs::issuer::Issuer;
use data_encoding::HEXLOWER;

use super::authority::AuthorityLoadError;

/// The list of a root.
#[derive(Clone, Debug)]
pub struct RootList {
    /// The root's key identifier, hexadecimal.
    pub root: String,
    /// The list, DER.
    pub der: Bytes,
    /// What it says.
    pub said: ReadList,
}

/// Where the list of the root lies whose certificate is at `root`.
#[must_use]
pub fn root_list_place(root: &Path) -> PathBuf {
    root.with_extension("crl")
}

/// Reads the list of a root; `None` if there is none.
///
/// # Errors
/// If the file cannot be read or is no list of this root.
pub fn read_root_list(path: &Path, root: &Issuer) -> Result<Option<RootList>, AuthorityLoadError> {
    let place = root_list_place(path);
    let der = match std::fs::read(&place) {
        Ok(der) => Bytes::from(der),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(AuthorityLoadError::Read { path: place, source }),
    };
    let said =
        read_list(&der, root).map_err(|source| AuthorityLoadError::RootList { path: place, source })?;
    Ok(Some(RootList { root: HEXLOWER.encode(root.subject_key_identifier()), der, said }))
}
