//! Where a SAML provider's metadata comes from: a file, or an https address with the document's hash in the configuration.
//!
//! Nothing is taken from an address that does not have a configured hash. The last good document of an address is kept beside the
//! configuration, so that a start does not depend on the network; it is held against the hash like any other.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use url::Url;

use crate::config::{Config, SamlConfig};
use crate::sso::fetch::{Fetch, FetchError};
use crate::sso::saml::metadata::MAX_METADATA;
use crate::sso::saml::{Metadata, MetadataError};

/// Why a metadata document is not taken.
#[derive(Debug, thiserror::Error)]
pub enum MetadataFault {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The address is none that may be asked.
    #[error("{address} is not an https address")]
    Address {
        /// As configured.
        address: String,
    },
    /// An address without a hash.
    #[error("an address needs `metadata_sha256`, the SHA-256 of the document")]
    NoHash,
    /// A hash that is none.
    #[error("{hash:?} is not a SHA-256 in hexadecimal")]
    Hash {
        /// As configured.
        hash: String,
    },
    /// The document cannot be fetched.
    #[error("it cannot be fetched: {0}")]
    Fetch(#[from] FetchError),
    /// The document is another than the configuration says.
    #[error("its SHA-256 is {found}, which `metadata_sha256` does not list")]
    OtherDocument {
        /// What it is.
        found: String,
    },
    /// The document is no metadata that can be used.
    #[error("{0}")]
    Unusable(#[from] MetadataError),
    /// The document is about another entity than the one in force.
    #[error("it describes {found}, not {known}")]
    OtherEntity {
        /// The entity in force.
        known: String,
        /// The entity it describes.
        found: String,
    },
}

/// Where metadata comes from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    place: Place,
    hashes: Vec<String>,
    entity: Option<String>,
}

#[derive(Clone, Debug)]
enum Place {
    File(PathBuf),
    Address { url: Url, copy: PathBuf },
}

impl Source {
    /// The source that the configuration names.
    ///
    /// # Errors
    /// If it cannot be one.
    pub(super) fn new(config: &Config, provider: &str, section: &SamlConfig) -> Result<Self, MetadataFault> {
        let hashes: Vec<String> =
            section.metadata_sha256.iter().map(|hash| hash.replace(':', "").to_ascii_lowercase()).collect();
        let is_hash = |hash: &String| HEXLOWER.decode(hash.as_bytes()).is_ok_and(|octets| octets.len() == 32);
        if let Some(hash) = hashes.iter().find(|hash| !is_hash(hash)) {
            return Err(MetadataFault::Hash { hash: hash.clone() });
        }
        let place = if section.metadata.contains("://") {
            let unfit = || MetadataFault::Address { address: section.metadata.clone() };
            let url: Url = section.metadata.parse().map_err(|_| unfit())?;
            if !crate::sso::fetch::may_be_reached(&url) {
                return Err(unfit());
            }
            if hashes.is_empty() {
                return Err(MetadataFault::NoHash);
            }
            Place::Address { url, copy: config.resolve(Path::new(&format!("sso/{provider}.metadata.xml"))) }
        } else {
            Place::File(config.resolve(Path::new(&section.metadata)))
        };
        Ok(Self { place, hashes, entity: section.entity_id.clone() })
    }

    /// The document as it is now.
    ///
    /// # Errors
    /// [`MetadataFault`]
    pub(super) async fn read(&self, fetch: &Fetch) -> Result<Metadata, MetadataFault> {
        let octets = match &self.place {
            Place::File(path) => file(path)?,
            Place::Address { url, .. } => fetch.get(url, "application/samlmetadata+xml").await?,
        };
        let metadata = self.parse(&octets)?;
        self.keep(&octets);
        Ok(metadata)
    }

    /// The document at a start: as it is now, or as it was when it could last be fetched.
    ///
    /// # Errors
    /// [`MetadataFault`] of the present document.
    pub(super) async fn read_at_start(&self, fetch: &Fetch) -> Result<Metadata, MetadataFault> {
        match (self.read(fetch).await, &self.place) {
            (Err(fault @ MetadataFault::Fetch(_)), Place::Address { copy, .. }) => {
                let Ok(metadata) = file(copy).and_then(|octets| self.parse(&octets)) else {
                    return Err(fault);
                };
                tracing::warn!(error = %fault, "metadata could not be fetched; the last good document is used");
                Ok(metadata)
            }
            (read, _) => read,
        }
    }

    /// What can be said without asking anybody: the document of a file.
    ///
    /// # Errors
    /// [`MetadataFault`]
    pub(super) fn read_offline(&self) -> Result<Option<Metadata>, MetadataFault> {
        match &self.place {
            Place::File(path) => self.parse(&file(path)?).map(Some),
            Place::Address { .. } => Ok(None),
        }
    }

    fn parse(&self, octets: &[u8]) -> Result<Metadata, MetadataFault> {
        let found = HEXLOWER.encode(digest(&SHA256, octets).as_ref());
        if !self.hashes.is_empty() && !self.hashes.contains(&found) {
            return Err(MetadataFault::OtherDocument { found });
        }
        Ok(Metadata::parse(octets, self.entity.as_deref())?)
    }

    /// Keeps a fetched document for the next start. That it cannot be kept is no reason not to use it.
    fn keep(&self, octets: &[u8]) {
        let Place::Address { copy, .. } = &self.place else { return };
        if std::fs::read(copy).is_ok_and(|kept| kept == octets) {
            return;
        }
        let folder = copy.parent().unwrap_or(Path::new("."));
        let written = std::fs::create_dir_all(folder).and_then(|()| {
            let draft = copy.with_extension("new");
            std::fs::write(&draft, octets)?;
            std::fs::rename(&draft, copy)
        });
        if let Err(error) = written {
            tracing::warn!(%error, path = %copy.display(), "fetched metadata could not be kept");
        }
    }
}

fn file(path: &Path) -> Result<Vec<u8>, MetadataFault> {
    use std::io::Read as _;
    let failed = |source| MetadataFault::File { path: path.to_owned(), source };
    let mut octets = Vec::new();
    let limit = u64::try_from(MAX_METADATA).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(path).map_err(failed)?.take(limit).read_to_end(&mut octets).map_err(failed)?;
    Ok(octets)
}

#[cfg(test)]
mod tests;
