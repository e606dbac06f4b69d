//! `ca-server authority root-list`, `sign-list` and `import-list`: the list on which a root says which of its issuers are revoked.
//!
//! Numbers are times, so that they grow also where the list before is not at hand. An issuer that still issues is not revoked by mistake. Nothing is put in
//! place that the root did not sign, nor an older list over a newer one, nor one that takes a revocation back.

use std::path::{Path, PathBuf};

use certs::ari::CertId;
use certs::crl::{CrlRequest, ReadList, RevocationReason, Revoked, assemble_crl, crl_tbs, read_list};
use certs::issuer::Issuer;
use certs::key::SigningKey;
use certs::pem::{Label, encode, parse_certificates, parse_many};
use certs::serial::Serial;
use certs::tbs::TwinKey;
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::super::draft::DraftFile;
use super::super::revoke::reason;
use super::super::{ConfigFile, Failure, output};
use super::{Found, install, root_key};
use crate::clock::{Clock as _, SystemClock};
use crate::ids::AuthorityName;
use crate::request::links::Links;
use crate::sign::{read_root_list, root_list_place};

/// Sign the root's revocation list anew, where the root key is at hand.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example, after the issuer 9b03… was replaced because its key was stolen:
  ca-server authority root-list external --config ca/ca.toml --revoke 9b03… --reason caCompromise \\
    --root-key /mnt/usb/external.root.key.pem --root-passphrase-file /mnt/safe/passphrase

The list lies beside the root certificate and is served as `/crl/<root's key identifier>.crl`.
It must be signed again before it ends; what is on it stays. Where the root key is on a machine
without network: `sign-list` there, `import-list` here.")]
pub struct RootList {
    /// The authority.
    name: AuthorityName,
    /// The file.
    #[command(flatten)]
    file: ConfigFile,
    /// Put every certificate of this replaced issuer onto it, named by its key identifier; may be given more than once.
    #[arg(long, value_name = "HEX")]
    revoke: Vec<String>,
    /// How.
    #[command(flatten)]
    terms: Terms,
    /// The encrypted root key. Default: offline/NAME.root.key.pem, where `init` put it.
    #[arg(long, value_name = "FILE")]
    root_key: Option<PathBuf>,
    /// File with its passphrase. Default: offline/passphrase.
    #[arg(long, value_name = "FILE")]
    root_passphrase_file: Option<PathBuf>,
    /// Print what was signed as JSON.
    #[arg(long)]
    json: bool,
}

/// Sign the root's revocation list, on the machine that has the root key.
#[derive(Debug, clap::Args)]
pub struct SignList {
    /// The root certificate, PEM.
    #[arg(long, value_name = "FILE")]
    root_cert: PathBuf,
    /// The encrypted root key.
    #[arg(long, value_name = "FILE")]
    root_key: PathBuf,
    /// File with its passphrase.
    #[arg(long, value_name = "FILE")]
    root_passphrase_file: PathBuf,
    /// The list before, whose entries stay.
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
    /// The certificate of an issuer that is to stand on it, PEM; may be given more than once.
    #[arg(long, value_name = "FILE")]
    revoke_cert: Vec<PathBuf>,
    /// How.
    #[command(flatten)]
    terms: Terms,
    /// Where to write the list, PEM.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print what was signed as JSON.
    #[arg(long)]
    json: bool,
}

/// Check a root's revocation list that was signed elsewhere, and serve it from now on.
#[derive(Debug, clap::Args)]
pub struct ImportList {
    /// The authority.
    name: AuthorityName,
    /// The list, PEM or DER.
    list: PathBuf,
    /// The file.
    #[command(flatten)]
    file: ConfigFile,
    /// Print what it says as JSON.
    #[arg(long)]
    json: bool,
}

/// What a new list says beside serials.
#[derive(Debug, clap::Args)]
struct Terms {
    /// Why, as RFC 5280 names it.
    #[arg(long, default_value = "caCompromise", value_parser = reason)]
    reason: u8,
    /// For how many days the list is good; never longer than the root.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..))]
    days: u16,
}

/// A list, for people and programs.
#[derive(Debug, Serialize)]
struct Told {
    /// Where it is.
    list: PathBuf,
    /// Its number.
    number: u64,
    /// How many issuing certificates are on it.
    revoked: usize,
    /// Until when it is good.
    #[serde(with = "time::serde::rfc3339")]
    next_update: OffsetDateTime,
    /// Where relying parties find it.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Whether a running server took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    running: Option<bool>,
}

/// Signs it and puts it in place.
pub(super) fn run(command: &RootList) -> Result<(), Failure> {
    let found = Found::read(&command.file, &command.name)?;
    let (key, passphrase) = root_key::offline(&found.config.folder, &found.name);
    let key = command.root_key.clone().unwrap_or(key);
    let passphrase = command.root_passphrase_file.clone().unwrap_or(passphrase);
    if !key.exists() {
        return Err(Failure::NoRootKey { path: key, authority: found.name });
    }
    let mut serials = Vec::new();
    for id in &command.revoke {
        serials.extend(serials_of(&found, id)?);
    }
    let root_key = root_key::open(&key, &passphrase, &found.root)?;
    let before = before(&found)?;
    let der = sign(&found.root, &root_key, before, &serials, &command.terms)?;
    place(&command.file, &found, &der, command.json)
}

/// Signs it into a file.
pub(super) fn run_sign(command: &SignList) -> Result<(), Failure> {
    let text = std::fs::read_to_string(&command.root_cert)
        .map_err(|source| install::failed("read", &command.root_cert, source))?;
    let root = Issuer::from_pem(&text).map_err(|error| unusable(&command.root_cert, &error))?;
    let before = command.list.as_deref().map(|path| Ok::<_, Failure>(read(path, &root)?.1)).transpose()?;
    let serials =
        command.revoke_cert.iter().map(|path| serial_in(path, &root)).collect::<Result<Vec<_>, _>>()?;
    let mut draft = DraftFile::open(&command.out)?;
    let root_key = root_key::open(&command.root_key, &command.root_passphrase_file, &root)?;
    let der = sign(&root, &root_key, before, &serials, &command.terms)?;
    let said = read_list(&der, &root).map_err(|error| unusable(&command.out, &error))?;
    draft.write(encode(Label::Crl, &der).as_bytes())?;
    draft.keep()?;
    tell(&told(&command.out, &said), command.json);
    Ok(())
}

/// Checks it and puts it in place.
pub(super) fn run_import(command: &ImportList) -> Result<(), Failure> {
    let found = Found::read(&command.file, &command.name)?;
    let (der, said) = read(&command.list, &found.root)?;
    if said.next_update <= SystemClock.now() {
        return Err(unusable(
            &command.list,
            &format!("it was good until {} only", output::time(said.next_update)),
        ));
    }
    let before = before(&found)?;
    if let Some(before) = before.as_ref().filter(|before| before.number >= said.number) {
        let reason = format!("its number is {}, and the list in place has {}", said.number, before.number);
        return Err(unusable(&command.list, &reason));
    }
    if let Some(lost) = before.and_then(|before| lost(&before, &said)) {
        let place = root_list_place(&found.config.resolve(&found.section.root));
        return Err(Failure::Unrevoked { path: command.list.clone(), lost, place });
    }
    place(&command.file, &found, &der, command.json)
}

/// The serials that one list has and the next has not: whoever is revoked stays so.
fn lost(before: &ReadList, next: &ReadList) -> Option<String> {
    let has = |serial: &Serial| next.entries.iter().flatten().any(|entry| entry.serial == *serial);
    let gone = before.entries.iter().flatten().filter(|entry| !has(&entry.serial));
    let mut gone: Vec<_> = gone.map(|entry| entry.serial.to_string()).collect();
    // Those with serials of somebody else's can only be counted.
    let foreign = |list: &ReadList| list.entries.iter().filter(|entry| entry.is_none()).count();
    if foreign(next) < foreign(before) {
        gone.push(format!("{} of somebody else's serials", foreign(before) - foreign(next)));
    }
    (!gone.is_empty()).then(|| gone.join(", "))
}

fn unusable(path: &Path, reason: &dyn std::fmt::Display) -> Failure {
    Failure::Unusable { path: path.to_owned(), reason: reason.to_string() }
}

/// The list that lies in its place.
fn before(found: &Found) -> Result<Option<ReadList>, Failure> {
    let list = read_root_list(&found.config.resolve(&found.section.root), &found.root)?;
    Ok(list.map(|list| list.said))
}

/// Every certificate that the root made for a replaced issuer.
fn serials_of(found: &Found, id: &str) -> Result<Vec<Serial>, Failure> {
    if id == found.authority.issuer_id() {
        return Err(Failure::StillIssues { id: id.to_owned(), authority: found.name.clone() });
    }
    let mut serials = Vec::new();
    for chain in found.authority.chains_of(id) {
        let issuer = chain.certificates.first().cloned();
        let whole = issuer.into_iter().chain([found.authority.root().clone()]).collect();
        // One below another root is for that root to revoke.
        serials.extend(Issuer::from_chain(whole).ok().and_then(|issuer| serial(&issuer)));
    }
    if serials.is_empty() {
        let known = found.authority.replaced().iter().map(|one| one.issuer_id().to_owned());
        let known = known.collect::<Vec<_>>().join(", ");
        return Err(Failure::NoIssuer { id: id.to_owned(), authority: found.name.clone(), known });
    }
    Ok(serials)
}

/// The serial of an issuer's certificate in a file, which the root must have signed.
fn serial_in(path: &Path, root: &Issuer) -> Result<Serial, Failure> {
    let text = std::fs::read_to_string(path).map_err(|source| install::failed("read", path, source))?;
    let certificates = parse_certificates(&text).map_err(|error| unusable(path, &error))?;
    let above = root.certificate().cloned();
    let whole = certificates.into_iter().take(1).chain(above).collect();
    let issuer = Issuer::from_chain(whole).map_err(|error| unusable(path, &error))?;
    serial(&issuer).ok_or_else(|| unusable(path, &"its serial is none of ours"))
}

fn serial(issuer: &Issuer) -> Option<Serial> {
    CertId::from_certificate(issuer.certificate()?).ok()?.serial()
}

/// A list in a file, PEM or DER, and what it says.
fn read(path: &Path, root: &Issuer) -> Result<(Vec<u8>, ReadList), Failure> {
    let octets = std::fs::read(path).map_err(|source| install::failed("read", path, source))?;
    let der = match std::str::from_utf8(&octets) {
        Ok(text) if text.contains("-----BEGIN") => {
            let blocks = parse_many(text, Label::Crl).map_err(|error| unusable(path, &error))?;
            blocks.into_iter().next().unwrap_or_default()
        }
        Ok(_) | Err(_) => octets,
    };
    let said = read_list(&der, root).map_err(|error| unusable(path, &error))?;
    Ok((der, said))
}

fn sign(
    root: &Issuer,
    root_key: &SigningKey,
    before: Option<ReadList>,
    serials: &[Serial],
    terms: &Terms,
) -> Result<Vec<u8>, Failure> {
    let failed = |reason: String| Failure::Making { what: "the root's revocation list".to_owned(), reason };
    let now = SystemClock.now();
    let (last, entries) = before.map_or((0, Vec::new()), |before| (before.number, before.entries));
    let kept: Option<Vec<Revoked>> = entries.into_iter().collect();
    let mut revoked =
        kept.ok_or_else(|| failed("the list before has serials of somebody else's".to_owned()))?;
    let reason =
        RevocationReason::from_code(terms.reason.into()).map_err(|error| failed(error.to_string()))?;
    for serial in serials {
        if !revoked.iter().any(|known| known.serial == *serial) {
            revoked.push(Revoked { serial: *serial, at: now, reason });
        }
    }
    let request = CrlRequest {
        number: u64::try_from(now.unix_timestamp()).unwrap_or_default().max(last.saturating_add(1)),
        this_update: now,
        next_update: now.saturating_add(Duration::days(terms.days.into())).min(root.not_after()),
        revoked: &revoked,
        distribution_points: &[],
    };
    let twin = TwinKey::generate().map_err(|error| failed(error.to_string()))?;
    let tbs = crl_tbs(&request, root, &twin).map_err(|error| failed(error.to_string()))?;
    let signature = root_key.sign(tbs.der()).map_err(|error| failed(error.to_string()))?;
    let list = assemble_crl(tbs.der(), &signature, root.public_key());
    Ok(list.map_err(|error| failed(error.to_string()))?.as_ref().to_vec())
}

/// Puts it beside the root's certificate; a running server serves it at once.
fn place(file: &ConfigFile, found: &Found, der: &[u8], json: bool) -> Result<(), Failure> {
    let place = root_list_place(&found.config.resolve(&found.section.root));
    let said = read_list(der, &found.root).map_err(|error| unusable(&place, &error))?;
    install::put(&place, der, 0o644)?;
    let running = install::taken(file)?;
    let id = data_encoding::HEXLOWER.encode(found.root.subject_key_identifier());
    let url = Some(Links::of(&found.config).crl(&id));
    tell(&Told { url, running: Some(running), ..told(&place, &said) }, json);
    Ok(())
}

fn told(list: &Path, said: &ReadList) -> Told {
    let (number, revoked, next_update) = (said.number, said.entries.len(), said.next_update);
    Told { list: list.to_owned(), number, revoked, next_update, url: None, running: None }
}

fn tell(told: &Told, json: bool) {
    if json {
        return output::json(told);
    }
    let certificates = if told.revoked == 1 { "certificate" } else { "certificates" };
    output::line(&format!("wrote {}: {} {certificates} revoked", told.list.display(), told.revoked));
    output::line(&format!("  number {}, good until {}", told.number, output::time(told.next_update)));
    if let Some(url) = &told.url {
        output::line(&format!("  served as {url}"));
    }
    match told.running {
        Some(true) => output::note("the running server took it at once"),
        Some(false) => output::note("no server runs; the next start takes it"),
        None => output::note("carry it to the server: ca-server authority import-list NAME FILE"),
    }
}
