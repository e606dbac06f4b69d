//! Organisations at rest: by id, by their unique name, by who speaks for them, and which of them holds a domain.
//!
//! There are at most [`MOST`]: a batch that makes one more is stale on [`Table::Meta`] if they are not as many as were counted. A domain is held by one
//! organisation at most: a batch that would make it two is stale on [`Table::OrganisationDomains`].

use certs::name::DnsName;
use serde::{Deserialize, Serialize};

use crate::internal::OrganisationId;
use crate::internal::organisation::Organisation;
use crate::store::{Batch, Range, Record, Store, StoreError, Table, Version, Versioned};

/// Most organisations of one server.
pub const MOST: usize = 1000;

/// How many were made: a fact of which a batch demands that it still holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Made {
    organisations: usize,
}

impl Record for Made {
    const TABLE: Table = Table::Meta;
    type Key = ();

    fn key(&self) {}

    fn encode_key((): &()) -> Vec<u8> {
        b"organisations".to_vec()
    }
}

/// How many organisations there are. Only [`insert`] can count on it, and once.
#[derive(Debug)]
pub struct Count {
    number: usize,
    seen: Option<Version>,
}

impl Count {
    /// Whether there may be no more.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.number >= MOST
    }
}

/// Writes a new organisation; stale on [`Table::OrganisationNames`] if its name is taken, on [`Table::Meta`] if another was made since they were counted.
///
/// # Errors
/// If the organisation cannot be serialised.
pub fn insert(batch: &mut Batch, organisation: &Organisation, count: Count) -> Result<(), StoreError> {
    let made = Made { organisations: count.number.saturating_add(1) };
    match count.seen {
        Some(seen) => batch.replace(seen, &made)?,
        None => batch.insert(&made)?,
    };
    batch.insert(organisation)?;
    let name = organisation.name.as_bytes().to_vec();
    batch.absent(Table::OrganisationNames, name.clone());
    batch.put(Table::OrganisationNames, name, organisation.id.as_bytes().to_vec());
    speak(batch, organisation);
    Ok(())
}

fn speak(batch: &mut Batch, organisation: &Organisation) {
    for issuer in &organisation.token_issuers {
        batch.put(Table::OrganisationNames, issuer_row(issuer, organisation.id), Vec::new());
    }
}

/// No name begins with NUL.
fn issuer_rows(issuer: &str) -> Vec<u8> {
    [&[0], issuer.as_bytes(), &[0]].concat()
}

fn issuer_row(issuer: &str, id: OrganisationId) -> Vec<u8> {
    [issuer_rows(issuer).as_slice(), id.as_bytes()].concat()
}

/// Writes `next` over `seen`; stale if the organisation changed since. Its name stays.
///
/// # Errors
/// If the organisation cannot be serialised.
pub fn replace(
    batch: &mut Batch,
    seen: &Versioned<Organisation>,
    next: &Organisation,
) -> Result<(), StoreError> {
    batch.replace(seen.version, next)?;
    if seen.value.token_issuers != next.token_issuers {
        for issuer in &seen.value.token_issuers {
            batch.delete(Table::OrganisationNames, issuer_row(issuer, seen.value.id));
        }
        speak(batch, next);
    }
    Ok(())
}

/// Notes that the organisation holds the domain from now on; stale if another one does.
pub fn hold(batch: &mut Batch, domain: &DnsName, organisation: OrganisationId) {
    let key = domain.base_str().as_bytes().to_vec();
    batch.absent(Table::OrganisationDomains, key.clone());
    batch.put(Table::OrganisationDomains, key, organisation.as_bytes().to_vec());
}

/// Notes that the organisation that held the domain does so no more; written with the organisation itself, which says that it held it.
pub fn release(batch: &mut Batch, domain: &DnsName) {
    batch.delete(Table::OrganisationDomains, domain.base_str().as_bytes().to_vec());
}

/// Which organisation holds the domain.
///
/// # Errors
/// If the backend fails.
pub async fn holder_of(store: &Store, domain: &DnsName) -> Result<Option<OrganisationId>, StoreError> {
    let row = store.index(Table::OrganisationDomains, domain.base_str().as_bytes()).await?;
    Ok(row.as_deref().and_then(id_of))
}

fn id_of(octets: &[u8]) -> Option<OrganisationId> {
    uuid::Uuid::from_slice(octets).ok().map(OrganisationId::of)
}

impl Store {
    /// How many organisations there are; a store that was written before they were counted is counted now.
    ///
    /// # Errors
    /// If the backend fails or a record does not parse.
    pub async fn organisation_count(&self) -> Result<Count, StoreError> {
        match self.load::<Made>(&()).await? {
            Some(made) => Ok(Count { number: made.value.organisations, seen: Some(made.version) }),
            None => Ok(Count { number: self.organisations().await?.len(), seen: None }),
        }
    }

    /// Every organisation, by id.
    ///
    /// # Errors
    /// If the backend fails or a record does not parse.
    pub async fn organisations(&self) -> Result<Vec<Versioned<Organisation>>, StoreError> {
        self.list(Range::of(Table::Organisations).limit(MOST)).await
    }

    /// The first two organisations that a token issuer speaks for.
    ///
    /// # Errors
    /// If the backend fails.
    pub async fn organisations_of_issuer(&self, issuer: &str) -> Result<Vec<OrganisationId>, StoreError> {
        let rows =
            self.scan(Range::of(Table::OrganisationNames).prefix(issuer_rows(issuer)).limit(2)).await?;
        Ok(rows
            .iter()
            .filter_map(|(row, _)| row.last_chunk::<16>().and_then(|octets| id_of(octets)))
            .collect())
    }

    /// The one organisation that a token issuer speaks for; `None` if there is none, or more than one.
    ///
    /// # Errors
    /// If the backend fails or the record does not parse.
    pub async fn organisation_of_issuer(
        &self,
        issuer: &str,
    ) -> Result<Option<Versioned<Organisation>>, StoreError> {
        match self.organisations_of_issuer(issuer).await?.as_slice() {
            [only] => self.load(only).await,
            _ => Ok(None),
        }
    }

    /// The organisation of this name or id.
    ///
    /// # Errors
    /// If the backend fails or the record does not parse.
    pub async fn organisation_named(
        &self,
        text: &str,
    ) -> Result<Option<Versioned<Organisation>>, StoreError> {
        let row = self.index(Table::OrganisationNames, text.as_bytes()).await?;
        match row.as_deref().and_then(id_of).or_else(|| text.parse().ok()) {
            Some(id) => self.load(&id).await,
            None => Ok(None),
        }
    }
}
