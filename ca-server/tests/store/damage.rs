//! What becomes of a store whose files change or go while it is closed: it opens whole, or says that it is damaged; never with less in it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use ca_server::log::verify;
use ca_server::store::sled::{Sled, SledConfig, SledOpenError};
use ca_server::store::{Batch, Range, Store, Table};

use super::samples::{NOW, operation};

const ROWS: u32 = 600;

/// A store with rows, closed as an operator closes it. `ahead` says how often rows move into the tree.
async fn fill(folder: &Path, ahead: usize) {
    let config = SledConfig { ahead, ..SledConfig::new(folder) };
    let store = Store::new(Arc::new(Sled::open(&config).unwrap()));
    for number in 0..ROWS {
        let mut batch = Batch::new();
        batch.put(Table::OrdersByAccount, number.to_be_bytes().to_vec(), vec![1; 300]);
        batch
            .put(Table::Accounts, number.to_be_bytes().to_vec(), vec![2; 100])
            .record(NOW, operation("written"));
        store.commit(batch).await.unwrap();
    }
    store.close().await;
}

/// Everything that was acknowledged, or an error.
async fn all_or_an_error(store: &Store) -> Result<(), Box<dyn std::error::Error>> {
    for table in [Table::OrdersByAccount, Table::Accounts] {
        let rows = store.scan(Range::of(table)).await?;
        assert_eq!(rows.len(), ROWS as usize, "rows of {table:?} are missing without a word");
        let value = if table == Table::Accounts { vec![2; 100] } else { vec![1; 300] };
        assert!(rows.iter().all(|(_, found)| *found == value), "a row of {table:?} changed without a word");
    }
    let report = verify::verify(store, None).await?;
    assert_eq!((report.verified, report.broken), (u64::from(ROWS), None));
    Ok(())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("blobs")).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

/// Changes one octet at each of many places, one at a time; says how often the store did not open, and how often it opened and could not be read.
async fn change_octets(folder: &Path, file: &str, places: usize) -> (usize, usize) {
    let whole = fs::read(folder.join(file)).unwrap();
    let used = whole.iter().rposition(|octet| *octet != 0).unwrap();
    let (mut refused, mut unreadable) = (0, 0);
    for place in 0..places {
        let damaged = tempfile::tempdir().unwrap();
        copy(folder, damaged.path());
        let mut octets = whole.clone();
        octets[used * place / places] ^= 0x10;
        fs::write(damaged.path().join(file), octets).unwrap();
        match Sled::open(&SledConfig::new(damaged.path())) {
            Err(error) => {
                assert!(error.hint().contains("backup"), "{error}: {}", error.hint());
                refused += 1;
            }
            Ok(store) => {
                let store = Store::new(Arc::new(store));
                unreadable += usize::from(all_or_an_error(&store).await.is_err());
                store.close().await;
            }
        }
    }
    eprintln!("{file}: of {places} changes {refused} refused, {unreadable} found when read");
    (refused, unreadable)
}

#[tokio::test]
async fn one_changed_octet_of_the_database_is_noticed_or_does_no_harm() {
    for ahead in [2 << 20, 20_000] {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), ahead).await;
        let (refused, _) = change_octets(folder.path(), "db", 60).await;
        assert!(refused > 0);
    }
}

#[tokio::test]
async fn one_changed_octet_of_the_write_ahead_log_of_a_closed_store_is_noticed_or_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), 20_000).await;
    change_octets(folder.path(), "ahead.0", 40).await;
    change_octets(folder.path(), "ahead.1", 40).await;
}

#[tokio::test]
async fn a_database_that_is_gone_or_older_than_its_log_is_refused_with_what_is_missing() {
    let (folder, older) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(folder.path(), 20_000).await;
    copy(folder.path(), older.path());
    for file in fs::read_dir(older.path()).unwrap().map(|entry| entry.unwrap().path()) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "db" || name == "conf" || name.starts_with("snap.") {
            fs::remove_file(file).unwrap();
        }
    }
    let refused = Sled::open(&SledConfig::new(older.path())).err().unwrap();
    assert!(matches!(refused, SledOpenError::Reach { found: 0, .. }), "{refused}");
    assert!(refused.to_string().contains("is damaged") && refused.hint().contains("keep a copy"));
}

#[tokio::test]
async fn a_log_that_is_gone_is_refused_since_what_it_held_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), 20_000).await;
    for log in ["ahead.0", "ahead.1"] {
        fs::remove_file(folder.path().join(log)).unwrap();
    }
    let refused = Sled::open(&SledConfig::new(folder.path())).err().unwrap();
    assert!(matches!(refused, SledOpenError::Reach { .. }), "{refused}");
}
