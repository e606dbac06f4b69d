//! What the store keeps of an issuer's lists: the number of the last one, and into how many shards its certificates were ever spread.
//!
//! Both stand under the issuer's key identifier. Numbers only grow, also over restarts and among several servers; a count of shards is never taken back,
//! since certificates name it. Nor is the place of a shard, which moves with the URL of the configuration.

use certs::crl::Shard;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use url::Url;

use crate::log::act::Act;
use crate::sign::{Authority, part};
use crate::store::{Batch, Record, Store, StoreError, Table};

/// How often a record is written anew because another server wrote it.
const TRIES: usize = 5;
/// By how much an issuer's lists are split when they are too large.
const SPLIT: u16 = 16;

/// The number of the last list of an issuer.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct LastNumber {
    issuer: String,
    number: u64,
}

impl Record for LastNumber {
    const TABLE: Table = Table::Meta;
    type Key = String;

    fn key(&self) -> String {
        self.issuer.clone()
    }

    fn encode_key(key: &String) -> Vec<u8> {
        format!("crl-number:{key}").into_bytes()
    }
}

/// The counts of shards that certificates of an issuer name, smallest first; the last one is in use.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Spread {
    issuer: String,
    counts: Vec<u16>,
    /// Every place of the whole list since it was first split, the present one last: certificates name shards below each of them.
    #[serde(default)]
    places: Vec<Url>,
}

impl Record for Spread {
    const TABLE: Table = Table::Meta;
    type Key = String;

    fn key(&self) -> String {
        self.issuer.clone()
    }

    fn encode_key(key: &String) -> Vec<u8> {
        format!("crl-shards:{key}").into_bytes()
    }
}

impl Spread {
    /// The counts, the whole list first.
    pub(super) fn counts(&self) -> impl Iterator<Item = u16> {
        let more = self.counts.iter().copied().filter(|count| (2..=Shard::MOST).contains(count));
        std::iter::once(1).chain(more)
    }

    /// Everywhere certificates say that this shard is; nowhere for the whole list, which speaks for all.
    pub(super) fn places(&self, shard: Shard) -> Vec<String> {
        let places = self.places.iter().filter(|_| !shard.is_whole());
        places.map(|whole| part(whole.clone(), shard).to_string()).collect()
    }

    /// The count that new certificates name.
    pub(super) fn in_use(&self) -> u16 {
        self.counts().last().unwrap_or(1)
    }
}

/// The spread of an issuer, split further if even its shards would have more than `most` of `entries`.
pub(super) async fn spread(
    store: &Store,
    authority: &Authority,
    (entries, most): (usize, usize),
    now: OffsetDateTime,
) -> Result<Spread, StoreError> {
    let issuer = authority.issuer_id().to_owned();
    let mut tries = 0;
    loop {
        let seen = store.load::<Spread>(&issuer).await?;
        let mut next = seen.as_ref().map_or_else(
            || Spread { issuer: issuer.clone(), counts: Vec::new(), places: Vec::new() },
            |seen| seen.value.clone(),
        );
        let is_too_large = |spread: &Spread| {
            spread.in_use() < Shard::MOST && entries.div_ceil(usize::from(spread.in_use())) > most
        };
        let before = next.in_use();
        while is_too_large(&next) {
            next.counts.push(next.in_use().saturating_mul(SPLIT).min(Shard::MOST));
        }
        let place = authority.places().list(Shard::WHOLE);
        let moved = next.in_use() > 1 && !next.places.contains(&place);
        if next.in_use() == before && !moved {
            return Ok(next);
        }
        next.places.extend(moved.then_some(place));
        let mut batch = Batch::new();
        match &seen {
            Some(seen) => batch.replace(seen.version, &next)?,
            None => batch.insert(&next)?,
        };
        let what = format!(
            "certificates of authority {} name one of {} shards of its revocation list from now on, below {}",
            authority.name(),
            next.in_use(),
            authority.places().list(Shard::WHOLE)
        );
        batch.record(now, Act::Operation { what });
        match store.commit(batch).await {
            Ok(()) => return Ok(next),
            Err(StoreError::Stale(_)) if tries < TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

/// A number that no list of the issuer has, durable before it is used. If the process dies after this, a number is skipped, which is allowed.
pub(super) async fn next_number(
    store: &Store,
    authority: &Authority,
    now: OffsetDateTime,
) -> Result<u64, StoreError> {
    let issuer = authority.issuer_id().to_owned();
    let mut tries = 0;
    loop {
        let mut batch = Batch::new();
        let seen = store.load::<LastNumber>(&issuer).await?;
        let number = seen.as_ref().map_or(1, |seen| seen.value.number.saturating_add(1));
        let next = LastNumber { issuer: issuer.clone(), number };
        match &seen {
            Some(seen) => batch.replace(seen.version, &next)?,
            None => batch.insert(&next)?,
        };
        let what = format!("revocation list {number} of authority {}", authority.name());
        batch.record(now, Act::Operation { what });
        match store.commit(batch).await {
            Ok(()) => return Ok(number),
            Err(StoreError::Stale(_)) if tries < TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}
