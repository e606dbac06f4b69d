//! The proof that an acknowledged batch is on the disk: the system calls of a process that commits are traced, and the files are
//! rebuilt as power loss could have left them at every sync.
//!
//! Before a sync returns, each write since the one before may have reached the disk or not, whole or in part: the variants keep none
//! of them, all, the last one torn, only the last, or every other one. Whatever is kept, the store must open again, have every batch
//! acknowledged by then, each batch whole or not at all, and a journal that verifies. The write-ahead log is kept short, so that its files
//! change places and its rows move into the tree between the batches.

mod disk;
mod trace;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use ca_server::log::verify;
use ca_server::store::sled::{Sled, SledConfig};
use ca_server::store::{Batch, Store, Table};

use super::samples::{NOW, operation};
use disk::{Disk, Loss};
use trace::Event;

const FOLDER: &str = "ROLLCALL_DURABILITY_FOLDER";
const FIRST_LIFE: &str = "ROLLCALL_DURABILITY_LIFE";
const THIS: &str = "durability::traced_process";
const CALLS: &str = "trace=openat,open,creat,dup,write,pwrite64,writev,pwritev,ftruncate,fallocate,rename,renameat,renameat2,\
                     unlink,unlinkat,fsync,fdatasync,sync_file_range,close,mkdir,mkdirat";
/// Batches written by each of the lives of the traced process.
const BATCHES: u32 = 12;
const LIVES: u32 = 3;

fn open(folder: &Path) -> Store {
    open_with(folder, 4000)
}

fn open_with(folder: &Path, ahead: usize) -> Store {
    let config = SledConfig { reserve: 0, ahead, checkpoint: 20_000, ..SledConfig::new(folder) };
    Store::new(Arc::new(Sled::open(&config).unwrap()))
}

/// Each batch writes two rows far apart, so that it touches more than one page, and an act.
fn batch(number: u32) -> Batch {
    let mut batch = Batch::new();
    batch.put(Table::Orders, number.to_be_bytes().to_vec(), vec![number.to_le_bytes()[0]; 1500]);
    batch.put(Table::OrdersByAccount, (!number).to_be_bytes().to_vec(), Vec::new());
    batch.record(NOW, operation(&number.to_string()));
    batch
}

/// Not a test by itself: what the test below runs under `strace`.
#[tokio::test]
async fn traced_process() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let first_life: u32 = std::env::var(FIRST_LIFE).unwrap().parse().unwrap();
    let mut acknowledged = fs::File::create(folder.join("acknowledged")).unwrap();
    let mut acknowledge = |number: u32| acknowledged.write_all(format!("{number}\n").as_bytes()).unwrap();
    for life in first_life..LIVES {
        // Nothing moves in the life that ends without closing: a call that is cut off by its end would be missing from the trace.
        let ahead = if life == 0 { 40_000 } else { 4000 };
        let store = open_with(&folder.join("data"), ahead);
        let first = life * BATCHES;
        for number in first..first + BATCHES - 4 {
            store.commit(batch(number)).await.unwrap();
            acknowledge(number);
        }
        let together = (first + BATCHES - 4..first + BATCHES).map(|number| {
            let store = &store;
            async move { store.commit(batch(number)).await.map(|()| number).unwrap() }
        });
        futures_util::future::join_all(together).await.into_iter().for_each(&mut acknowledge);
        if life == 0 {
            // The first process ends without closing: the next one finds rows in the log, and moves them.
            std::process::exit(0);
        }
        store.close().await;
    }
}

/// The traced calls of two processes, one after the other, or `None` where `strace` cannot be used.
fn traced(folder: &Path) -> Option<Vec<Event>> {
    let mut events = Vec::new();
    for first_life in ["0", "1"] {
        let log = folder.join("trace");
        let output = Command::new("strace")
            .args(["-f", "-xx", "-s", "33554432", "-e", CALLS, "-o"])
            .arg(&log)
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", THIS, "--test-threads=1"])
            .env(FOLDER, folder)
            .env(FIRST_LIFE, first_life)
            .output()
            .ok()?;
        let text = fs::read_to_string(&log).ok()?;
        if !output.status.success() && text.lines().count() < 10 {
            return None;
        }
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        events.extend(trace::parse(&text));
    }
    Some(events)
}

#[tokio::test]
async fn power_loss_at_any_sync_loses_no_acknowledged_batch() {
    let folder = tempfile::tempdir().unwrap();
    let Some(events) = traced(folder.path()) else {
        let required = std::env::var("ROLLCALL_INTEROP").is_ok_and(|value| value == "require");
        assert!(!required, "strace cannot be used on this machine, but interop is required");
        // Not `eprintln!`: the test harness would keep it back with whatever else a test that passes says.
        let _ = writeln!(std::io::stderr(), "skipped: the proof of durability needs strace");
        return;
    };
    let (data, acks) = (folder.path().join("data"), folder.path().join("acknowledged"));
    let mut disk = Disk::new(&data);
    let log = |path: &Path| [data.join("ahead.0"), data.join("ahead.1")].iter().any(|log| log == path);
    let (mut acknowledged, mut unsynced, mut synced) = (0, false, 0);
    let mut checked = Checked::default();
    for event in &events {
        match event {
            Event::Write { path, .. } if *path == acks => {
                assert!(!unsynced, "acknowledged {acknowledged} before the write-ahead log was synced");
                acknowledged += 1;
            }
            // The first sectors hold the file's headers, which acknowledge nothing.
            Event::Write { path, at, .. } if log(path) && *at >= Some(8192) => unsynced = true,
            Event::Sync { path } if log(path) || *path == data.join("db") => {
                check_all(&mut checked, &disk, acknowledged).await;
                synced += usize::from(!log(path));
                unsynced = unsynced && !log(path);
            }
            _ => {}
        }
        disk.apply(event);
    }
    check_all(&mut checked, &disk, acknowledged).await;
    assert_eq!(acknowledged, LIVES * BATCHES);
    assert!(synced > 10, "only {synced} syncs of the database");
    assert!(checked.len() > 60, "only {} states were rebuilt", checked.len());
}

type Files = BTreeMap<std::path::PathBuf, Vec<u8>>;
/// States looked at already, by a digest, with the number of batches that had to be in them.
type Checked = HashSet<(u64, u32)>;

/// Checks what each kind of power loss would leave now.
async fn check_all(checked: &mut Checked, disk: &Disk, acknowledged: u32) {
    for loss in Loss::ALL {
        let files = disk.after(*loss);
        let mut digest = DefaultHasher::new();
        files.hash(&mut digest);
        if checked.insert((digest.finish(), acknowledged)) {
            check(&files, acknowledged).await;
        }
    }
}

/// Opens what is left and looks for every batch.
async fn check(files: &Files, acknowledged: u32) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("blobs")).unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let store = open(folder.path());
    let mut whole = 0;
    for number in 0..LIVES * BATCHES {
        let record = store.index(Table::Orders, &number.to_be_bytes()).await.unwrap();
        let row = store.index(Table::OrdersByAccount, &(!number).to_be_bytes()).await.unwrap();
        assert_eq!(record.is_some(), row.is_some(), "batch {number} is there in part");
        assert!(
            record.is_some() || number >= acknowledged,
            "batch {number} of {acknowledged} acknowledged is lost"
        );
        assert!(record.is_none_or(|record| record == vec![number.to_le_bytes()[0]; 1500]));
        whole += u64::from(row.is_some());
    }
    let report = verify::verify(&store, None).await.unwrap();
    assert_eq!((report.verified, report.broken), (whole, None));
    store.commit(batch(9999)).await.unwrap();
    store.close().await;
}
