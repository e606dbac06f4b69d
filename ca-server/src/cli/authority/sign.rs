//! `ca-server authority sign`: on the machine that has the root key and nothing else. Needs no configuration and no network.

use std::path::PathBuf;

use certs::authority::IntermediateRequest;
use certs::issuer::Issuer;
use certs::pem::{Label, encode_chain, parse_many};
use data_encoding::HEXLOWER;
use serde::Serialize;
use time::OffsetDateTime;
use url::Url;

use super::super::draft::DraftFile;
use super::super::{Failure, output};
use super::root_key;
use crate::clock::{Clock as _, SystemClock};

/// Sign such a request, on the machine that has the root key.
#[derive(Debug, clap::Args)]
pub struct Sign {
    /// The root certificate, PEM.
    #[arg(long, value_name = "FILE")]
    root_cert: PathBuf,
    /// The encrypted root key.
    #[arg(long, value_name = "FILE")]
    root_key: PathBuf,
    /// File with its passphrase.
    #[arg(long, value_name = "FILE")]
    root_passphrase_file: PathBuf,
    /// The request, PEM.
    #[arg(long, value_name = "FILE")]
    csr: PathBuf,
    /// Where to write the certificate, PEM.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The digest that `request` printed; another key is refused.
    #[arg(long, value_name = "HEX")]
    key_sha256: Option<String>,
    /// Where the root's revocation list is served, if it has one; the certificate names it.
    #[arg(long, value_name = "URL")]
    list_url: Option<Url>,
    /// How long it is valid; never longer than the root.
    #[arg(long, default_value_t = 10)]
    years: u16,
    /// Print what was signed as JSON.
    #[arg(long)]
    json: bool,
}

/// What was signed.
#[derive(Debug, Serialize)]
struct Signed {
    /// The certificate.
    certificate: PathBuf,
    /// The name in it.
    common_name: String,
    /// SHA-256 of the public key, hexadecimal.
    key_sha256: String,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
}

/// Signs it.
pub(super) fn run(command: &Sign) -> Result<(), Failure> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|source| super::install::failed("read", path, source))
    };
    let unusable = |path: &PathBuf, reason: String| Failure::Unusable { path: path.clone(), reason };
    let root = Issuer::from_pem(&read(&command.root_cert)?)
        .map_err(|error| unusable(&command.root_cert, error.to_string()))?;
    let blocks = parse_many(&read(&command.csr)?, Label::CertificateRequest)
        .map_err(|error| unusable(&command.csr, error.to_string()))?;
    let der = match blocks.as_slice() {
        [der] => der,
        _ => return Err(unusable(&command.csr, "it holds several requests".to_owned())),
    };
    let request =
        IntermediateRequest::parse(der).map_err(|error| unusable(&command.csr, error.to_string()))?;
    let key_sha256 = HEXLOWER.encode(&request.key.spki_sha256());
    if command.key_sha256.as_ref().is_some_and(|expected| !expected.eq_ignore_ascii_case(&key_sha256)) {
        return Err(unusable(&command.csr, format!("its key has the SHA-256 {key_sha256}")));
    }
    let mut draft = DraftFile::open(&command.out)?;
    let root_key = root_key::open(&command.root_key, &command.root_passphrase_file, &root)?;
    let wanted = root_key::Wanted {
        common_name: request.common_name.clone(),
        organization: request.organization.clone(),
        key: &request.key,
        years: command.years,
        list: command.list_url.clone(),
    };
    let certificate = root_key::sign(&wanted, &root, &root_key, SystemClock.now())?;
    let issuer = Issuer::from_chain(vec![certificate.clone()])
        .map_err(|error| unusable(&command.csr, error.to_string()))?;
    draft.write(encode_chain(&[&certificate]).as_bytes())?;
    draft.keep()?;
    let not_after = issuer.not_after();
    let signed =
        Signed { certificate: command.out.clone(), common_name: request.common_name, key_sha256, not_after };
    if command.json {
        output::json(&signed);
        return Ok(());
    }
    output::line(&format!("wrote {}: {}", signed.certificate.display(), signed.common_name));
    output::line(&format!("  key sha256 {}", signed.key_sha256));
    output::line(&format!("  until      {}", output::time(signed.not_after)));
    if command.key_sha256.is_none() {
        output::note("compare the digest with the one that `authority request` printed");
    }
    Ok(())
}
