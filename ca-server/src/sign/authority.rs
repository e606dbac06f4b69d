//! One issuer, ready to sign: its certificate and chains, its key, the throwaway key of its twins, and where its lists are.
//!
//! Everything is checked when it is loaded: the key belongs to the certificate, the certificate to the root. Trusts the operator's
//! files; never shows a passphrase or a key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use certs::issuer::{Issuer, IssuerError};
use certs::key::{KeyError, Secret, SigningKey};
use certs::leaf::LeafUrls;
use certs::pem;
use certs::tbs::TwinKey;
use data_encoding::HEXLOWER;
use rustls_pki_types::CertificateDer;
use url::Url;

use super::backend::{FileKey, SigningBackend};
use crate::config::{AuthorityConfig, Config};
use crate::ids::AuthorityName;
use crate::request::links::Links;

/// Why an authority cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityLoadError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A certificate file is not usable.
    #[error("{path}: {source}")]
    Certificate {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: IssuerError,
    },
    /// The private key cannot be opened.
    #[error("{path}: {source}")]
    Key {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: KeyError,
    },
    /// The key is another certificate's.
    #[error("{key} is not the key of {certificate}")]
    WrongKey {
        /// The key file.
        key: PathBuf,
        /// The certificate file.
        certificate: PathBuf,
    },
    /// The root did not sign the certificate.
    #[error("{certificate} is not signed by {root}: {source}")]
    WrongRoot {
        /// The certificate file.
        certificate: PathBuf,
        /// The root file.
        root: PathBuf,
        /// What the chain lacks.
        source: IssuerError,
    },
    /// No profile at all.
    #[error("authority {0} offers no profile")]
    NoProfile(AuthorityName),
    /// The default is none of the profiles.
    #[error("default_profile {default:?} of authority {authority} is not among its profiles")]
    DefaultProfile {
        /// The authority.
        authority: AuthorityName,
        /// What was given.
        default: String,
    },
    /// A URL that certificates must carry cannot be made.
    #[error("cannot make the URL {text}: {source}")]
    Url {
        /// What was to be one.
        text: String,
        /// Why it is none.
        source: url::ParseError,
    },
}

/// The certificates above a leaf, as they are handed out.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Key identifier of the issuing certificate, hexadecimal.
    pub issuer: String,
    /// The certificates above the leaf.
    pub certificates: Vec<CertificateDer<'static>>,
    /// The same as PEM.
    pub pem: String,
}

impl Chain {
    fn of(issuer: &Issuer) -> Self {
        let certificates = issuer.chain().to_vec();
        Self {
            issuer: HEXLOWER.encode(issuer.subject_key_identifier()),
            pem: pem::encode_chain(&certificates),
            certificates,
        }
    }
}

/// One issuer, ready to sign.
pub struct Authority {
    name: AuthorityName,
    issuer: Issuer,
    issuer_id: String,
    key: Arc<dyn SigningBackend>,
    twin: TwinKey,
    urls: LeafUrls,
    root: CertificateDer<'static>,
    chains: Vec<Chain>,
    profiles: Vec<String>,
    default_profile: String,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("name", &self.name)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// Reads and checks the files that `[authority.<name>]` names.
    ///
    /// # Errors
    /// The first file that is missing, broken or does not fit the others.
    pub fn load(
        config: &Config,
        name: &AuthorityName,
        section: &AuthorityConfig,
        links: &Links,
    ) -> Result<Self, AuthorityLoadError> {
        let certificate = config.resolve(&section.certificate);
        let issuer = issuer_of(&certificate)?;
        let root = root_of(&config.resolve(&section.root), &certificate, &issuer)?;
        let key = key_of(config, name, section)?;
        if key.public_key() != issuer.public_key() {
            return Err(AuthorityLoadError::WrongKey { key: config.resolve(&section.key), certificate });
        }
        let mut chains = vec![Chain::of(&issuer)];
        for path in &section.alternate_chains {
            chains.push(Chain::of(&issuer_of(&config.resolve(path))?));
        }
        let first = match section.profiles.first() {
            None if section.acme => return Err(AuthorityLoadError::NoProfile(name.clone())),
            first => first.cloned().unwrap_or_default(),
        };
        let default_profile = section.default_profile.clone().unwrap_or(first);
        if section.acme && !section.profiles.contains(&default_profile) {
            return Err(AuthorityLoadError::DefaultProfile {
                authority: name.clone(),
                default: default_profile,
            });
        }
        let twin = TwinKey::generate()
            .map_err(|source| AuthorityLoadError::Key { path: PathBuf::from("(twin key)"), source })?;
        Ok(Self {
            name: name.clone(),
            issuer_id: HEXLOWER.encode(issuer.subject_key_identifier()),
            issuer,
            key: Arc::new(key),
            twin,
            urls: LeafUrls { crl: url(&links.crl(name))?, ca_issuers: url(&links.issuer(name))?, ocsp: None },
            root,
            chains,
            profiles: section.profiles.clone(),
            default_profile,
        })
    }

    /// The same authority with its key elsewhere: a hardware token, or a test's broken one.
    #[must_use]
    pub fn with_backend(self, key: Arc<dyn SigningBackend>) -> Self {
        Self { key, ..self }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &AuthorityName {
        &self.name
    }

    /// Its issuing certificate.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Key identifier of the issuing certificate, hexadecimal, as certificate records name it.
    #[must_use]
    pub fn issuer_id(&self) -> &str {
        &self.issuer_id
    }

    /// Its root.
    #[must_use]
    pub fn root(&self) -> &CertificateDer<'static> {
        &self.root
    }

    /// Where certificates say that its lists are.
    #[must_use]
    pub fn urls(&self) -> &LeafUrls {
        &self.urls
    }

    /// The chains to hand out with certificates of the issuer with this key identifier, the default one first.
    pub fn chains_of(&self, issuer_id: &str) -> impl Iterator<Item = &Chain> {
        self.chains.iter().filter(move |chain| chain.issuer == issuer_id)
    }

    /// Every chain, the default one first.
    #[must_use]
    pub fn chains(&self) -> &[Chain] {
        &self.chains
    }

    /// Profiles that clients may choose.
    #[must_use]
    pub fn profiles(&self) -> &[String] {
        &self.profiles
    }

    /// The profile of an order that names none.
    #[must_use]
    pub fn default_profile(&self) -> &str {
        &self.default_profile
    }

    pub(super) fn key(&self) -> &dyn SigningBackend {
        &*self.key
    }

    pub(super) fn twin(&self) -> &TwinKey {
        &self.twin
    }
}

/// All authorities of the server; cheap to clone.
#[derive(Clone, Debug)]
pub struct Authorities(Arc<BTreeMap<AuthorityName, Arc<Authority>>>);

impl Authorities {
    /// Loads every `[authority.<name>]`.
    ///
    /// # Errors
    /// The first that cannot be used.
    pub fn load(config: &Config, links: &Links) -> Result<Self, AuthorityLoadError> {
        let load = |(name, section)| {
            Ok((Clone::clone(name), Arc::new(Authority::load(config, name, section, links)?)))
        };
        config
            .authority
            .iter()
            .map(load)
            .collect::<Result<BTreeMap<_, _>, _>>()
            .map(|all| Self(Arc::new(all)))
    }

    /// These authorities.
    #[must_use]
    pub fn new(all: impl IntoIterator<Item = Authority>) -> Self {
        Self(Arc::new(all.into_iter().map(|one| (one.name.clone(), Arc::new(one))).collect()))
    }

    /// The authority of this name.
    #[must_use]
    pub fn find(&self, name: &AuthorityName) -> Option<&Arc<Authority>> {
        self.0.get(name)
    }

    /// The authority of this name, if the text is one.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Arc<Authority>> {
        name.parse().ok().and_then(|name| self.0.get(&name))
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Authority>> {
        self.0.values()
    }
}

fn read(path: &Path) -> Result<String, AuthorityLoadError> {
    std::fs::read_to_string(path).map_err(|source| AuthorityLoadError::Read { path: path.to_owned(), source })
}

fn issuer_of(path: &Path) -> Result<Issuer, AuthorityLoadError> {
    Issuer::from_pem(&read(path)?)
        .map_err(|source| AuthorityLoadError::Certificate { path: path.to_owned(), source })
}

fn root_of(
    path: &Path,
    certificate: &Path,
    issuer: &Issuer,
) -> Result<CertificateDer<'static>, AuthorityLoadError> {
    let faulty = |source| AuthorityLoadError::Certificate { path: path.to_owned(), source };
    let root = issuer_of(path)?.certificate().cloned().ok_or_else(|| faulty(IssuerError::Empty))?;
    let mut whole = issuer.chain().to_vec();
    if whole.last() != Some(&root) {
        whole.push(root.clone());
    }
    Issuer::from_chain(whole).map_err(|source| AuthorityLoadError::WrongRoot {
        certificate: certificate.to_owned(),
        root: path.to_owned(),
        source,
    })?;
    Ok(root)
}

fn key_of(
    config: &Config,
    name: &AuthorityName,
    section: &AuthorityConfig,
) -> Result<FileKey, AuthorityLoadError> {
    let path = config.resolve(&section.key);
    let passphrase = match &section.passphrase_file {
        Some(file) => Some(Secret::from_file_text(read(&config.resolve(file))?)),
        None => std::env::var(passphrase_variable(name)).ok().map(Secret::new),
    };
    let text = zeroize::Zeroizing::new(read(&path)?);
    let key = SigningKey::load(&text, passphrase.as_ref())
        .map_err(|source| AuthorityLoadError::Key { path: path.clone(), source })?;
    Ok(FileKey::new(key, path.display().to_string()))
}

/// The variable that holds the passphrase of an authority's key: `ROLLCALL_PASSPHRASE_EXTERNAL`.
#[must_use]
pub fn passphrase_variable(name: &AuthorityName) -> String {
    format!("ROLLCALL_PASSPHRASE_{}", name.as_str().to_ascii_uppercase().replace('-', "_"))
}

fn url(text: &str) -> Result<Url, AuthorityLoadError> {
    Url::parse(text).map_err(|source| AuthorityLoadError::Url { text: text.to_owned(), source })
}
