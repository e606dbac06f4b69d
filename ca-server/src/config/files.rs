//! Every file that a configuration names, and whether it is a secret: what a backup takes along, and what `doctor` looks at.
//!
//! Only names; what is in them is read by whoever uses them. Files that the server makes by itself, such as its own TLS key, are not among
//! them.

use std::path::{Path, PathBuf};

use tokens::TokenUri;

use super::identity::IdentityProviderConfig;
use super::{Config, TlsMode};
use crate::sign::root_list_place;

/// A file that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Whether only the server may read it.
    pub secret: bool,
}

/// The files, each once, without those that are not there. `config` itself is not among them.
#[must_use]
pub fn files(config: &Config) -> Vec<NamedFile> {
    let mut found = Found { config, files: Vec::new() };
    found.below(&config.policy.folder, &["profiles", "rules"]);
    for section in config.authority.values() {
        found.plain([&section.certificate, &section.root].into_iter().chain(&section.alternate_chains));
        found.plain([&root_list_place(&section.root)]);
        found.secret([&section.key].into_iter().chain(&section.passphrase_file));
        found.pins(&section.key);
        found.replaced(&section.replaced_folder());
    }
    if config.tls.mode == TlsMode::Files {
        found.plain([&config.tls.certificate]);
        found.secret([&config.tls.key]);
    }
    found.plain(&config.dns.trust_anchors);
    for provider in &config.identity_provider {
        found.provider(provider);
    }
    for issuer in &config.token_issuer {
        found.plain(issuer.keys_file.iter().chain(&issuer.roots));
    }
    found.plain(&config.traces.trace_roots);
    found.secret(&config.traces.headers_file);
    for webhook in &config.notifications.webhook {
        found.secret([&webhook.secret_file]);
        found.plain(&webhook.roots);
    }
    let mut files = found.files;
    files.retain(|file| file.path.is_file());
    files.sort();
    files.dedup_by(|later, first| later.path == first.path);
    files
}

struct Found<'a> {
    config: &'a Config,
    files: Vec<NamedFile>,
}

impl Found<'_> {
    fn add(&mut self, path: &Path, secret: bool) {
        self.files.push(NamedFile { path: self.config.resolve(path), secret });
    }

    fn plain<'a>(&mut self, paths: impl IntoIterator<Item = &'a PathBuf>) {
        paths.into_iter().for_each(|path| self.add(path, false));
    }

    fn secret<'a>(&mut self, paths: impl IntoIterator<Item = &'a PathBuf>) {
        paths.into_iter().for_each(|path| self.add(path, true));
    }

    fn provider(&mut self, provider: &IdentityProviderConfig) {
        if let Some(saml) = &provider.saml {
            // An address is no file, and is left out as one that is not there.
            self.add(Path::new(&saml.metadata), false);
            self.plain(&saml.decryption_certificate);
            self.secret(&saml.decryption_key);
        }
        if let Some(oidc) = &provider.oidc {
            self.plain(&oidc.roots);
            self.secret(&oidc.client_secret_file);
        }
    }

    /// Every file in these folders of `folder`.
    fn below(&mut self, folder: &Path, names: &[&str]) {
        for name in names {
            for path in listed(&self.config.resolve(&folder.join(name))) {
                self.add(&path, false);
            }
        }
    }

    /// The issuers that were replaced: certificates, and keys beside them.
    fn replaced(&mut self, folder: &Path) {
        for path in listed(&self.config.resolve(folder)) {
            let is_key = path.to_string_lossy().ends_with(".key.pem");
            self.add(&path, is_key);
            if is_key {
                self.pins(&path);
            }
        }
    }

    /// The PIN of the token that a key is in, if it is in one.
    fn pins(&mut self, key: &Path) {
        if let Some(pin) = token_uri(self.config, key).as_ref().and_then(TokenUri::pin_source) {
            self.add(pin, true);
        }
    }
}

/// The name of a key in a token, if that is what stands at `key`, or `key` itself is one.
#[must_use]
pub fn token_uri(config: &Config, key: &Path) -> Option<TokenUri> {
    let named = key.to_string_lossy();
    if TokenUri::is_meant(&named) {
        return named.parse().ok();
    }
    let text = zeroize::Zeroizing::new(std::fs::read_to_string(config.resolve(key)).ok()?);
    text.parse().ok()
}

fn listed(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect()
}
