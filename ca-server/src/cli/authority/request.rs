//! `ca-server authority request` and `ceremony`: the first step of a rotation whose root key is on a machine of its own.
//!
//! The new key is made here and stays here; only a request with its public half is carried away.

use std::path::{Path, PathBuf};

use certs::pem::{Label, encode};
use data_encoding::HEXLOWER;
use serde::Serialize;

use super::super::draft::DraftFile;
use super::super::key_store::{KeyStore, Unkept};
use super::super::{ConfigFile, Failure, output};
use super::{Found, install};
use crate::ids::AuthorityName;
use crate::sign::{IssuerKey, read_key};

/// Make a new issuing key and the request that is carried to the root key.
#[derive(Debug, clap::Args)]
pub struct Request {
    /// The authority.
    name: AuthorityName,
    /// The file.
    #[command(flatten)]
    file: ConfigFile,
    /// Where to write the request, PEM.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where to make the new key: `file`, or the `pkcs11:` URI of a token. Default: where the present one is.
    #[arg(long, value_name = "STORE")]
    key_store: Option<KeyStore>,
    /// The new issuer's name. Default: the present one's with the next number.
    #[arg(long, value_name = "NAME")]
    common_name: Option<String>,
    /// Print what was made as JSON.
    #[arg(long)]
    json: bool,
}

/// What was made.
#[derive(Debug, Serialize)]
struct Made {
    /// The request.
    request: PathBuf,
    /// The name in it.
    common_name: String,
    /// The file with the key, or with the name of the key in a token.
    key_file: PathBuf,
    /// The `pkcs11:` URI of the key, if it is in a token.
    key_uri: Option<String>,
    /// SHA-256 of the public key, hexadecimal: compared on the machine with the root key.
    key_sha256: String,
}

/// Where the key waits for its certificate.
pub(super) fn waiting_key(found: &Found) -> Result<PathBuf, Failure> {
    let key = found.key_file()?;
    let mut name = key.file_name().unwrap_or_default().to_owned();
    name.push(".requested");
    Ok(key.with_file_name(name))
}

/// A key that waits already is used only if it is where the new one was wanted.
fn is_where_wanted(key: &IssuerKey, wanted: Option<&KeyStore>, waiting: &Path) -> Result<(), Failure> {
    let same = match (wanted, key.uri()) {
        (None, _) | (Some(KeyStore::File), None) => true,
        (Some(KeyStore::Token(store)), Some(uri)) => store.store() == uri.store(),
        (Some(_), _) => false,
    };
    if same { Ok(()) } else { Err(Failure::WaitsElsewhere { file: waiting.to_owned() }) }
}

/// Makes key and request; a key that waits already is used again.
pub(super) fn run(command: &Request) -> Result<(), Failure> {
    let found = Found::read(&command.file, &command.name)?;
    let waiting = waiting_key(&found)?;
    let mut draft = DraftFile::open(&command.out)?;
    let key = match waiting.exists() {
        true => {
            let key = read_key(&found.config, (&found.name, &found.section), &waiting)?;
            is_where_wanted(&key, command.key_store.as_ref(), &waiting)?;
            key
        }
        false => {
            let key = install::new_key(&found, command.key_store.as_ref())?;
            let mut made = Unkept::none();
            made.add(&key);
            let put = install::put(&waiting, install::key_text(&found, &key)?.as_bytes(), 0o600);
            // Once the file is there it names the key, whatever failed afterwards.
            if waiting.exists() {
                made.keep();
            }
            put?;
            key
        }
    };
    let common_name = command.common_name.clone().unwrap_or_else(|| found.next_name());
    let organization = found.authority.issuer().organization();
    let der = key.request(&common_name, organization.as_deref()).map_err(|error| Failure::Making {
        what: format!("a request for {common_name}"),
        reason: error.to_string(),
    })?;
    draft.write(encode(Label::CertificateRequest, &der).as_bytes())?;
    draft.keep()?;
    let key_sha256 = HEXLOWER.encode(&key.public().spki_sha256());
    let key_uri = key.uri().map(ToString::to_string);
    let made = Made { request: command.out.clone(), common_name, key_file: waiting, key_uri, key_sha256 };
    if command.json {
        output::json(&made);
        return Ok(());
    }
    output::line(&format!("wrote {} for {}", made.request.display(), made.common_name));
    match &made.key_uri {
        Some(uri) => output::line(&format!("  key {uri}, named in {}", made.key_file.display())),
        None => output::line(&format!("  key {}", made.key_file.display())),
    }
    output::line(&format!("  key sha256 {}", made.key_sha256));
    output::note("carry it to the machine with the root key, sign it there, and import the certificate:");
    steps(&found, &made.request.display().to_string(), &made.key_sha256);
    Ok(())
}

fn steps(found: &Found, request: &str, digest: &str) {
    let name = &found.name;
    output::note(&format!(
        "  ca-server authority sign --root-cert {name}.pem --root-key {name}.root.key.pem --root-passphrase-file FILE \\\n    \
         --csr {request} --key-sha256 {digest} --out issuing.pem{}",
        list_url(found)
    ));
    output::note(&format!(
        "  ca-server authority import {name} issuing.pem --config {}",
        found.config.folder.join("ca.toml").display()
    ));
}

/// Prints the steps.
pub(super) fn ceremony(name: &AuthorityName, file: &ConfigFile) -> Result<(), Failure> {
    let found = Found::read(file, name)?;
    let (issuer, root) = (found.authority.issuer(), &found.root);
    output::line(&format!(
        "authority {name}: {} until {}",
        issuer.display_name(),
        output::time(issuer.not_after())
    ));
    output::line(&format!("root: {} until {}", root.display_name(), output::time(root.not_after())));
    output::line("");
    output::line("1. Here: make a key, which stays here, and a request. Note the digest that is printed.");
    output::line(&format!(
        "     ca-server authority request {name} --config {} --out {name}.csr.pem",
        file.config.display()
    ));
    output::line(
        "2. Two people carry the request to the machine with the root key, which has no network, and compare the digest.",
    );
    output::line(&format!(
        "     ca-server authority sign --root-cert {name}.pem --root-key {name}.root.key.pem --root-passphrase-file FILE \\"
    ));
    output::line(&format!(
        "       --csr {name}.csr.pem --key-sha256 DIGEST --out {name}.issuing.pem{}",
        list_url(&found)
    ));
    output::line("3. Here again: everything is checked, and a running server switches at once.");
    output::line(&format!(
        "     ca-server authority import {name} {name}.issuing.pem --config {}",
        file.config.display()
    ));
    output::line("4. Make a backup with --with-keys.");
    Ok(())
}

/// Where new issuers say that the root's list is, if it has one.
fn list_url(found: &Found) -> String {
    found.root_list_url().map_or_else(String::new, |url| format!(" --list-url {url}"))
}
