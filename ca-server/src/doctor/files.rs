//! Files: who may read secrets, what others could change, and what ends when.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use certs::inspect::inspect_certificate;
use certs::issuer::Issuer;
use certs::pem::parse_certificates;
use time::OffsetDateTime;

use super::{Findings, days_until};
use crate::config::files::{files, token_uri};
use crate::config::{AuthorityConfig, Config, TlsMode};
use crate::ids::AuthorityName;
use crate::request::links::Links;
use crate::sign::{Authority, next_key};

/// Days before its end at which an issuer should have been replaced: longer than the longest certificates usually live.
const ISSUER: i64 = 90;
/// The same for a root.
const ROOT: i64 = 730;
/// The same for a root's revocation list.
const ROOT_LIST: i64 = 30;
/// The same for the server's TLS certificate from a file.
const TLS: i64 = 14;

/// Looks at all of them.
pub(super) fn examine(config: &Config, now: OffsetDateTime, found: &mut Findings) {
    permissions(config, found);
    authorities(config, now, found);
    tls(config, now, found);
    offline(config, found);
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).map(|data| data.permissions().mode() & 0o777).unwrap_or_default()
}

fn permissions(config: &Config, found: &mut Findings) {
    let before = found.0.len();
    let all = files(config);
    for file in &all {
        let (path, mode) = (file.path.display(), mode(&file.path));
        if file.secret && mode & 0o077 != 0 {
            found.wrong(
                "files",
                format!("others may read the secret {path} (mode {mode:o})"),
                format!("chmod 600 {path}"),
            );
        } else if mode & 0o022 != 0 {
            found.wrong(
                "files",
                format!("others may change {path} (mode {mode:o})"),
                format!("chmod go-w {path}"),
            );
        }
    }
    let mut folders = vec![config.folder.clone()];
    folders.extend(config.store.url.strip_prefix("sled:").map(|path| config.resolve(Path::new(path))));
    for folder in folders.iter().filter(|folder| mode(folder) & 0o022 != 0) {
        let path = folder.display();
        found.wrong("files", format!("others may change what is in {path}"), format!("chmod go-w {path}"));
    }
    if found.0.len() == before {
        found.fine("files", format!("{} files, secrets for their owner alone", all.len()));
    }
}

fn authorities(config: &Config, now: OffsetDateTime, found: &mut Findings) {
    for (name, section) in &config.authority {
        // What does not load is told of by the check of the configuration.
        let Ok(authority) = Authority::load(config, name, section, &Links::new(&config.url)) else {
            continue;
        };
        let issuer = authority.issuer();
        let left = days_until(issuer.not_after(), now);
        let what = format!("the issuer of authority {name}, {}, ends in {left} days", issuer.display_name());
        let hint = format!("replace it with `ca-server authority rotate {name}`");
        if left < 0 {
            found.wrong("certificates", what, hint);
        } else if left < ISSUER {
            found.warning("certificates", what, hint);
        } else {
            found.fine("certificates", what);
        }
        if let Ok(root) = Issuer::from_chain(vec![authority.root().clone()]) {
            let left = days_until(root.not_after(), now);
            if left < ROOT {
                let what = format!("the root of authority {name} ends in {left} days");
                found.warning(
                    "certificates",
                    what,
                    "make a new authority in time: relying parties need the new root first",
                );
            }
        }
        if let Some(list) = authority.root_list() {
            let left = days_until(list.said.next_update, now);
            let what = format!("the revocation list of the root of authority {name} ends in {left} days");
            let hint = format!("sign it anew with `ca-server authority root-list {name}`");
            if left < 0 {
                found.wrong("lists", what, hint);
            } else if left < ROOT_LIST {
                found.warning("lists", what, hint);
            } else {
                found.fine("lists", what);
            }
        }
        keys(config, name, section, found);
        let waiting = next_key(&config.resolve(&section.key));
        if waiting.exists() {
            let what =
                format!("a rotation of authority {name} was cut off; the server uses {}", waiting.display());
            found.warning(
                "certificates",
                what,
                format!("mv {} {}", waiting.display(), config.resolve(&section.key).display()),
            );
        }
    }
}

/// What loading an authority has shown of keys in tokens: that they are there, sign, fit their certificates and cannot leave.
fn keys(config: &Config, name: &AuthorityName, section: &AuthorityConfig, found: &mut Findings) {
    let Some(uri) = token_uri(config, &section.key) else { return };
    let what = format!(
        "the issuing key of authority {name} is in its token, signs, fits the certificate and cannot leave: {uri}"
    );
    found.fine("keys", what);
}

fn tls(config: &Config, now: OffsetDateTime, found: &mut Findings) {
    if config.tls.mode == TlsMode::Off {
        return;
    }
    let path = config.resolve(&config.tls.certificate);
    let text = std::fs::read_to_string(&path).ok();
    let chain = text.and_then(|text| parse_certificates(&text).ok());
    let leaf = chain.as_ref().and_then(|chain| inspect_certificate(chain.first()?).ok());
    let Some(leaf) = leaf else {
        if config.tls.mode == TlsMode::Own {
            found.fine("certificates", "the server has not made its TLS certificate yet");
        }
        return;
    };
    let left = days_until(leaf.not_after, now);
    let what = format!("the server's TLS certificate ends in {left} days");
    match config.tls.mode {
        TlsMode::Files if left < TLS => {
            found.wrong("certificates", what, "renew the file that tls.certificate names")
        }
        TlsMode::Own if left < 0 => {
            found.wrong("certificates", what, "look at the server's log: it renews it by itself")
        }
        TlsMode::Own | TlsMode::Files | TlsMode::Off => found.fine("certificates", what),
    }
}

/// Root keys that are still on this machine.
fn offline(config: &Config, found: &mut Findings) {
    for name in config.authority.keys() {
        let key = config.folder.join("offline").join(format!("{name}.root.key.pem"));
        if key.exists() {
            let what =
                format!("the root key of authority {name} is still on this machine, in {}", key.display());
            found.warning(
                "files",
                what,
                format!("move it away: `ca-server authority export-root {name} --to DIR`"),
            );
        }
    }
}
