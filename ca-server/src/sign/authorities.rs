//! All authorities of the server, replaced together while it runs.
//!
//! Whoever takes one out keeps it as it was: an issuance that has begun ends under the issuer that it began with. Files that are not right, or
//! an issuer that is not in force, are refused and the old ones stay.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use time::OffsetDateTime;
use tokio::sync::watch;

use super::authority::{Authority, AuthorityLoadError};
use super::root_list::RootList;
use crate::config::Config;
use crate::ids::AuthorityName;
use crate::request::links::Links;

/// All authorities of the server; clones share them.
#[derive(Clone, Debug)]
pub struct Authorities(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    all: ArcSwap<BTreeMap<AuthorityName, Arc<Authority>>>,
    changes: watch::Sender<u64>,
    /// Replaced issuers that have nothing left to do, by key identifier, and since when.
    retired: ArcSwap<BTreeMap<String, OffsetDateTime>>,
}

/// An authority that issues under another certificate than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The authority.
    pub authority: AuthorityName,
    /// Key identifier of the issuer before, hexadecimal.
    pub before: String,
    /// Key identifier of the present one.
    pub now: String,
    /// Whether the one before can still sign revocation lists.
    pub kept: bool,
}

/// Why the files of authorities were not taken; the old ones stay.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityReloadError {
    /// A file is missing, broken, or does not fit the others.
    #[error(transparent)]
    Load(#[from] AuthorityLoadError),
    /// The server stops.
    #[error("the files were not read to the end")]
    CutOff,
    /// An issuer is not in force.
    #[error("the issuer of authority {authority} is valid from {from} to {until} only")]
    NotInForce {
        /// The authority.
        authority: AuthorityName,
        /// notBefore of its certificate.
        from: OffsetDateTime,
        /// notAfter of its certificate.
        until: OffsetDateTime,
    },
}

impl Authorities {
    /// Loads every `[authority.<name>]`.
    ///
    /// # Errors
    /// The first that cannot be used.
    pub fn load(config: &Config, links: &Links) -> Result<Self, AuthorityLoadError> {
        Ok(Self::of(read(config, links)?))
    }

    /// These authorities.
    #[must_use]
    pub fn new(all: impl IntoIterator<Item = Authority>) -> Self {
        Self::of(all.into_iter().map(|one| (one.name().clone(), Arc::new(one))).collect())
    }

    fn of(all: BTreeMap<AuthorityName, Arc<Authority>>) -> Self {
        let (all, changes) = (ArcSwap::from_pointee(all), watch::Sender::new(0));
        Self(Arc::new(Shared { all, changes, retired: ArcSwap::default() }))
    }

    /// Reads the files again. Gives the authorities whose issuer is another one now.
    ///
    /// # Errors
    /// [`AuthorityReloadError`]
    pub fn reload(
        &self,
        config: &Config,
        links: &Links,
        now: OffsetDateTime,
    ) -> Result<Vec<Replaced>, AuthorityReloadError> {
        let all = read(config, links)?;
        for authority in all.values() {
            let (from, until) = (authority.issuer().not_before(), authority.issuer().not_after());
            if now < from || until <= now {
                let authority = authority.name().clone();
                return Err(AuthorityReloadError::NotInForce { authority, from, until });
            }
        }
        let mut replaced = Vec::new();
        for before in self.iter() {
            let Some(present) = all.get(before.name()) else { continue };
            if before.issuer_id() != present.issuer_id() {
                replaced.push(Replaced {
                    authority: before.name().clone(),
                    before: before.issuer_id().to_owned(),
                    now: present.issuer_id().to_owned(),
                    kept: present.as_issuer(before.issuer_id()).is_some(),
                });
            }
        }
        self.0.all.store(Arc::new(all));
        self.0.changes.send_modify(|count| *count = count.wrapping_add(1));
        Ok(replaced)
    }

    /// Counts how often files were taken; whoever has to do something after it watches this.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// The authority of this name.
    #[must_use]
    pub fn find(&self, name: &AuthorityName) -> Option<Arc<Authority>> {
        self.0.all.load().get(name).cloned()
    }

    /// The authority of this name, if the text is one.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Arc<Authority>> {
        name.parse().ok().and_then(|name| self.find(&name))
    }

    /// The issuer with this key identifier, present or replaced. Of several authorities that share it, the first.
    #[must_use]
    pub fn of_issuer(&self, issuer_id: &str) -> Option<Arc<Authority>> {
        self.0.all.load().values().find_map(|authority| authority.as_issuer(issuer_id))
    }

    /// Every issuer that has certificates out, present or replaced, each once; none that retired.
    pub fn issuers(&self) -> impl Iterator<Item = Arc<Authority>> + use<> {
        let mut issuers = Vec::new();
        for one in self.iter() {
            let serve = |replaced: &&Arc<Authority>| self.retired(replaced.issuer_id()).is_none();
            issuers.extend(one.replaced().iter().filter(serve).cloned());
            issuers.push(one);
        }
        let mut seen = std::collections::BTreeSet::new();
        issuers.retain(|issuer| seen.insert(issuer.issuer_id().to_owned()));
        issuers.into_iter()
    }

    /// The issuer with this key identifier, unless it retired.
    #[must_use]
    pub fn in_service(&self, issuer_id: &str) -> Option<Arc<Authority>> {
        self.of_issuer(issuer_id).filter(|_| self.retired(issuer_id).is_none())
    }

    /// The list of the root with this key identifier.
    #[must_use]
    pub fn root_list(&self, root_id: &str) -> Option<RootList> {
        let all = self.0.all.load();
        all.values().find_map(|authority| authority.root_list().filter(|list| list.root == root_id)).cloned()
    }

    /// Whether an authority issues under the issuer with this key identifier.
    #[must_use]
    pub fn is_present(&self, issuer_id: &str) -> bool {
        self.0.all.load().values().any(|authority| authority.issuer_id() == issuer_id)
    }

    /// Since when the issuer has retired, if it did; one that issues has not.
    #[must_use]
    pub fn retired(&self, issuer_id: &str) -> Option<OffsetDateTime> {
        self.0.retired.load().get(issuer_id).copied().filter(|_| !self.is_present(issuer_id))
    }

    /// The key identifiers of all replaced issuers here that retired.
    pub(crate) fn all_retired(&self) -> Vec<String> {
        let retired = self.0.retired.load();
        let here = |id: &&String| !self.is_present(id) && self.of_issuer(id).is_some();
        retired.keys().filter(here).cloned().collect()
    }

    /// From now on nothing is signed under this replaced issuer.
    pub(crate) fn retire(&self, issuer_id: &str, at: OffsetDateTime) {
        self.0.retired.rcu(|retired| {
            let mut retired = BTreeMap::clone(retired);
            retired.insert(issuer_id.to_owned(), at);
            retired
        });
    }

    /// Takes that back.
    pub(crate) fn back_in_service(&self, issuer_id: &str) {
        self.0.retired.rcu(|retired| {
            let mut retired = BTreeMap::clone(retired);
            retired.remove(issuer_id);
            retired
        });
    }

    /// All of them, by name, as they are now.
    pub fn iter(&self) -> impl Iterator<Item = Arc<Authority>> + use<> {
        let all: Vec<_> = self.0.all.load().values().cloned().collect();
        all.into_iter()
    }
}

fn read(
    config: &Config,
    links: &Links,
) -> Result<BTreeMap<AuthorityName, Arc<Authority>>, AuthorityLoadError> {
    let load =
        |(name, section)| Ok((Clone::clone(name), Arc::new(Authority::load(config, name, section, links)?)));
    config.authority.iter().map(load).collect()
}
