//! What `serve` loads from the files that a configuration names, loaded here by the same code: what one refuses, the other names.
//!
//! Must not find faults of its own; only the words differ. Nothing that is loaded outlives the check.

use std::path::Path;

use policies::Ruleset;
use time::OffsetDateTime;

use super::super::load::ConfigProblem;
use super::super::{AuthorityConfig, Config, TlsMode};
use crate::challenge::resolver::{StubResolver, StubResolverError};
use crate::ids::AuthorityName;
use crate::request::links::Links;
use crate::respond::problem::causes;
use crate::server::{OwnTlsError, TlsCertificate, TlsError, own_tls};
use crate::sign::root_list_place;
use crate::sign::{Authority, AuthorityLoadError};

type Fault = (&'static str, String, &'static str);

/// The TLS that the server will show.
pub(super) fn tls(config: &Config, ruleset: Option<&Ruleset>, found: &mut Vec<ConfigProblem>) {
    let fault = match config.tls.mode {
        TlsMode::Off => None,
        TlsMode::Files => TlsCertificate::load(config).err().map(|error| tls_fault(config, &error)),
        TlsMode::Own => {
            found.extend(own_tls::names(config).err().map(|error| problem(own_fault(&error))));
            found.extend(own_tls::issuer(config).err().map(|error| problem(own_fault(&error))));
            ruleset.and_then(|ruleset| own_tls::profile(ruleset).err()).map(|error| own_fault(&error))
        }
    };
    found.extend(fault.map(problem));
}

fn problem((key, message, hint): Fault) -> ConfigProblem {
    ConfigProblem::new(key, message, hint)
}

fn own_fault(error: &OwnTlsError) -> Fault {
    let key = match error {
        OwnTlsError::Host(_) => "url",
        OwnTlsError::Profile(_) => "policy/profiles/server.toml",
        OwnTlsError::NoAuthority
        | OwnTlsError::Key(_)
        | OwnTlsError::Issue(_)
        | OwnTlsError::Write { .. } => "tls.authority",
    };
    (key, error.to_string(), error.hint())
}

fn tls_fault(config: &Config, error: &TlsError) -> Fault {
    let hint = "name a PEM file that the server may read";
    let key = match error {
        TlsError::Read { path, .. } if *path == config.resolve(&config.tls.key) => "tls.key",
        TlsError::Read { .. } | TlsError::Empty => "tls.certificate",
        TlsError::Pem { what: "private key", .. } => "tls.key",
        TlsError::Pem { .. } => "tls.certificate",
        TlsError::Pair(_) => {
            return ("tls.key", causes(error), "name the key that the certificate was made for");
        }
        TlsError::Setup(_) => "tls.mode",
    };
    (key, causes(error), hint)
}

/// The resolver with its trust anchors.
pub(super) fn resolver(config: &Config, found: &mut Vec<ConfigProblem>) {
    if let Err(error) = StubResolver::new(&config.dns, &config.folder) {
        found.push(problem(match &error {
            StubResolverError::System(_) => {
                ("dns.resolvers", error.to_string(), "write resolvers = [\"address:port\"]")
            }
            StubResolverError::Dnssec(_) => {
                ("dns.trust_anchors", error.to_string(), "name a file of DNSKEY records, one on a line")
            }
        }));
    }
}

/// Certificate, root, key and chains of an authority.
pub(super) fn authority(
    config: &Config,
    name: &AuthorityName,
    section: &AuthorityConfig,
    now: OffsetDateTime,
) -> Option<Fault> {
    let authority = match Authority::load(config, name, section, &Links::of(config)) {
        Ok(authority) => authority,
        Err(error) => return authority_fault(config, section, &error),
    };
    let issuer = authority.issuer();
    let hint = "name a certificate that is in force; `ca-server init` makes one";
    if issuer.not_after() <= now {
        return Some(("certificate", format!("expired at {}", issuer.not_after()), hint));
    }
    if issuer.not_before() > now {
        return Some(("certificate", format!("is not in force before {}", issuer.not_before()), hint));
    }
    None
}

/// `None` for what is said of the section already.
fn authority_fault(config: &Config, section: &AuthorityConfig, error: &AuthorityLoadError) -> Option<Fault> {
    let message = error.to_string();
    Some(match error {
        AuthorityLoadError::Read { path, .. } => {
            (key_of(config, section, path), message, "name a PEM file that the server may read")
        }
        AuthorityLoadError::Certificate { path, .. } => (
            key_of(config, section, path),
            message,
            "name a PEM file of CA certificates, each signed by the next",
        ),
        AuthorityLoadError::WrongRoot { .. } => {
            ("certificate", message, "`certificate` must be a CA certificate that `root` signed")
        }
        AuthorityLoadError::Key { path, .. } => {
            let hint =
                "give PKCS#8 PEM; for an encrypted key set passphrase_file, or ROLLCALL_PASSPHRASE_<NAME>";
            (if is_replaced(config, section, path) { "replaced" } else { "key" }, message, hint)
        }
        AuthorityLoadError::Token { place, source } => {
            (if is_replaced(config, section, place) { "replaced" } else { "key" }, message, source.hint())
        }
        AuthorityLoadError::WrongKey { key, .. } if is_replaced(config, section, key) => (
            "replaced",
            message,
            "put the key beside it that the certificate was made for, or move both away",
        ),
        AuthorityLoadError::WrongKey { .. } => {
            ("key", message, "name the key that the certificate was made for")
        }
        AuthorityLoadError::RootList { .. } => {
            ("root", message, "sign it anew with `ca-server authority root-list`, or move it away")
        }
        AuthorityLoadError::Url { .. } => ("certificate", message, "look at `url`"),
        AuthorityLoadError::NoProfile(_) | AuthorityLoadError::DefaultProfile { .. } => return None,
    })
}

fn is_replaced(config: &Config, section: &AuthorityConfig, path: &Path) -> bool {
    path.starts_with(config.resolve(&section.replaced_folder()))
}

/// The key of the section that names this file.
fn key_of(config: &Config, section: &AuthorityConfig, path: &Path) -> &'static str {
    let named = |given: &Path| config.resolve(given) == path;
    if named(&section.certificate) {
        "certificate"
    } else if named(&section.key) {
        "key"
    } else if named(&section.root) || named(&root_list_place(&section.root)) {
        "root"
    } else if section.passphrase_file.as_deref().is_some_and(named) {
        "passphrase_file"
    } else if is_replaced(config, section, path) {
        "replaced"
    } else {
        "alternate_chains"
    }
}
