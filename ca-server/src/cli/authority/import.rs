//! `ca-server authority import`: the last step of a rotation whose root key is on a machine of its own.
//!
//! The certificate comes from a medium that went through several hands: everything about it is checked before anything changes.

use std::path::PathBuf;

use certs::pem::parse_certificates;

use super::super::{ConfigFile, Failure};
use super::request::waiting_key;
use super::{Found, install};
use crate::clock::{Clock as _, SystemClock};
use crate::ids::AuthorityName;
use crate::sign::read_key;

/// Check the certificate that came back, and issue under it from now on.
#[derive(Debug, clap::Args)]
pub struct Import {
    /// The authority.
    name: AuthorityName,
    /// The certificate, PEM.
    certificate: PathBuf,
    /// The file.
    #[command(flatten)]
    file: ConfigFile,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

/// Checks it and puts it in place.
pub(super) fn run(command: &Import) -> Result<(), Failure> {
    let found = Found::read(&command.file, &command.name)?;
    let waiting = waiting_key(&found)?;
    if !waiting.exists() {
        return Err(Failure::NoRequest { path: waiting, authority: found.name });
    }
    let key = read_key(&found.config, (&found.name, &found.section), &waiting)?;
    let text = std::fs::read_to_string(&command.certificate)
        .map_err(|source| install::failed("read", &command.certificate, source))?;
    let unusable = |reason: String| Failure::Unusable { path: command.certificate.clone(), reason };
    let certificates = parse_certificates(&text).map_err(|error| unusable(error.to_string()))?;
    // The root may come along; what counts is the one that is known here.
    let certificate = certificates.first().ok_or_else(|| unusable("it is empty".to_owned()))?;
    let installed = install::install(&command.file, &found, (certificate, &key), SystemClock.now())?;
    // It stands in its place now.
    let _ = std::fs::remove_file(&waiting);
    install::tell(&installed, command.json);
    Ok(())
}
