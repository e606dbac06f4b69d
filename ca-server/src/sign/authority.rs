//! One issuer, ready to sign: its certificate and chains, its key, the throwaway key of its twins, and where its lists are; with it those that
//! it replaced, which sign revocation lists for as long as their certificates live.
//!
//! Everything is checked when it is loaded: the key belongs to the certificate, the certificate to the root. Trusts the operator's
//! files; never shows a passphrase or a key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use certs::crl::ReadListError;
use certs::issuer::{Issuer, IssuerError};
use certs::key::KeyError;
use certs::pem;
use certs::tbs::TwinKey;
use data_encoding::HEXLOWER;
use rustls_pki_types::CertificateDer;
use tokens::TokenError;

use super::backend::SigningBackend;
use super::keys::key_of;
use super::places::Places;
use super::root_list::{RootList, read_root_list};
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
    /// The private key is in a token, and cannot be used there.
    #[error("{place}: {source}")]
    Token {
        /// What names it: the configuration itself, or a file.
        place: PathBuf,
        /// What is wrong.
        source: TokenError,
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
    /// The root's list is not usable.
    #[error("{path}: {source}")]
    RootList {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: ReadListError,
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

impl AuthorityLoadError {
    /// What to do about a key in a token.
    #[must_use]
    pub fn token_hint(&self) -> Option<&'static str> {
        match self {
            Self::Token { source, .. } => Some(source.hint()),
            Self::Read { .. }
            | Self::Certificate { .. }
            | Self::Key { .. }
            | Self::WrongKey { .. }
            | Self::WrongRoot { .. }
            | Self::RootList { .. }
            | Self::NoProfile(_)
            | Self::DefaultProfile { .. }
            | Self::Url { .. } => None,
        }
    }
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
    places: Places,
    root: CertificateDer<'static>,
    root_list: Option<RootList>,
    chains: Vec<Chain>,
    replaced: Vec<Arc<Authority>>,
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
        let root_place = config.resolve(&section.root);
        let root = root_of(&root_place, &certificate, &issuer)?;
        let root_list = read_root_list(&root_place, &issuer_of(&root_place)?)?;
        let key = key_of(config, (name, section), &config.resolve(&section.key), (&certificate, &issuer))?;
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
        let profiles = section.profiles.clone();
        let present = Self {
            root_list,
            chains,
            profiles,
            default_profile,
            ..Self::of(name, issuer, key, root, (config, links))?
        };
        present.with_replaced(config, section, links)
    }

    /// An issuer that offers nothing to anybody.
    fn of(
        name: &AuthorityName,
        issuer: Issuer,
        key: Arc<dyn SigningBackend>,
        root: CertificateDer<'static>,
        (config, links): (&Config, &Links),
    ) -> Result<Self, AuthorityLoadError> {
        let twin = TwinKey::generate()
            .map_err(|source| AuthorityLoadError::Key { path: PathBuf::from("(twin key)"), source })?;
        let issuer_id = HEXLOWER.encode(issuer.subject_key_identifier());
        let places = Places::new(links, name, &issuer_id, config.revocation.answers_ocsp())
            .map_err(|(text, source)| AuthorityLoadError::Url { text, source })?;
        Ok(Self {
            name: name.clone(),
            chains: vec![Chain::of(&issuer)],
            issuer_id,
            issuer,
            key,
            twin,
            places,
            root,
            root_list: None,
            replaced: Vec::new(),
            profiles: Vec::new(),
            default_profile: String::new(),
        })
    }

    /// Reads the issuers that this one replaced. Another certificate for the present key is one more chain to it.
    fn with_replaced(
        mut self,
        config: &Config,
        section: &AuthorityConfig,
        links: &Links,
    ) -> Result<Self, AuthorityLoadError> {
        let paths = replaced_certificates(&config.resolve(&section.replaced_folder()))?;
        // A certificate without a key is another one for a key that has to be known by then.
        let (keyed, bare): (Vec<_>, Vec<_>) =
            paths.into_iter().partition(|path| path.with_extension("key.pem").exists());
        for path in keyed.into_iter().chain(bare) {
            let issuer = issuer_of(&path)?;
            let chain = Chain::of(&issuer);
            if chain.issuer != self.issuer_id && self.of_replaced(&chain.issuer).is_none() {
                let place = path.with_extension("key.pem");
                let key = key_of(config, (&self.name, section), &place, (&path, &issuer))?;
                self.replaced.push(Arc::new(Self::of(
                    &self.name,
                    issuer,
                    key,
                    self.root.clone(),
                    (config, links),
                )?));
            }
            if !self.chains.iter().any(|known| known.certificates == chain.certificates) {
                self.chains.push(chain);
            }
        }
        Ok(self)
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

    /// The issuers that it replaced.
    #[must_use]
    pub fn replaced(&self) -> &[Arc<Self>] {
        &self.replaced
    }

    fn of_replaced(&self, issuer_id: &str) -> Option<&Arc<Self>> {
        self.replaced.iter().find(|replaced| replaced.issuer_id == issuer_id)
    }

    /// This authority as the issuer with this key identifier: the present one or one that it replaced.
    #[must_use]
    pub fn as_issuer(self: &Arc<Self>, issuer_id: &str) -> Option<Arc<Self>> {
        if self.issuer_id == issuer_id {
            return Some(Arc::clone(self));
        }
        self.of_replaced(issuer_id).cloned()
    }

    /// Its root.
    #[must_use]
    pub fn root(&self) -> &CertificateDer<'static> {
        &self.root
    }

    /// The list of its root, if one was put in place.
    #[must_use]
    pub fn root_list(&self) -> Option<&RootList> {
        self.root_list.as_ref()
    }

    /// Where certificates say that its lists and answers are.
    #[must_use]
    pub fn places(&self) -> &Places {
        &self.places
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

pub(super) fn read(path: &Path) -> Result<String, AuthorityLoadError> {
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

/// The certificates of a folder of replaced issuers, in the order of their names; none if there is no folder.
fn replaced_certificates(folder: &Path) -> Result<Vec<PathBuf>, AuthorityLoadError> {
    let failed = |source| AuthorityLoadError::Read { path: folder.to_owned(), source };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let is_certificate = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".pem") && !name.ends_with(".key.pem")
    };
    let mut paths: Vec<_> = paths.into_iter().filter(is_certificate).collect();
    paths.sort();
    Ok(paths)
}
