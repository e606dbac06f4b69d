//! With `[tls] mode = "own"`: the server's TLS certificate, issued by its own authority through the same gate as every other, and renewed in time.
//!
//! The key is made anew each time and kept beside the certificate. A pair that does not fit, as a crash between two writes leaves it, is made again.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use certs::identifier::{Identifier, IdentifierKind};
use certs::inspect::inspect_certificate;
use certs::key::{KeyError, KeyKind, PublicKey, SigningKey};
use certs::leaf::{ExtendedKeyUsage, LeafProfile, PolicyRule};
use certs::name::{DnsName, NameError};
use certs::pem;
use policies::Ruleset;
use time::OffsetDateTime;

use crate::app::App;
use crate::config::Config;
use crate::ids::AuthorityName;
use crate::sign::{Authority, OwnError, issue_own};

/// The profile it is issued under.
const PROFILE: &str = "server";

/// Why the server has no TLS certificate of its own.
#[derive(Debug, thiserror::Error)]
pub enum OwnTlsError {
    /// The host of `url` cannot stand in a certificate.
    #[error("the host of `url` cannot stand in our own TLS certificate: {0}")]
    Host(#[from] NameError),
    /// There is no authority to issue it.
    #[error("there is no authority to issue our own TLS certificate: none is reached over ACME")]
    NoAuthority,
    /// The profile `server` is not fit for it.
    #[error("our own TLS certificate has no profile: {0}")]
    Profile(&'static str),
    /// The key cannot be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It was not issued.
    #[error("our own TLS certificate was not issued")]
    Issue(#[from] OwnError),
    /// It cannot be kept.
    #[error("cannot write {path}")]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl OwnTlsError {
    /// What the operator can do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Host(_) => {
                "use a host name in `url`, or [tls] mode = \"files\" with a certificate of your own"
            }
            Self::NoAuthority => "name the one that issues it in [tls] authority",
            Self::Profile(_) => "put back policy/profiles/server.toml as `ca-server init` writes it",
            Self::Key(_) | Self::Issue(_) | Self::Write { .. } => {
                "look at the [authority.…] that issues it and at the folder of [tls] certificate"
            }
        }
    }
}

/// Issues the certificate if there is none, it does not fit, or it is due.
/// Says whether it did.
///
/// # Errors
/// [`OwnTlsError`]; what was there before stays.
pub(super) async fn ensure(app: &App) -> Result<bool, OwnTlsError> {
    let config = &app.config;
    let names = names(config)?;
    let now = app.clock.now();
    let authority = app.authorities.find(issuer(config)?).ok_or(OwnTlsError::NoAuthority)?;
    if serves(config, &authority, &names, now) {
        return Ok(false);
    }
    let profile = profile(&app.policy.current())?;
    let key = SigningKey::generate(KeyKind::P256)?;
    let issued = issue_own(&app.store, &authority, profile, names, (key.public().clone(), now)).await?;
    write(&config.resolve(&config.tls.key), &key.to_pem()?, 0o600)?;
    write(&config.resolve(&config.tls.certificate), &issued.chain_pem, 0o644)?;
    tracing::info!(not_after = %issued.not_after, "issued our own TLS certificate");
    Ok(true)
}

/// The host of `url`, and this machine's own.
pub(crate) fn names(config: &Config) -> Result<Vec<DnsName>, OwnTlsError> {
    let host = config.url.host_str().unwrap_or_default();
    let mut names = vec![DnsName::parse_allowing_single_label(host)?];
    // The administrator's own `curl` on the machine itself.
    names.extend(DnsName::parse_allowing_single_label("localhost"));
    names.sort();
    names.dedup();
    Ok(names)
}

/// The authority that issues it: the one named, else the first that clients reach over ACME.
pub(crate) fn issuer(config: &Config) -> Result<&AuthorityName, OwnTlsError> {
    let reached = || config.authority.iter().find(|(_, section)| section.acme).map(|(name, _)| name);
    config.tls.authority.as_ref().or_else(reached).ok_or(OwnTlsError::NoAuthority)
}

/// The profile `server`. The certificate names no proof, whatever the file says: the server proves nothing to itself.
pub(crate) fn profile(ruleset: &Ruleset) -> Result<LeafProfile, OwnTlsError> {
    let found =
        ruleset.profiles.named(PROFILE).ok_or(OwnTlsError::Profile("there is no profile `server`"))?;
    if !found.extended_key_usages.contains(&ExtendedKeyUsage::ServerAuth) {
        return Err(OwnTlsError::Profile("the profile `server` has no extended key usage `server-auth`"));
    }
    if !found.identifiers.contains(&IdentifierKind::Dns) {
        return Err(OwnTlsError::Profile("the profile `server` is not for `dns` identifiers"));
    }
    Ok(LeafProfile { policy: PolicyRule::None, ..found.clone() })
}

/// Whether what is there can be used, is for these names, is of this issuer, and has a third of its life before it.
fn serves(config: &Config, authority: &Authority, names: &[DnsName], now: OffsetDateTime) -> bool {
    let read = |path: &Path| fs::read_to_string(config.resolve(path)).ok();
    let (Some(chain), Some(key)) = (read(&config.tls.certificate), read(&config.tls.key)) else {
        return false;
    };
    let Ok(chain) = pem::parse_certificates(&chain) else { return false };
    let Some(der) = chain.first() else { return false };
    let (Ok(leaf), Ok(certified)) = (inspect_certificate(der), PublicKey::of_certificate(der)) else {
        return false;
    };
    let Ok(key) = SigningKey::load(&key, None) else { return false };
    let third = (leaf.not_after - leaf.not_before) / 3;
    names.iter().all(|name| leaf.names.contains(&Identifier::from(name.clone()).to_string()))
        && leaf.authority_key_identifier.as_deref() == Some(authority.issuer_id())
        && certified == *key.public()
        && leaf.not_before <= now
        && now + third < leaf.not_after
}

/// Writes a file whole: beside its place, synced, then renamed.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), OwnTlsError> {
    let written = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let draft = path.with_extension("new");
        let _ = fs::remove_file(&draft);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    written().map_err(|source| OwnTlsError::Write { path: path.to_owned(), source })
}
