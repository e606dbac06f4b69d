//! A disk that is full, or that fails: nothing is acknowledged that is not kept, what was acknowledged stays, health says so.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use ca_server::log::verify;
use ca_server::store::faulty::{Faulty, Switches};
use ca_server::store::memory::Memory;
use ca_server::store::sled::{Sled, SledConfig};
use ca_server::store::{Batch, Range, Store, StoreError, Table};

use super::samples::{NOW, operation};

const ROWS: Table = Table::OrdersByAccount;

fn batch(number: u32) -> Batch {
    let mut batch = Batch::new();
    batch.put(ROWS, number.to_be_bytes().to_vec(), vec![7; 40_000]).record(NOW, operation("written"));
    batch
}

fn open(folder: &Path, reserve: u64) -> Store {
    let config = SledConfig { reserve, ..SledConfig::new(folder) };
    Store::new(Arc::new(Sled::open(&config).unwrap()))
}

fn cause(error: &StoreError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

#[tokio::test]
async fn with_too_little_space_in_reserve_nothing_is_written_and_health_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), 0);
    store.commit(batch(1)).await.unwrap();
    store.close().await;
    let store = open(folder.path(), u64::MAX);
    let refused = store.commit(batch(2)).await.unwrap_err();
    assert!(cause(&refused).contains("octets free"), "{}", cause(&refused));
    assert!(cause(&store.health().await.unwrap_err()).contains("octets free"));
    assert_eq!(store.scan(Range::of(ROWS)).await.unwrap().len(), 1);
}

/// A small file system of its own, unmounted when dropped; `None` where this is not allowed.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Self::run(
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=20m", "tmpfs"]).arg(folder.path()),
        );
        mounted.then(|| Self(folder))
    }

    fn grow(&self) {
        assert!(Self::run(Command::new("mount").args(["-o", "remount,size=200m"]).arg(self.0.path())));
    }

    fn run(command: &mut Command) -> bool {
        command.output().is_ok_and(|output| output.status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Self::run(Command::new("umount").arg("-l").arg(self.0.path()));
    }
}

#[tokio::test]
async fn a_disk_that_runs_full_loses_nothing_that_was_acknowledged() {
    let Some(disk) = SmallDisk::mount() else {
        let _ = writeln!(std::io::stderr(), "skipped: a small file system can be mounted only by root");
        return;
    };
    let folder = disk.0.path().join("data");
    let store = open(&folder, 0);
    let mut kept = 0;
    let failure = loop {
        match store.commit(batch(kept)).await {
            Ok(()) => kept += 1,
            Err(failure) => break failure,
        }
        assert!(kept < 10_000, "the disk never ran full");
    };
    assert!(cause(&failure).contains("read-only"), "{}", cause(&failure));
    let health = cause(&store.health().await.unwrap_err());
    assert!(health.contains("the store could not be"), "{health}");
    assert!(cause(&store.commit(batch(kept + 1)).await.unwrap_err()).contains("read-only"));
    // sled reads nothing more, either, once it knows of its failure.
    assert!(!matches!(store.index(ROWS, &kept.to_be_bytes()).await, Ok(Some(_))), "shown but not kept");
    store.close().await;
    drop(store);

    // What stands in the log has still no room in the tree.
    let config = SledConfig { reserve: 0, ..SledConfig::new(&folder) };
    let refused = Sled::open(&config).err().unwrap();
    assert!(refused.hint().contains("nothing is lost"), "{refused:?}: {}", refused.hint());
    disk.grow();
    let store = open(&folder, 0);
    for number in 0..kept {
        assert!(store.index(ROWS, &number.to_be_bytes()).await.unwrap().is_some(), "row {number} of {kept}");
    }
    let report = verify::verify(&store, None).await.unwrap();
    assert_eq!(report.broken, None);
    assert!(report.verified >= u64::from(kept));
    store.commit(batch(kept + 2)).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn the_switches_fail_what_they_say_and_nothing_else() {
    let switches = Switches::default();
    let store = Store::new(Arc::new(Faulty::new(Arc::new(Memory::new()), switches.clone())));
    switches.fail_next_commits(1);
    assert!(store.commit(batch(1)).await.is_err());
    store.commit(batch(1)).await.unwrap();
    switches.lose_next_answers(1);
    assert!(store.commit(batch(2)).await.is_err());
    assert!(store.index(ROWS, &2_u32.to_be_bytes()).await.unwrap().is_some());
    switches.fail_all_commits(true);
    assert!(store.commit(batch(3)).await.is_err() && store.health().await.is_err());
    assert!(store.index(ROWS, &3_u32.to_be_bytes()).await.unwrap().is_none());
    switches.fail_all_commits(false);
    store.commit(batch(3)).await.unwrap();
    switches.fail_reads(true);
    assert!(store.index(ROWS, b"x").await.is_err());
}
