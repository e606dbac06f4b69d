//! `verify`: who a chain is of, which authority says so, and where a host sees them.
//!
//! Trusts the roots that are named on the command line and nothing else: neither those of this machine nor those that were stored at enrolment. What is
//! no chain at all, or cannot be read, gets a verdict like any other, so that one bad file among many hides nobody. Changes nothing and asks no server.

use std::{
    fmt::Write as _,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use certs::{
    chain::{RevocationList, TrustError, TrustSets},
    pem::{Label, PemError, parse_blocks, parse_certificates, parse_many},
    verdict::{CertInfo, Lobby, State, Verdict, lobby, verdict},
};
use rustls_pki_types::CertificateDer;
use serde::Serialize;

use super::{CliError, Ending, Session, VerifyArguments, output::moment};
use crate::clock::{Clock as _, SystemClock};

/// No file is read further than this. A revocation list of a large authority may have a million entries.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Why nothing can be judged.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A file of roots cannot be used.
    #[error("{}: {source}", path.display())]
    Trust {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: TrustError,
    },
    /// A revocation list cannot be used.
    #[error("{}: {source}", path.display())]
    RevocationList {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: TrustError,
    },
    /// A revocation list is PEM, but of something else.
    #[error("{}: {source}", path.display())]
    RevocationListPem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PemError,
    },
    /// A file is larger than anything that belongs there.
    #[error("{} is larger than {} MiB", .0.display(), LARGEST / 1024 / 1024)]
    TooLarge(PathBuf),
}

impl VerifyError {
    /// What to do about it, where that is plain.
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Trust { source: TrustError::TwoSets { .. }, .. } => {
                Some("decide what the authority is trusted for, and name its root once")
            }
            Self::Trust { .. } => {
                Some("give root certificates in PEM, such as those that `ca-server init` wrote to roots/")
            }
            Self::RevocationList { .. } | Self::RevocationListPem { .. } => {
                Some("give a list as the certificates' distribution point serves it, DER or PEM")
            }
            Self::TooLarge(_) => None,
        }
    }
}

#[derive(Debug, Serialize)]
struct View {
    /// `verified` if nobody is unverified.
    result: &'static str,
    chains: Vec<Judged>,
}

#[derive(Debug, Serialize)]
struct Judged {
    file: String,
    #[serde(flatten)]
    verdict: Verdict,
    explanation: Option<String>,
    lobby: Lobby,
}

/// Judges.
pub(super) fn verify(session: &Session, arguments: &VerifyArguments) -> Result<Ending, CliError> {
    let trust = trust(arguments)?;
    let lists = arguments.crl.iter().map(|path| revocation_lists(path)).collect::<Result<Vec<_>, _>>()?;
    let lists: Vec<RevocationList> = lists.into_iter().flatten().collect();
    let now = arguments.at.unwrap_or_else(|| SystemClock.now());
    let mut chains = Vec::with_capacity(arguments.files.len());
    for path in &arguments.files {
        let (certificates, unread) = match read(path) {
            Ok(bytes) => (chain(&bytes), None),
            // Among others, what cannot be read is no chain.
            Err(error) if arguments.files.len() == 1 => return Err(error),
            Err(error) => (vec![CertificateDer::from(Vec::new())], Some(error.to_string())),
        };
        let verdict = verdict(&certificates, &trust, arguments.name.as_ref(), &lists, now);
        let explanation = unread.or_else(|| verdict.reason.map(|reason| reason.explain().to_owned()));
        let lobby = lobby(&verdict, &arguments.organisation);
        chains.push(Judged { file: path.display().to_string(), verdict, explanation, lobby });
    }
    let unverified = chains.iter().any(|judged| judged.verdict.state == State::Unverified);
    let view = View { result: if unverified { "unverified" } else { "verified" }, chains };
    session.output.result(&view, || text(&view))?;
    if trust.is_empty() {
        tracing::warn!("nobody is trusted, so nobody is verified; name roots with `--trust SET=FILE`");
    }
    Ok(if unverified { Ending::Unverified } else { Ending::Done })
}

fn trust(arguments: &VerifyArguments) -> Result<TrustSets, CliError> {
    let mut trust = TrustSets::new();
    for argument in &arguments.trust {
        let path = || argument.file.clone();
        let text = String::from_utf8_lossy(&read(&argument.file)?).into_owned();
        trust
            .insert_pem(argument.set.clone(), &text)
            .map_err(|source| VerifyError::Trust { path: path(), source })?;
    }
    Ok(trust)
}

fn revocation_lists(path: &Path) -> Result<Vec<RevocationList>, CliError> {
    let bytes = read(path)?;
    let ders = match pem(&bytes) {
        Some(text) => parse_many(text, Label::Crl)
            .map_err(|source| VerifyError::RevocationListPem { path: path.to_owned(), source })?,
        None => vec![bytes],
    };
    let list = |der: &Vec<u8>| {
        RevocationList::from_der(der)
            .map_err(|source| VerifyError::RevocationList { path: path.to_owned(), source }.into())
    };
    ders.iter().map(list).collect()
}

/// The certificates of a file. What is not a chain becomes one that nobody can read.
fn chain(bytes: &[u8]) -> Vec<CertificateDer<'static>> {
    match pem(bytes) {
        None if bytes.is_empty() => Vec::new(),
        None => vec![CertificateDer::from(bytes.to_vec())],
        Some(text) => parse_certificates(text)
            .or_else(|fault| certificates_beside_a_key(text).ok_or(fault))
            .unwrap_or_else(|_| vec![CertificateDer::from(Vec::new())]),
    }
}

/// A chain in one file with its private key, as some programs want it. The key is not looked into.
fn certificates_beside_a_key(text: &str) -> Option<Vec<CertificateDer<'static>>> {
    let mut chain = Vec::new();
    for (label, der) in parse_blocks(text).ok()? {
        match label.as_str() {
            "CERTIFICATE" => chain.push(CertificateDer::from(der)),
            "PRIVATE KEY" | "EC PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" => {}
            _ => return None,
        }
    }
    (!chain.is_empty()).then_some(chain)
}

fn pem(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| text.contains("-----BEGIN "))
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes)
    } else {
        fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
    };
    match read {
        Err(source) => Err(CliError::File { path: path.to_owned(), source }),
        Ok(length) if length as u64 > LARGEST => Err(VerifyError::TooLarge(path.to_owned()).into()),
        Ok(_) => Ok(bytes),
    }
}

fn text(view: &View) -> String {
    let blocks: Vec<String> = view.chains.iter().map(block).collect();
    blocks.join("\n")
}

fn block(judged: &Judged) -> String {
    let mut text = format!("{}\n  {}\n", judged.file, judged.verdict);
    let mut line = |label: &str, value: &str| {
        if !value.is_empty() {
            // Writing to a string does not fail.
            let _ = writeln!(text, "  {label:<14}{value}");
        }
    };
    line("because", judged.explanation.as_deref().unwrap_or_default());
    line("lobby", judged.lobby.as_str());
    if let Some(info) = &judged.verdict.info {
        line("kind", info.kind.as_str());
        for name in &judged.verdict.who {
            line("for", &name.to_string());
        }
        line("authority", &authority(info));
        line("policy", &info.policies.join(", "));
        line("valid", &format!("{} to {}", moment(info.not_before), moment(info.not_after)));
        line("serial", &info.serial);
        line("SHA-256", &info.sha256);
    }
    text
}

fn authority(info: &CertInfo) -> String {
    match (&info.authority, &info.trust_set) {
        (Some(authority), Some(set)) => format!("{authority} (trusted as {set})"),
        (_, _) => format!("none that is trusted; the certificate says {}", info.issuer),
    }
}
