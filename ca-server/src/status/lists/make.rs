//! Making an edition: read what is revoked, put each entry where its serial belongs, sign what says something new.
//!
//! A list whose entries are the same and that is not past half its life is taken over, with its number, so that a revocation changes one shard and not
//! all of them. Revoked entries leave some time after the certificate's end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use certs::crl::{RevocationReason, Revoked, Shard};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::records::{next_number, spread};
use super::{Edition, ListError, RevocationList};
use crate::clock;
use crate::sign::{Authority, ListDraft, sign_crl};
use crate::store::{Store, StoreError};

/// Rows read at once.
const PAGE: usize = 1000;

/// What the configuration says of lists.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) lifetime: Duration,
    pub(super) most_entries: usize,
}

/// Makes an edition that takes over from `last` what still holds.
pub(super) async fn make(
    store: &Store,
    authority: &Arc<Authority>,
    last: Option<&Edition>,
    limits: Limits,
    now: OffsetDateTime,
) -> Result<Edition, ListError> {
    let began = Instant::now();
    // Before the entries: what is revoked while they are read is noted as a change after this one.
    let marker = store.last_revocation(authority.issuer_id()).await?;
    let revoked = revoked(store, authority, limits.lifetime, now).await?;
    let spread = spread(store, authority, (revoked.len(), limits.most_entries), now).await?;
    let still_holds = |shard: Shard, digest: &[u8; 32]| {
        let list = last.and_then(|last| last.list(shard)).filter(|list| list.digest == *digest)?;
        let young = list.this_update <= now && now < clock::after(list.this_update, limits.lifetime / 2);
        young.then(|| list.clone())
    };
    let (mut lists, mut new) = (BTreeMap::new(), Vec::new());
    for count in spread.counts() {
        for (shard, entries) in parts(&revoked, count) {
            let digest = digest(&entries, &spread.places(shard));
            match still_holds(shard, &digest) {
                Some(list) => drop(lists.insert(shard, list)),
                None => new.push((shard, entries, digest)),
            }
        }
    }
    let signed = new.len();
    if signed > 0 {
        let number = next_number(store, authority, now).await?;
        let next_update = clock::after(now, limits.lifetime);
        for (shard, revoked, digest) in new {
            let distribution_points = spread.places(shard);
            let draft = ListDraft { number, this_update: now, next_update, revoked, distribution_points };
            let der = Bytes::from(sign_crl(authority, draft).await?);
            lists.insert(shard, RevocationList { der, number, this_update: now, next_update, digest });
        }
        let took = began.elapsed();
        metrics::histogram!("rollcall_revocation_list_seconds").record(took);
        tracing::info!(authority = %authority.name(), number, entries = revoked.len(), signed,
            duration_ms = took.as_secs_f64() * 1000.0, "revocation lists signed");
    }
    let issuer = authority.issuer_id().to_owned();
    metrics::gauge!("rollcall_revocation_list_entries", "issuer" => issuer).set(revoked.len() as f64);
    let oldest = lists.values().map(|list| list.this_update).min().unwrap_or(now);
    let shards = spread.in_use();
    Ok(Edition { lists, entries: revoked.len(), shards, marker, oldest })
}

async fn revoked(
    store: &Store,
    authority: &Authority,
    lifetime: Duration,
    now: OffsetDateTime,
) -> Result<Vec<Revoked>, StoreError> {
    let (mut revoked, mut place) = (Vec::new(), None);
    loop {
        let (entries, next) = store.revocations_of_issuer(authority.issuer_id(), place, PAGE).await?;
        let on_list = entries.into_iter().filter(|entry| now < clock::after(entry.not_after, lifetime));
        revoked.extend(on_list.map(|entry| Revoked {
            serial: entry.serial,
            at: entry.at,
            reason: RevocationReason::from_code(entry.reason.into()).unwrap_or(RevocationReason::Unspecified),
        }));
        if next.is_none() {
            return Ok(revoked);
        }
        place = next;
        // Reading never waits for anything; others on this thread get their turn here.
        tokio::task::yield_now().await;
    }
}

/// The entries of each shard of `count`, those without entries too.
fn parts(revoked: &[Revoked], count: u16) -> BTreeMap<Shard, Vec<Revoked>> {
    let mut parts: BTreeMap<_, _> = Shard::all(count).map(|shard| (shard, Vec::new())).collect();
    for entry in revoked {
        parts.entry(Shard::of(&entry.serial, count)).or_default().push(*entry);
    }
    parts
}

fn digest(entries: &[Revoked], places: &[String]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for place in places {
        context.update(place.as_bytes());
    }
    for Revoked { serial, at, reason } in entries {
        context.update(serial.as_bytes());
        context.update(&at.unix_timestamp().to_be_bytes());
        context.update(&[reason.code()]);
    }
    let mut octets = [0; 32];
    for (to, from) in octets.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    octets
}
