//! The one battery that every backend passes.

use std::sync::Arc;

use ca_server::log::{journal, verify};
use ca_server::order::model::Account;
use ca_server::sso::person::SingleUse;
use ca_server::store::memory::Memory;
use ca_server::store::sled::{Sled, SledConfig};
use ca_server::store::tables::{sign_ins, used_assertions};
use ca_server::store::{Backend, Batch, Range, Row, Snapshot, Store, StoreError, Table};

use super::samples::{NOW, account, operation, sign_in};

const ROWS: Table = Table::OrdersByAccount;

macro_rules! battery {
    ($($test:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test] async fn $test() { super::$test(super::memory()).await; })*
        }
        mod sled {
            $(#[tokio::test] async fn $test() {
                let folder = tempfile::tempdir().unwrap();
                super::$test(super::sled(folder.path())).await;
            })*
        }
    };
}

battery! {
    an_absent_row_is_none,
    an_inserted_record_is_read_back_and_not_inserted_twice,
    a_replacement_needs_the_version_that_was_seen,
    a_record_demanded_unchanged_makes_the_batch_stale_when_it_changed,
    a_removed_record_is_gone_and_cannot_be_removed_again,
    a_stale_batch_writes_no_row_and_no_act,
    a_scan_gives_rows_in_order_in_both_directions,
    a_scan_keeps_to_its_prefix_and_table,
    a_scan_goes_on_strictly_after_a_key_even_one_that_is_gone,
    a_scan_after_a_key_outside_its_prefix_stays_inside,
    an_octet_of_255_at_the_end_of_a_prefix_is_no_border,
    writes_of_one_batch_apply_in_order,
    acts_are_sealed_in_the_order_of_the_commits,
    of_64_concurrent_replacements_exactly_one_wins,
    concurrent_commits_all_count_and_the_journal_verifies,
    of_32_concurrent_claims_of_one_assertion_exactly_one_wins,
    a_row_too_large_is_refused_and_the_store_goes_on,
    an_act_too_large_is_refused_and_the_store_goes_on,
    acts_count_towards_the_size_of_a_batch,
    a_closed_store_refuses_to_commit,
    a_snapshot_shows_what_stood_when_it_was_begun_however_much_changes,
    a_snapshot_of_a_store_under_load_sees_each_batch_whole_or_not_at_all,
}

fn memory() -> Arc<dyn Backend> {
    Arc::new(Memory::new())
}

fn sled(folder: &std::path::Path) -> Arc<dyn Backend> {
    Arc::new(Sled::open(&SledConfig::new(folder)).unwrap())
}

async fn put(backend: &Arc<dyn Backend>, table: Table, keys: &[&[u8]]) {
    let mut batch = Batch::new();
    for key in keys {
        batch.put(table, key.to_vec(), key.to_vec());
    }
    backend.commit(batch).await.unwrap();
}

async fn keys(backend: &Arc<dyn Backend>, range: Range) -> Vec<String> {
    let rows = backend.scan(range).await.unwrap();
    rows.into_iter()
        .map(|(key, value)| {
            assert_eq!(key, value);
            String::from_utf8_lossy(&key).into_owned()
        })
        .collect()
}

async fn an_absent_row_is_none(backend: Arc<dyn Backend>) {
    assert_eq!(backend.get(ROWS, b"x").await.unwrap(), None);
    assert!(backend.scan(Range::of(ROWS)).await.unwrap().is_empty());
    backend.health().await.unwrap();
}

async fn an_inserted_record_is_read_back_and_not_inserted_twice(backend: Arc<dyn Backend>) {
    let (store, alice) = (Store::new(backend), account("a"));
    let mut batch = Batch::new();
    batch.insert(&alice).unwrap();
    store.commit(batch.clone()).await.unwrap();
    assert_eq!(store.load::<Account>(&alice.id).await.unwrap().unwrap().value, alice);
    let again = store.commit(batch).await.unwrap_err();
    assert!(matches!(again, StoreError::Stale(Table::Accounts)), "{again}");
}

async fn a_replacement_needs_the_version_that_was_seen(backend: Arc<dyn Backend>) {
    let (store, mut alice) = (Store::new(backend), account("a"));
    let mut batch = Batch::new();
    batch.insert(&alice).unwrap();
    store.commit(batch).await.unwrap();
    let seen = store.load::<Account>(&alice.id).await.unwrap().unwrap();
    alice.contact.clear();
    let mut batch = Batch::new();
    batch.replace(seen.version, &alice).unwrap();
    store.commit(batch.clone()).await.unwrap();
    assert!(matches!(store.commit(batch).await, Err(StoreError::Stale(Table::Accounts))));
    let now = store.load::<Account>(&alice.id).await.unwrap().unwrap();
    assert!(now.version > seen.version && now.value == alice);
}

async fn a_record_demanded_unchanged_makes_the_batch_stale_when_it_changed(backend: Arc<dyn Backend>) {
    let (store, alice) = (Store::new(backend), account("a"));
    let mut batch = Batch::new();
    batch.insert(&alice).unwrap();
    store.commit(batch).await.unwrap();
    let seen = store.load::<Account>(&alice.id).await.unwrap().unwrap();
    let mut demand = Batch::new();
    demand.unchanged(&seen).put(ROWS, b"k".to_vec(), Vec::new());
    store.commit(demand.clone()).await.unwrap();
    let mut change = Batch::new();
    change.replace(seen.version, &alice).unwrap();
    store.commit(change).await.unwrap();
    assert!(matches!(store.commit(demand).await, Err(StoreError::Stale(Table::Accounts))));
}

async fn a_removed_record_is_gone_and_cannot_be_removed_again(backend: Arc<dyn Backend>) {
    let (store, alice) = (Store::new(backend), account("a"));
    let mut batch = Batch::new();
    batch.insert(&alice).unwrap();
    store.commit(batch).await.unwrap();
    let seen = store.load::<Account>(&alice.id).await.unwrap().unwrap();
    let mut removal = Batch::new();
    removal.remove(&seen);
    store.commit(removal.clone()).await.unwrap();
    assert!(store.load::<Account>(&alice.id).await.unwrap().is_none());
    assert!(matches!(store.commit(removal).await, Err(StoreError::Stale(_))));
}

async fn a_stale_batch_writes_no_row_and_no_act(backend: Arc<dyn Backend>) {
    put(&backend, ROWS, &[b"taken"]).await;
    let mut batch = Batch::new();
    batch.put(ROWS, b"new".to_vec(), Vec::new());
    batch.delete(ROWS, b"taken".to_vec());
    batch.absent(ROWS, b"free".to_vec()).absent(ROWS, b"taken".to_vec());
    batch.record(NOW, operation("never"));
    let stale = backend.commit(batch).await.unwrap_err();
    assert!(matches!(stale, StoreError::Stale(table) if table == ROWS), "{stale}");
    assert_eq!(keys(&backend, Range::of(ROWS)).await, ["taken"]);
    assert!(backend.scan(Range::of(Table::Journal)).await.unwrap().is_empty());
}

async fn a_scan_gives_rows_in_order_in_both_directions(backend: Arc<dyn Backend>) {
    put(&backend, ROWS, &[b"c", b"a", b"bb", b"b"]).await;
    assert_eq!(keys(&backend, Range::of(ROWS)).await, ["a", "b", "bb", "c"]);
    assert_eq!(keys(&backend, Range::of(ROWS).limit(2)).await, ["a", "b"]);
    assert_eq!(keys(&backend, Range::of(ROWS).backwards()).await, ["c", "bb", "b", "a"]);
    assert_eq!(keys(&backend, Range::of(ROWS).backwards().limit(1)).await, ["c"]);
    assert!(keys(&backend, Range::of(ROWS).limit(0)).await.is_empty());
}

async fn a_scan_keeps_to_its_prefix_and_table(backend: Arc<dyn Backend>) {
    put(&backend, ROWS, &[b"a1", b"a2", b"b1", b""]).await;
    put(&backend, Table::Orders, &[b"a0", b"zz"]).await;
    put(&backend, Table::Authorizations, &[b"a9", b""]).await;
    assert_eq!(keys(&backend, Range::of(ROWS).prefix(b"a".to_vec())).await, ["a1", "a2"]);
    assert_eq!(keys(&backend, Range::of(ROWS).prefix(b"a".to_vec()).backwards()).await, ["a2", "a1"]);
    assert_eq!(keys(&backend, Range::of(ROWS)).await, ["", "a1", "a2", "b1"]);
    assert_eq!(keys(&backend, Range::of(ROWS).backwards()).await, ["b1", "a2", "a1", ""]);
}

async fn a_scan_goes_on_strictly_after_a_key_even_one_that_is_gone(backend: Arc<dyn Backend>) {
    put(&backend, ROWS, &[b"a", b"c", b"e"]).await;
    let after = |key: &[u8]| Range::of(ROWS).after(Some(key.to_vec()));
    assert_eq!(keys(&backend, after(b"a")).await, ["c", "e"]);
    assert_eq!(keys(&backend, after(b"b")).await, ["c", "e"]);
    assert_eq!(keys(&backend, after(b"e")).await, [""; 0]);
    assert_eq!(keys(&backend, after(b"e").backwards()).await, ["c", "a"]);
    assert_eq!(keys(&backend, after(b"d").backwards()).await, ["c", "a"]);
    assert_eq!(keys(&backend, after(b"a").backwards()).await, [""; 0]);
}

async fn a_scan_after_a_key_outside_its_prefix_stays_inside(backend: Arc<dyn Backend>) {
    put(&backend, ROWS, &[b"a1", b"b1", b"b2", b"c1"]).await;
    let range = |key: &[u8]| Range::of(ROWS).prefix(b"b".to_vec()).after(Some(key.to_vec()));
    assert_eq!(keys(&backend, range(b"a1")).await, ["b1", "b2"]);
    assert_eq!(keys(&backend, range(b"c1")).await, [""; 0]);
    assert_eq!(keys(&backend, range(b"c1").backwards()).await, ["b2", "b1"]);
    assert_eq!(keys(&backend, range(b"a1").backwards()).await, [""; 0]);
}

async fn an_octet_of_255_at_the_end_of_a_prefix_is_no_border(backend: Arc<dyn Backend>) {
    let inside = [vec![1, 255], vec![1, 255, 0], vec![1, 255, 255]];
    let mut batch = Batch::new();
    for key in inside.iter().cloned().chain([vec![1, 254], vec![2]]) {
        batch.put(ROWS, key, Vec::new());
    }
    backend.commit(batch).await.unwrap();
    let rows = backend.scan(Range::of(ROWS).prefix(vec![1, 255])).await.unwrap();
    assert_eq!(rows.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), inside);
    put(&backend, Table::Orders, &[&[255, 255]]).await;
    assert_eq!(backend.scan(Range::of(Table::Orders).prefix(vec![255, 255])).await.unwrap().len(), 1);
}

async fn writes_of_one_batch_apply_in_order(backend: Arc<dyn Backend>) {
    let mut batch = Batch::new();
    batch.put(ROWS, b"a".to_vec(), b"1".to_vec()).delete(ROWS, b"a".to_vec());
    batch.delete(ROWS, b"b".to_vec()).put(ROWS, b"b".to_vec(), b"1".to_vec());
    batch.put(ROWS, b"b".to_vec(), b"2".to_vec());
    backend.commit(batch).await.unwrap();
    assert_eq!(backend.scan(Range::of(ROWS)).await.unwrap(), [(b"b".to_vec(), b"2".to_vec())]);
}

async fn acts_are_sealed_in_the_order_of_the_commits(backend: Arc<dyn Backend>) {
    let store = Store::new(backend);
    for round in 0..3 {
        let mut batch = Batch::new();
        batch
            .record(NOW, operation(&format!("{round} first")))
            .record(NOW, operation(&format!("{round} second")));
        store.commit(batch).await.unwrap();
    }
    let entries = journal::read(&store, journal::Selection::default(), 10).await.unwrap().entries;
    let said: Vec<_> = entries.iter().map(|entry| (entry.seq, entry.parse().unwrap())).collect();
    let expected: Vec<_> = (0..6)
        .map(|n| (n + 1, operation(&format!("{} {}", n / 2, if n % 2 == 0 { "first" } else { "second" }))))
        .collect();
    assert_eq!(said, expected);
    assert_eq!(verify::verify(&store, None).await.unwrap().verified, 6);
}

async fn of_64_concurrent_replacements_exactly_one_wins(backend: Arc<dyn Backend>) {
    let (store, alice) = (Store::new(backend), account("a"));
    let mut batch = Batch::new();
    batch.insert(&alice).unwrap();
    store.commit(batch).await.unwrap();
    let seen = store.load::<Account>(&alice.id).await.unwrap().unwrap().version;
    let attempts = (0..64).map(|number| {
        let next = Account { contact: vec![format!("mailto:{number}@example.com")], ..alice.clone() };
        let store = &store;
        async move {
            let mut batch = Batch::new();
            batch.replace(seen, &next).unwrap().record(NOW, operation(&next.contact[0]));
            store.commit(batch).await.map(|()| next)
        }
    });
    let outcomes = futures_util::future::join_all(attempts).await;
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|outcome| matches!(outcome, Err(StoreError::Stale(Table::Accounts)))));
    let winner = won.into_iter().next().unwrap().unwrap();
    assert_eq!(store.load::<Account>(&alice.id).await.unwrap().unwrap().value, winner);
    let newest = journal::newest(&store).await.unwrap().unwrap();
    assert_eq!((newest.seq, newest.parse().unwrap()), (1, operation(&winner.contact[0])));
}

async fn concurrent_commits_all_count_and_the_journal_verifies(backend: Arc<dyn Backend>) {
    let store = Store::new(backend);
    let commits = (0..500_u32).map(|number| {
        let store = &store;
        async move {
            let mut batch = Batch::new();
            batch.put(ROWS, number.to_be_bytes().to_vec(), vec![0; 100]);
            batch.record(NOW, operation(&number.to_string()));
            store.commit(batch).await.unwrap();
            // An acknowledged write is seen at once by who made it.
            assert!(store.index(ROWS, &number.to_be_bytes()).await.unwrap().is_some());
        }
    });
    futures_util::future::join_all(commits).await;
    assert_eq!(store.scan(Range::of(ROWS)).await.unwrap().len(), 500);
    let report = verify::verify(&store, None).await.unwrap();
    assert_eq!((report.verified, report.broken), (500, None));
}

async fn a_row_too_large_is_refused_and_the_store_goes_on(backend: Arc<dyn Backend>) {
    let mut batch = Batch::new();
    batch.put(ROWS, b"a".to_vec(), b"small".to_vec()).put(ROWS, b"b".to_vec(), vec![0; 60_000]);
    let refused = backend.commit(batch).await.unwrap_err();
    assert!(matches!(refused, StoreError::TooLarge { table, .. } if table == ROWS), "{refused}");
    assert!(backend.scan(Range::of(ROWS)).await.unwrap().is_empty());
    let mut batch = Batch::new();
    for number in 0..11_u8 {
        batch.put(ROWS, vec![number], vec![number; 55_000]);
    }
    backend.commit(batch).await.unwrap();
    assert_eq!(backend.get(ROWS, &[10]).await.unwrap().unwrap(), vec![10; 55_000]);
    backend.health().await.unwrap();
}

async fn an_act_too_large_is_refused_and_the_store_goes_on(backend: Arc<dyn Backend>) {
    let mut batch = Batch::new();
    batch.put(ROWS, b"a".to_vec(), b"small".to_vec()).record(NOW, operation(&"x".repeat(60_000)));
    let refused = backend.commit(batch).await.unwrap_err();
    assert!(matches!(refused, StoreError::TooLarge { table: Table::Journal, .. }), "{refused}");
    assert!(backend.scan(Range::of(ROWS)).await.unwrap().is_empty());
    let mut batch = Batch::new();
    batch.record(NOW, operation(&"x".repeat(55_000)));
    backend.commit(batch).await.unwrap();
    assert_eq!(verify::verify(&Store::new(backend), None).await.unwrap().verified, 1);
}

async fn acts_count_towards_the_size_of_a_batch(backend: Arc<dyn Backend>) {
    let batch = |acts| {
        let mut batch = Batch::new();
        for _ in 0..acts {
            batch.record(NOW, operation(&"x".repeat(50_000)));
        }
        batch
    };
    let refused = backend.commit(batch(21)).await.unwrap_err();
    assert!(matches!(refused, StoreError::TooLarge { table: Table::Journal, .. }), "{refused}");
    assert!(backend.scan(Range::of(Table::Journal)).await.unwrap().is_empty());
    backend.commit(batch(20)).await.unwrap();
}

async fn a_closed_store_refuses_to_commit(backend: Arc<dyn Backend>) {
    put(&backend, ROWS, &[b"a"]).await;
    backend.close().await;
    assert!(matches!(backend.commit(Batch::new()).await, Err(StoreError::Closed)));
    assert!(matches!(backend.health().await, Err(StoreError::Closed)));
    backend.close().await;
}

/// Each claim stands in a batch with a write of its own, as when the same answer of a provider is posted for several sign-ins.
async fn of_32_concurrent_claims_of_one_assertion_exactly_one_wins(backend: Arc<dyn Backend>) {
    let store = Store::new(backend);
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let assertion = SingleUse { key: "corp\n_1".to_owned(), until: NOW };
                let mut batch = Batch::new();
                sign_ins::insert(&mut batch, &sign_in(NOW)).unwrap();
                used_assertions::claim(&mut batch, &assertion).unwrap();
                store.commit(batch).await
            })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => won += 1,
            Err(error) => assert!(matches!(error, StoreError::Stale(Table::UsedAssertions)), "{error}"),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(store.scan(Range::of(Table::SignIns)).await.unwrap().len(), 1);
}

/// Everything in a snapshot.
async fn read(mut snapshot: Box<dyn Snapshot>) -> Vec<(Table, Row)> {
    let mut rows = Vec::new();
    while let Some((table, page)) = snapshot.next().await.unwrap() {
        rows.extend(page.into_iter().map(|row| (table, row)));
    }
    rows
}

async fn a_snapshot_shows_what_stood_when_it_was_begun_however_much_changes(backend: Arc<dyn Backend>) {
    let tables = [Table::Accounts, ROWS, Table::Journal, Table::IdClaims];
    let key = |number: u16| number.to_be_bytes().to_vec();
    let mut expected = Vec::new();
    for table in tables {
        let mut batch = Batch::new();
        for number in (0..600).step_by(2) {
            batch.put(table, key(number), b"before".to_vec());
            expected.push((table, (key(number), b"before".to_vec())));
        }
        backend.commit(batch).await.unwrap();
    }
    let mut snapshot = backend.snapshot().await.unwrap();
    let mut rows = Vec::new();
    for change in 0_u16.. {
        // Rows are set, removed and put between others, ahead of the reader and behind it.
        let mut batch = Batch::new();
        for table in tables {
            batch.put(table, key(change * 7 % 600), b"after".to_vec());
            batch.delete(table, key(change * 11 % 600));
            batch.put(table, key(599 - change * 2 % 600), b"new".to_vec());
        }
        backend.commit(batch).await.unwrap();
        let Some((table, page)) = snapshot.next().await.unwrap() else { break };
        rows.extend(page.into_iter().map(|row| (table, row)));
    }
    assert!(rows == expected, "{} rows of {}", rows.len(), expected.len());
}

async fn a_snapshot_of_a_store_under_load_sees_each_batch_whole_or_not_at_all(backend: Arc<dyn Backend>) {
    let writer = |worker: u8| {
        let backend = Arc::clone(&backend);
        tokio::spawn(async move {
            for number in 0_u16..200 {
                let mut batch = Batch::new();
                for table in [Table::Accounts, ROWS, Table::IdClaims] {
                    let key = [&[worker], number.to_be_bytes().as_slice()].concat();
                    batch.put(table, key, b"one".to_vec());
                    batch.put(table, vec![worker], number.to_be_bytes().to_vec());
                }
                backend.commit(batch).await.unwrap();
            }
        })
    };
    let writers: Vec<_> = (0..4).map(writer).collect();
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        let rows = read(backend.snapshot().await.unwrap()).await;
        let of = |table| rows.iter().filter(|row| row.0 == table).map(|row| &row.1).collect::<Vec<_>>();
        assert_eq!(of(Table::Accounts), of(ROWS));
        assert_eq!(of(Table::Accounts), of(Table::IdClaims));
        for (key, last) in of(ROWS).into_iter().filter(|(key, _)| key.len() == 1) {
            let last = u16::from_be_bytes(last.as_slice().try_into().unwrap());
            let there = of(ROWS).iter().filter(|(other, _)| other.len() == 3 && other[0] == key[0]).count();
            assert_eq!(there, usize::from(last) + 1, "all that came before, and nothing after");
        }
        tokio::task::yield_now().await;
    }
}
