//! Certificate generations: written whole beside the old ones, then made current by swapping one symbolic link.
//!
//! The files go into `generations/.tmp-<n>`, each synced; that folder is synced and renamed to `<n>`; `current` is swapped; the
//! pending order is forgotten; generations beyond the number kept are removed. A kill between any two steps leaves `current`
//! on a complete pair. Must never write into a folder that already has its final name.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tokens::TokenUri;
use url::Url;
use zeroize::Zeroizing;

use super::{
    IdentityDir, StateError,
    account::{from_json, to_json},
    durable,
    token_keys::{KEY, key_file, read_key},
};

const ORIGIN: &str = "origin.json";
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The number of a generation; each renewal adds one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(u64);

impl Generation {
    /// The number.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a generation was ordered, and as what: its settings may have changed since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The ACME directory.
    pub directory: Url,
    /// The profile that was asked for; absent if the choice was the server's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// A certificate chain, leaf first, and the key of its leaf.
pub struct Issued {
    certificate: String,
    chain: String,
    key: Zeroizing<String>,
    origin: Option<Origin>,
}

impl Issued {
    /// Splits a PEM chain into leaf and rest; the key is PEM, or the URI of one in a token. `None` if it holds no certificate.
    pub fn from_chain(chain_pem: &str, key_pem: Zeroizing<String>) -> Option<Self> {
        // What stands before the first certificate is no part of it, and may even look like the end of one.
        let leaf_begins = chain_pem.match_indices(BEGIN).map(|(at, _)| at).find(|at| {
            chain_pem.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with('\n'))
        })?;
        let (_, from_leaf) = chain_pem.split_at(leaf_begins);
        let (leaf, rest) = from_leaf.split_at(from_leaf.find(END)? + END.len());
        let line = |text: &str| match text.trim() {
            "" => String::new(),
            text => format!("{text}\n"),
        };
        Some(Self { certificate: line(leaf), chain: line(rest), key: key_pem, origin: None })
    }

    /// Says where it was ordered, to be kept beside it.
    #[must_use]
    pub fn from_origin(self, origin: Origin) -> Self {
        Self { origin: Some(origin), ..self }
    }

    /// The leaf as PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The rest of the chain as PEM, possibly empty.
    pub fn chain(&self) -> &str {
        &self.chain
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// What `current` points at, read through one resolution of the link.
#[derive(Clone)]
pub struct CurrentPair {
    /// Which generation it is.
    pub generation: Generation,
    /// Its folder; stays valid after later swaps, until it is pruned.
    pub folder: PathBuf,
    /// The leaf as PEM.
    pub certificate: String,
    /// The rest of the chain as PEM, possibly empty.
    pub chain: String,
    /// The private key as PKCS#8 PEM, or the `pkcs11:` URI of one in a token.
    pub key: Zeroizing<String>,
    /// Where it was ordered; `None` for a generation of a time when that was not kept.
    pub origin: Option<Origin>,
}

impl fmt::Debug for CurrentPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurrentPair").field("generation", &self.generation).finish_non_exhaustive()
    }
}

impl CurrentPair {
    /// The URI of its key, if that is in a token.
    pub fn token_key(&self) -> Option<&str> {
        TokenUri::is_meant(&self.key).then(|| self.key.trim())
    }
}

impl IdentityDir {
    /// Installs a new pair and makes it current. Durable on return; `keep` generations stay on disk.
    pub fn install(&self, issued: &Issued, keep: u32) -> Result<Generation, StateError> {
        let all = self.folder.join("generations");
        durable::create_dir(&all)?;
        let current = self.current_generation()?;
        // A generation beyond the current one was cut off before anybody could see it. It must not count among those kept, or
        // a writer killed again and again would push out the pair that readers hold.
        for unseen in self.generations()?.into_iter().filter(|one| Some(*one) > current) {
            durable::remove_tree(&all.join(unseen.to_string()))?;
        }
        let next = Generation(current.map_or(1, |current| current.0.saturating_add(1)));
        let making = all.join(format!("{}{next}", durable::TEMPORARY));
        durable::remove_if_present(&making)?;
        durable::create_dir(&making)?;
        durable::write_new(&making.join(key_file(&issued.key)), issued.key.as_bytes())?;
        durable::write_new(&making.join("cert.pem"), issued.certificate.as_bytes())?;
        durable::write_new(&making.join("chain.pem"), issued.chain.as_bytes())?;
        let fullchain = format!("{}{}", issued.certificate, issued.chain);
        durable::write_new(&making.join("fullchain.pem"), fullchain.as_bytes())?;
        if let Some(origin) = &issued.origin {
            let path = making.join(ORIGIN);
            durable::write_new(&path, &to_json(&path, origin)?)?;
        }
        durable::sync_dir(&making)?;
        durable::rename(&making, &all.join(next.to_string()))?;
        let target = Path::new("generations").join(next.to_string());
        durable::replace_symlink(&target, &self.folder.join("current"))?;
        self.clear_pending()?;
        self.prune(keep)?;
        Ok(next)
    }

    /// The complete generations on disk, oldest first.
    pub fn generations(&self) -> Result<Vec<Generation>, StateError> {
        let names = durable::entries(&self.folder.join("generations"))?;
        let mut numbers: Vec<Generation> =
            names.iter().filter_map(|name| name.parse().ok()).map(Generation).collect();
        numbers.sort();
        Ok(numbers)
    }

    /// The generation `current` points at.
    pub fn current_generation(&self) -> Result<Option<Generation>, StateError> {
        let link = self.folder.join("current");
        match fs::read_link(&link) {
            Ok(target) => Ok(target
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(|name| name.parse().ok())
                .map(Generation)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(durable::failed("read", &link, source)),
        }
    }

    /// The current pair. The link is resolved once, so certificate and key always belong together.
    pub fn current(&self) -> Result<Option<CurrentPair>, StateError> {
        loop {
            let Some(generation) = self.current_generation()? else { return Ok(None) };
            match self.pair(generation) {
                // A reader overtaken by so many renewals that its generation was pruned looks again.
                Err(_) if self.current_generation()? != Some(generation) => {}
                outcome => return outcome.map(Some),
            }
        }
    }

    fn pair(&self, generation: Generation) -> Result<CurrentPair, StateError> {
        let folder = self.folder.join("generations").join(generation.to_string());
        let text = |name: &str| -> Result<String, StateError> {
            let path = folder.join(name);
            fs::read_to_string(&path).map_err(|source| durable::failed("read", &path, source))
        };
        let key = read_key(&folder)?
            .ok_or_else(|| durable::failed("read", &folder.join(KEY), io::ErrorKind::NotFound.into()))?;
        let path = folder.join(ORIGIN);
        // A damaged one is as good as none: the pair itself does not depend on it.
        let origin = durable::read(&path)?.and_then(|bytes| from_json(&path, &bytes).ok());
        let (certificate, chain) = (text("cert.pem")?, text("chain.pem")?);
        Ok(CurrentPair { generation, certificate, chain, key, origin, folder })
    }

    /// Removes the oldest generations beyond `keep`, never the current one.
    fn prune(&self, keep: u32) -> Result<(), StateError> {
        let current = self.current_generation()?;
        let generations = self.generations()?;
        let surplus = generations.len().saturating_sub(usize::try_from(keep.max(1)).unwrap_or(usize::MAX));
        for old in generations.into_iter().take(surplus).filter(|old| Some(*old) != current) {
            durable::remove_tree(&self.folder.join("generations").join(old.to_string()))?;
        }
        Ok(())
    }
}
