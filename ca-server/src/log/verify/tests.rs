//! A journal in which anything was changed does not verify, and the report names the first broken entry.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use time::OffsetDateTime;

use super::*;
use crate::log::act::Act;
use crate::log::journal::{Selection, newest, read};
use crate::store::memory::Memory;
use crate::store::{Batch, Store};

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

async fn journal(entries: u64) -> Store {
    let store = Store::new(Arc::new(Memory::new()));
    for number in 1..=entries {
        let mut batch = Batch::new();
        batch.record(NOW, Act::Operation { what: format!("act {number}") });
        store.commit(batch).await.unwrap();
    }
    store
}

/// Writes a journal row past the committer, as someone with access to the files could.
async fn tamper(store: &Store, seq: u64, value: Option<Vec<u8>>) {
    let (mut batch, key) = (Batch::new(), seq.to_be_bytes().to_vec());
    match value {
        Some(value) => batch.put(Table::Journal, key, value),
        None => batch.delete(Table::Journal, key),
    };
    store.commit(batch).await.unwrap();
}

async fn entry(store: &Store, seq: u64) -> Entry {
    let key = seq.to_be_bytes();
    Entry::decode(&key, &store.index(Table::Journal, &key).await.unwrap().unwrap()).unwrap()
}

#[tokio::test]
async fn an_untouched_journal_verifies_to_its_head() {
    let store = journal(2500).await;
    let report = verify(&store, None).await.unwrap();
    assert_eq!((report.verified, report.broken), (2500, None));
    assert_eq!(report.head, newest(&store).await.unwrap().unwrap().hash);
    assert_eq!(verify(&journal(0).await, None).await.unwrap().head, GENESIS);
}

#[tokio::test]
async fn a_changed_act_is_found() {
    let store = journal(5).await;
    let mut changed = entry(&store, 3).await;
    changed.act = changed.act.replace("act 3", "act 9");
    tamper(&store, 3, Some(changed.encode())).await;
    assert_eq!(verify(&store, None).await.unwrap().broken, Some((3, Fault::Content)));
    changed.hash = changed.expected_hash();
    tamper(&store, 3, Some(changed.encode())).await;
    assert_eq!(verify(&store, None).await.unwrap().broken, Some((4, Fault::Link)));
}

#[tokio::test]
async fn a_missing_or_mangled_entry_is_found() {
    let store = journal(5).await;
    tamper(&store, 2, None).await;
    let missing = Fault::Sequence { expected: 2, found: 3 };
    assert_eq!(verify(&store, None).await.unwrap().broken, Some((2, missing)));
    tamper(&store, 2, Some(vec![1, 2, 3])).await;
    assert_eq!(verify(&store, None).await.unwrap().broken, Some((2, Fault::Malformed)));
}

#[tokio::test]
async fn a_tail_cut_off_is_found_by_a_noted_head_only() {
    let store = journal(5).await;
    let last = entry(&store, 5).await;
    let noted = Expected { seq: 5, hash: last.hash };
    assert_eq!(verify(&store, Some(noted)).await.unwrap().broken, None);
    tamper(&store, 5, None).await;
    assert_eq!(verify(&store, None).await.unwrap().broken, None);
    assert_eq!(verify(&store, Some(noted)).await.unwrap().broken, Some((5, Fault::CutOff)));
    let forged = Expected { seq: 4, hash: last.hash };
    assert_eq!(verify(&store, Some(forged)).await.unwrap().broken, Some((4, Fault::NotTheNoted)));
}

#[tokio::test]
async fn pages_and_filters_read_every_entry_once_in_either_direction() {
    let store = journal(23).await;
    for newest_first in [false, true] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page =
                read(&store, Selection { after, newest_first, ..Default::default() }, 5).await.unwrap();
            seen.extend(page.entries.iter().map(|entry| entry.seq));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        if newest_first {
            seen.reverse();
        }
        assert_eq!(seen, (1..=23).collect::<Vec<_>>());
    }
    let wanted = Selection { containing: Some("act 2"), kind: Some("operation"), ..Default::default() };
    assert_eq!(read(&store, wanted, 100).await.unwrap().entries.len(), 5);
    let none = Selection { kind: Some("issued"), ..Default::default() };
    assert!(read(&store, none, 100).await.unwrap().entries.is_empty());
}

#[tokio::test]
async fn others_on_the_same_thread_get_their_turn_while_a_long_journal_is_read() {
    let store = journal(5500).await;
    let turns = Arc::new(AtomicU64::new(0));
    let counted = turns.clone();
    let other = tokio::spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(verify(&store, None).await.unwrap().verified, 5500);
    assert!(turns.load(Ordering::Relaxed) >= 5, "{turns:?} turns in five pages");
    turns.store(0, Ordering::Relaxed);
    let none = Selection { containing: Some("no such thing"), ..Selection::default() };
    assert!(read(&store, none, 10).await.unwrap().entries.is_empty());
    assert!(turns.load(Ordering::Relaxed) >= 5, "{turns:?} turns in many pages");
    other.abort();
}

#[tokio::test]
async fn the_head_is_written_and_read_as_operators_note_it() {
    let store = journal(3).await;
    let noted = verify(&store, None).await.unwrap().noted().unwrap();
    let text = noted.to_string();
    assert!(text.starts_with("3:") && text.len() == 66, "{text}");
    assert_eq!(text.parse(), Ok(noted));
    assert_eq!(text.to_uppercase().parse(), Ok(noted));
    for bad in ["", "3", "3:", "x:00", &text[1..], &format!("{text}00"), &text.replace(':', " ")] {
        assert_eq!(bad.parse::<Expected>(), Err(NotNoted), "{bad}");
    }
    assert_eq!(verify(&journal(0).await, None).await.unwrap().noted(), None);
}
