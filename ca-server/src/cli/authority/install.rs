//! Puts a new issuer in the place of the present one, so that a crash at any moment leaves a server that starts.
//!
//! In this order, each step on disk before the next: the present certificate and key are copied into the folder of replaced issuers; the new
//! key is written beside the present one; the new certificate takes the place of the present one, which is the moment it counts; the new
//! key takes its place too. A key that does not fit its certificate is looked for beside it (`sign::next_key`). Must never lose an old key:
//! it signs revocation lists until its last certificate has ended.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::Path;

use certs::authority::fit;
use certs::issuer::Issuer;
use certs::key::EncryptionEntropy;
use certs::pem;
use data_encoding::HEXLOWER;
use rustls_pki_types::CertificateDer;
use serde::Serialize;
use time::OffsetDateTime;

use super::super::key_store::{self, KeyStore};
use super::super::{ConfigFile, Failure, output, serve};
use super::Found;
use crate::admin::client::AdminError;
use crate::admin::views::ReloadView;
use crate::config::files::token_uri;
use crate::ids::random_bytes;
use crate::sign::{IssuerKey, next_key, passphrase, read_key_of};

/// What was put in place.
#[derive(Debug, Serialize)]
pub(super) struct Installed {
    /// The authority.
    authority: String,
    /// The new issuer's name.
    issuer: String,
    /// Its key identifier, hexadecimal.
    issuer_id: String,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
    /// Key identifier of the issuer before, which goes on signing its revocation list.
    replaced: String,
    /// Whether a running server took it; else the next start does.
    running: bool,
}

/// A new issuing key: in the store that is wanted, else where the present one is.
pub(super) fn new_key(found: &Found, wanted: Option<&KeyStore>) -> Result<IssuerKey, Failure> {
    let place = found.key_file()?;
    let present =
        || token_uri(&found.config, &place).map_or(KeyStore::File, |uri| KeyStore::Token(uri.store()));
    let store = wanted.cloned().unwrap_or_else(present);
    key_store::new_key(&store, &found.name)
}

/// What takes the place of the present certificate: a key of its own, or the present one.
pub(super) fn present_key(found: &Found) -> Result<IssuerKey, Failure> {
    Ok(read_key_of(&found.config, (&found.name, &found.section), found.authority.issuer())?)
}

/// A key as the authority's own are written: encrypted if they are; of one in a token, its name.
pub(super) fn key_text(found: &Found, key: &IssuerKey) -> Result<zeroize::Zeroizing<String>, Failure> {
    let key = match key {
        IssuerKey::File(key) => key,
        IssuerKey::Token(key) => return Ok(key_store::uri_text(key.uri())),
    };
    let failed = |error: &dyn std::fmt::Display| Failure::Making {
        what: "the file of an issuing key".to_owned(),
        reason: error.to_string(),
    };
    match passphrase(&found.config, (&found.name, &found.section))? {
        None => key.to_pem().map_err(|error| failed(&error)),
        Some(secret) => {
            let entropy = EncryptionEntropy::new(random_bytes().map_err(|error| failed(&error))?);
            key.to_encrypted_pem(&secret, entropy).map_err(|error| failed(&error))
        }
    }
}

/// Whether the certificate may take the place of the present one: what has to hold before anything changes.
pub(super) fn fits(
    found: &Found,
    (certificate, key): (&CertificateDer<'static>, &IssuerKey),
    now: OffsetDateTime,
) -> Result<Issuer, Failure> {
    let issuer = fit(certificate, &found.root, key.public(), now)
        .map_err(|fault| Failure::Unfit { fault, root: found.root.display_name().to_owned() })?;
    let is_new = key.public() != found.authority.issuer().public_key();
    if is_new && found.names().contains(issuer.display_name()) {
        return Err(Failure::NameTaken(issuer.display_name().to_owned()));
    }
    Ok(issuer)
}

/// Checks the certificate and puts it and its key in place; a running server takes them at once.
pub(super) fn install(
    file: &ConfigFile,
    found: &Found,
    (certificate, key): (&CertificateDer<'static>, &IssuerKey),
    now: OffsetDateTime,
) -> Result<Installed, Failure> {
    let issuer = fits(found, (certificate, key), now)?;
    let present = &found.authority;
    if key.public() == present.issuer().public_key() {
        renew(found, certificate, &issuer)?;
    } else {
        replace(found, certificate, key)?;
    }
    Ok(Installed {
        authority: found.name.to_string(),
        issuer: issuer.display_name().to_owned(),
        issuer_id: HEXLOWER.encode(issuer.subject_key_identifier()),
        not_after: issuer.not_after(),
        replaced: present.issuer_id().to_owned(),
        running: taken(file)?,
    })
}

/// A new certificate for the present key: the one before is kept as another chain above the same leaves.
fn renew(found: &Found, certificate: &CertificateDer<'static>, issuer: &Issuer) -> Result<(), Failure> {
    let present = found.authority.issuer();
    if issuer.subject_der() != present.subject_der() {
        return Err(Failure::OtherName(present.display_name().to_owned()));
    }
    let place = found.config.resolve(&found.section.certificate);
    let folder = found.config.resolve(&found.section.replaced_folder());
    make_folder(&folder)?;
    let until = present.not_after().unix_timestamp();
    let copy = folder.join(format!("{}-until-{until}.pem", found.authority.issuer_id()));
    put(&copy, &std::fs::read(&place).map_err(|source| failed("read", &place, source))?, 0o644)?;
    put(&place, pem::encode_chain(&[certificate]).as_bytes(), 0o644)
}

/// Another issuer in the place of the present one.
fn replace(found: &Found, certificate: &CertificateDer<'static>, key: &IssuerKey) -> Result<(), Failure> {
    let present = &found.authority;
    let (place, key_place) = (found.config.resolve(&found.section.certificate), found.key_file()?);
    let folder = found.config.resolve(&found.section.replaced_folder());
    make_folder(&folder)?;
    let copy = folder.join(present.issuer_id());
    let as_it_is = std::fs::read(&place).map_err(|source| failed("read", &place, source))?;
    let present_key = present_key(found)?;
    put(&copy.with_extension("key.pem"), key_text(found, &present_key)?.as_bytes(), 0o600)?;
    put(&copy.with_extension("pem"), &as_it_is, 0o644)?;
    put(&next_key(&key_place), key_text(found, key)?.as_bytes(), 0o600)?;
    put(&place, pem::encode_chain(&[certificate]).as_bytes(), 0o644)?;
    std::fs::rename(next_key(&key_place), &key_place)
        .map_err(|source| failed("write", &key_place, source))?;
    sync_parent(&key_place)
}

/// Has a running server read the files again; false if none runs.
pub(super) fn taken(file: &ConfigFile) -> Result<bool, Failure> {
    let asked = serve::ask(file, async |client| client.post("/authorities/reload", &()).await);
    match asked {
        Ok::<ReloadView, _>(_) => Ok(true),
        Err(Failure::Admin(AdminError::NotRunning { .. })) => Ok(false),
        Err(error) => Err(Failure::NotTaken { reason: error.to_string() }),
    }
}

/// Says what was done and what comes next.
pub(super) fn tell(installed: &Installed, json: bool) {
    if json {
        return output::json(installed);
    }
    let Installed { authority, issuer, issuer_id, not_after, replaced, running } = installed;
    output::line(&format!("authority {authority} issues under {issuer}, until {}", output::time(*not_after)));
    output::line(&format!("  issuer {issuer_id} replaces {replaced}"));
    output::note(match running {
        true => "the running server took it at once",
        false => "no server runs; the next start takes it",
    });
    output::note(
        "certificates of the old issuer stay valid, and it goes on signing their revocation list; its files are in the folder `replaced`",
    );
    output::note("make a backup with --with-keys now: the one before has not this key");
}

pub(super) fn failed(action: &'static str, path: &Path, source: std::io::Error) -> Failure {
    Failure::File { action, path: path.to_owned(), source }
}

fn make_folder(folder: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| failed("make", folder, source))?;
    owned_as_parent(folder).map_err(|source| failed("make", folder, source))?;
    sync_parent(folder)
}

/// Writes a file whole: beside its place, synced, then renamed over what is there.
pub(super) fn put(path: &Path, content: &[u8], mode: u32) -> Result<(), Failure> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".draft");
    let draft = path.with_file_name(name);
    let written = || {
        let _ = std::fs::remove_file(&draft);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft)?;
        file.write_all(content)?;
        file.sync_all()?;
        owned_as_parent(&draft)?;
        std::fs::rename(&draft, path)
    };
    let kept = written();
    if kept.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    kept.map_err(|source| failed("write", path, source))?;
    sync_parent(path)
}

/// Whoever runs the command, the files are for whom the folder belongs to.
fn owned_as_parent(path: &Path) -> std::io::Result<()> {
    let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else { return Ok(()) };
    let (wanted, is) = (std::fs::metadata(parent)?, std::fs::metadata(path)?);
    if (wanted.uid(), wanted.gid()) == (is.uid(), is.gid()) || !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    chown(path, Some(wanted.uid()), Some(wanted.gid()))
}

fn sync_parent(path: &Path) -> Result<(), Failure> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent).and_then(|folder| folder.sync_all()).map_err(|source| failed("sync", parent, source))
}
