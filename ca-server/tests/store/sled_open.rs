//! Opening the embedded store: what was kept, who holds it, and what a crash may have left in its folder.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use ca_server::log::{journal, verify};
use ca_server::store::sled::{Sled, SledConfig, SledOpenError};
use ca_server::store::{Batch, Range, Store, Table};

use super::samples::{NOW, operation};

const ROWS: Table = Table::OrdersByAccount;

fn open(folder: &Path) -> Store {
    Store::new(std::sync::Arc::new(Sled::open(&SledConfig::new(folder)).unwrap()))
}

/// The database without the store. One of sled's threads may hold its file for a while after it was closed.
fn open_raw(folder: &Path) -> sled::Db {
    let settings = sled::Config::new().path(folder).segment_size(4 << 20);
    let longest = Instant::now() + Duration::from_secs(60);
    loop {
        match settings.open() {
            Err(sled::Error::Io(error))
                if error.to_string().contains("acquire lock") && Instant::now() < longest =>
            {
                std::thread::yield_now();
            }
            opened => return opened.unwrap(),
        }
    }
}

async fn write(store: &Store, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let mut batch = Batch::new();
        batch.put(ROWS, number.to_be_bytes().to_vec(), vec![1; 300]).record(NOW, operation("written"));
        store.commit(batch).await.unwrap();
    }
}

async fn holds(store: &Store, rows: usize) {
    assert_eq!(store.scan(Range::of(ROWS)).await.unwrap().len(), rows);
    let report = verify::verify(store, None).await.unwrap();
    assert_eq!((report.verified, report.broken), (rows as u64, None));
}

fn snapshots(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("snap.")).collect()
}

#[tokio::test]
async fn everything_is_there_after_reopening_and_the_chain_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..4 {
        let store = open(folder.path());
        holds(&store, round * 50).await;
        write(&store, round as u32 * 50..(round as u32 + 1) * 50).await;
        store.close().await;
    }
    let store = open(folder.path());
    holds(&store, 200).await;
    assert_eq!(journal::newest(&store).await.unwrap().unwrap().seq, 200);
}

#[tokio::test]
async fn a_second_opening_is_refused_with_a_hint_until_the_first_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let refused = Sled::open(&SledConfig::new(folder.path())).err().unwrap();
    assert!(matches!(refused, SledOpenError::InUse { .. }), "{refused}");
    assert!(refused.to_string().contains("in use by another process"));
    assert!(refused.hint().contains("stop the other server"));
    first.close().await;
    open(folder.path()).health().await.unwrap();
}

#[tokio::test]
async fn a_store_dropped_without_closing_can_be_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    write(&store, 0..10).await;
    drop(store);
    holds(&open(folder.path()), 10).await;
}

#[tokio::test]
async fn a_store_can_be_opened_again_the_moment_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..30 {
        let store = open(folder.path());
        write(&store, number..number + 1).await;
        store.close().await;
    }
    holds(&open(folder.path()), 30).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkpoints_under_load_lose_nothing_and_leave_snapshots() {
    let folder = tempfile::tempdir().unwrap();
    let config = SledConfig { checkpoint: 2_000, ahead: 1_000, ..SledConfig::new(folder.path()) };
    let store = Store::new(std::sync::Arc::new(Sled::open(&config).unwrap()));
    let before = snapshots(folder.path());
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..4 {
        let store = store.clone();
        writers.spawn(async move {
            for number in 0..50 {
                write(&store, writer * 50 + number..writer * 50 + number + 1).await;
                assert!(journal::newest(&store).await.unwrap().is_some());
            }
        });
    }
    writers.join_all().await;
    store.health().await.unwrap();
    assert_ne!(snapshots(folder.path()), before);
    drop(store);
    let store = open(folder.path());
    holds(&store, 200).await;
    assert_eq!(journal::newest(&store).await.unwrap().unwrap().seq, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scans_while_rows_move_into_the_tree_miss_none_and_show_none_twice() {
    let folder = tempfile::tempdir().unwrap();
    let config = SledConfig { ahead: 2_000, ..SledConfig::new(folder.path()) };
    let store = Store::new(std::sync::Arc::new(Sled::open(&config).unwrap()));
    let reader = store.clone();
    let writing = tokio::spawn(async move {
        // From the end to the beginning, so that blocks are split in the middle of what is read.
        for number in (0..400_u32).rev() {
            write(&store, number..number + 1).await;
        }
    });
    let mut least = 0;
    while !writing.is_finished() {
        for backwards in [false, true] {
            let range = Range { backwards, ..Range::of(ROWS) };
            let mut keys: Vec<_> =
                reader.scan(range).await.unwrap().into_iter().map(|(key, _)| key).collect();
            if backwards {
                keys.reverse();
            }
            assert!(keys.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(keys.len() >= least, "{} rows, there were {least}", keys.len());
            least = keys.len();
        }
    }
    writing.await.unwrap();
    holds(&reader, 400).await;
}

#[tokio::test]
async fn what_a_killed_process_left_in_the_log_is_there_and_a_damaged_log_is_refused_with_a_hint() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(folder.path());
    write(&store, 0..30).await;
    // As a killed process leaves it: nothing was moved into the tree.
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    fs::create_dir(copy.path().join("blobs")).unwrap();
    holds(&store, 30).await;
    for log in ["ahead.0", "ahead.1"] {
        let path = copy.path().join(log);
        let whole = fs::read(&path).unwrap();
        if whole[8192..].iter().all(|octet| *octet == 0) {
            continue;
        }
        let mut octets = whole.clone();
        octets[8700] ^= 1;
        fs::write(&path, octets).unwrap();
        let refused = Sled::open(&SledConfig::new(copy.path())).err().unwrap();
        assert!(refused.to_string().contains("write-ahead log"), "{refused}");
        assert!(refused.hint().contains("backup"));
        fs::write(&path, whole).unwrap();
    }
    holds(&open(copy.path()), 30).await;
}

#[tokio::test]
async fn a_store_whose_sync_failed_once_opens_from_what_the_disk_holds() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    write(&store, 0..20).await;
    store.close().await;
    fs::write(folder.path().join("unsynced"), b"").unwrap();
    holds(&open(folder.path()), 20).await;
    assert!(!folder.path().join("unsynced").exists());
}

#[tokio::test]
async fn a_half_written_snapshot_is_discarded() {
    let folder = tempfile::tempdir().unwrap();
    for numbers in [0..20, 20..40] {
        let store = open(folder.path());
        write(&store, numbers).await;
        store.close().await;
    }
    fs::write(folder.path().join("snap.7FFFFFFFFFFFFFFF.generating"), b"half").unwrap();
    holds(&open(folder.path()), 40).await;
}

#[tokio::test]
async fn a_damaged_or_missing_snapshot_costs_time_but_no_row() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..6 {
        let store = open(folder.path());
        holds(&store, round * 100).await;
        write(&store, round as u32 * 100..(round as u32 + 1) * 100).await;
        store.close().await;
        for snapshot in snapshots(folder.path()) {
            match round % 3 {
                0 => fs::write(&snapshot, b"torn").unwrap(),
                1 => fs::remove_file(&snapshot).unwrap(),
                _ => {
                    let mut octets = fs::read(&snapshot).unwrap();
                    let middle = octets.len() / 2;
                    octets[middle] ^= 0x55;
                    fs::write(&snapshot, octets).unwrap();
                }
            }
        }
    }
    holds(&open(folder.path()), 600).await;
}

#[tokio::test]
async fn a_folder_left_by_a_crash_while_it_was_made_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("blobs")).unwrap();
    fs::write(folder.path().join("conf"), b"segment_si").unwrap();
    fs::write(folder.path().join("db"), b"").unwrap();
    holds(&open(folder.path()), 0).await;
}

#[tokio::test]
async fn another_layout_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut batch = Batch::new();
    batch.put(Table::Meta, b"layout".to_vec(), b"3".to_vec());
    store.commit(batch).await.unwrap();
    store.close().await;
    let refused = Sled::open(&SledConfig::new(folder.path())).err().unwrap();
    assert!(matches!(&refused, SledOpenError::Layout { found, .. } if found == "3"), "{refused}");
}

#[tokio::test]
async fn a_store_of_the_layout_before_opens_whole_and_says_from_then_on_how_far_it_reaches() {
    let folder = tempfile::tempdir().unwrap();
    for numbers in [0..20, 20..40] {
        let store = open(folder.path());
        write(&store, numbers).await;
        store.close().await;
    }
    let raw = || open_raw(folder.path());
    let tree = raw();
    assert_eq!(tree.insert(b"\0layout", b"1").unwrap().as_deref(), Some(b"2".as_slice()));
    assert!(tree.remove([u8::MAX]).unwrap().is_some(), "it did not say how far it reaches");
    drop(tree);
    let store = open(folder.path());
    holds(&store, 40).await;
    write(&store, 40..50).await;
    store.close().await;
    assert_eq!(raw().get(b"\0layout").unwrap().as_deref(), Some(b"2".as_slice()));
    holds(&open(folder.path()), 50).await;
    assert!(raw().remove([u8::MAX]).unwrap().is_some());
    let refused = Sled::open(&SledConfig::new(folder.path())).err().unwrap();
    assert!(matches!(refused, SledOpenError::Reach { .. }), "{refused}");
}

#[tokio::test]
async fn a_new_folder_is_for_its_user_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("deep/data");
    open(&inner).close().await;
    assert_eq!(fs::metadata(&inner).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::read_dir(inner.join("blobs")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_last_journal_entry_that_does_not_parse_is_told_with_a_hint_that_needs_no_server() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    write(&store, 0..1).await;
    let mut batch = Batch::new();
    batch.put(Table::Journal, 1_u64.to_be_bytes().to_vec(), vec![0; 3]);
    store.commit(batch).await.unwrap();
    store.close().await;
    let Err(error) = Sled::open(&SledConfig::new(folder.path())) else { panic!("it opened") };
    assert!(matches!(error, SledOpenError::Journal(_)), "{error}");
    assert!(error.hint().contains("backup") && !error.hint().contains("ca-server"), "{}", error.hint());
}
