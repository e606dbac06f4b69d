//! The root key, where it is at hand: decrypted for one signature and wiped.
//!
//! Must never be written anywhere. Whoever has it and its passphrase is the authority.

use std::path::{Path, PathBuf};

use certs::authority::{AuthorityRequest, AuthorityUrls, intermediate};
use certs::issuer::Issuer;
use certs::key::{PublicKey, SigningKey};
use certs::leaf::Validity;
use certs::serial::Serial;
use rustls_pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};
use url::Url;

use super::super::{Failure, passphrase};
use crate::ids::random_bytes;

/// What the new certificate says.
pub(super) struct Wanted<'a> {
    pub(super) common_name: String,
    pub(super) organization: Option<String>,
    pub(super) key: &'a PublicKey,
    pub(super) years: u16,
    /// Where the root's revocation list is, if it has one.
    pub(super) list: Option<Url>,
}

/// Opens the root key.
pub(super) fn open(key: &Path, passphrase_file: &Path, root: &Issuer) -> Result<SigningKey, Failure> {
    let secret = passphrase::read_passphrase(passphrase_file)?;
    let text = std::fs::read_to_string(key).map(zeroize::Zeroizing::new).map_err(|source| Failure::File {
        action: "read",
        path: key.to_owned(),
        source,
    })?;
    let opened = SigningKey::load(&text, Some(&secret))
        .map_err(|error| Failure::RootKey { path: key.to_owned(), reason: error.to_string() })?;
    if opened.public() != root.public_key() {
        let reason = "it is not the key of the root certificate".to_owned();
        return Err(Failure::RootKey { path: key.to_owned(), reason });
    }
    Ok(opened)
}

/// Where `init` puts the root keys and their passphrase.
pub(super) fn offline(folder: &Path, name: &crate::ids::AuthorityName) -> (PathBuf, PathBuf) {
    let offline = folder.join("offline");
    (offline.join(format!("{name}.root.key.pem")), offline.join("passphrase"))
}

/// Signs an intermediate, which ends with the root at the latest.
pub(super) fn sign(
    wanted: &Wanted<'_>,
    root: &Issuer,
    root_key: &SigningKey,
    now: OffsetDateTime,
) -> Result<CertificateDer<'static>, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Making {
        what: format!("a certificate for {}", wanted.common_name),
        reason: error.to_string(),
    };
    let days = 365 * i64::from(wanted.years) + i64::from(wanted.years) / 4;
    let request = AuthorityRequest {
        common_name: wanted.common_name.clone(),
        organization: wanted.organization.clone(),
        serial: Serial::new(now, random_bytes().map_err(|error| failed(&error))?),
        validity: Validity {
            not_before: now.saturating_sub(Duration::minutes(5)).max(root.not_before()),
            not_after: now.saturating_add(Duration::days(days)).min(root.not_after()),
        },
    };
    let urls = AuthorityUrls { crl: wanted.list.clone(), ca_issuers: None };
    intermediate(&request, &urls, wanted.key, root, root_key).map_err(|error| failed(&error))
}
