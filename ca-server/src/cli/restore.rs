//! `ca-server restore`: a new folder from a backup, whole or not at all.
//!
//! Everything is verified while it is read: checksums and digest, the journal's chain, every certificate, no serial twice. Trusts nothing in
//! the file, not even its names. Nothing is overwritten, and a backup that is not right leaves nothing behind.

use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use certs::key::{Secret, unseal};
use serde::Serialize;
use time::OffsetDateTime;

use super::draft::Draft;
use super::progress::Moving;
use super::{Failure, output, passphrase, serve};
use crate::backup::contents::Contents;
use crate::backup::decode::{Damage, Decoder, Fault, Piece};
use crate::backup::{File, Head};
use crate::clock::{Clock as _, SystemClock};
use crate::config::StoreConfig;
use crate::log::act::Act;
use crate::store::restored;
use crate::store::{Batch, Row, Store, Table, open};

/// Octets read at once.
const STEP: usize = 256 * 1024;
/// The configuration among the files of a backup.
const CONFIG: &str = "ca.toml";

/// Make a new folder from a backup, verifying all of it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  ca-server restore rollcall-2026-11-22T020000Z.backup --dir ca --passphrase-file backup.pass
  ca-server doctor --config ca/ca.toml

Certificates revoked after the backup was made are valid again: revoke them anew. Stop the old server first, if it still runs.")]
pub struct Restore {
    /// The backup.
    pub backup: PathBuf,
    /// The folder to make; it must not exist, or be empty.
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// File with the passphrase of the keys in the backup.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Leave out the keys in the backup.
    #[arg(long, conflicts_with = "passphrase_file")]
    pub without_keys: bool,
    /// Print what was restored as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What was restored.
#[derive(Debug, Serialize)]
pub(super) struct Restored {
    /// The folder.
    pub folder: PathBuf,
    /// When the backup was made.
    #[serde(with = "time::serde::rfc3339")]
    pub made: OffsetDateTime,
    /// The URL of the server.
    pub url: String,
    /// Rows of all tables.
    pub rows: u64,
    /// Certificate records.
    pub certificates: u64,
    /// The last journal entry of the backup, as `SEQ:HASH`.
    pub journal: Option<String>,
    /// Files.
    pub files: Vec<String>,
    /// Keys that were left out.
    pub left_out: Vec<String>,
    /// What the operator has to see to.
    pub notes: Vec<String>,
}

/// Restores it and says what to do next.
pub(super) fn run(command: &Restore) -> Result<(), Failure> {
    let secret = command.passphrase_file.as_deref().map(passphrase::read_passphrase).transpose()?;
    let folder =
        std::path::absolute(&command.dir).map_err(|source| file_failed("use", &command.dir, source))?;
    let restoring = Restoring {
        draft: Draft::open(&folder)?,
        secret,
        without_keys: command.without_keys,
        place: PathBuf::from("data"),
        store: None,
        contents: Contents::default(),
        files: Vec::new(),
        left_out: Vec::new(),
        notes: Vec::new(),
        head: None,
        progress: Moving::start("restoring"),
    };
    let runtime = serve::runtime()?;
    let restored = runtime.block_on(restoring.all(command, folder))?;
    tell(command, &restored);
    Ok(())
}

fn tell(command: &Restore, restored: &Restored) {
    if command.json {
        return output::json(restored);
    }
    output::line(&format!("restored {}", restored.folder.display()));
    output::line(&format!("  from a backup of {} made {}", restored.url, output::time(restored.made)));
    output::line(&format!(
        "  {} certificates, {} rows in all, {} files; journal {}",
        restored.certificates,
        restored.rows,
        restored.files.len(),
        restored.journal.as_deref().unwrap_or("empty")
    ));
    for note in &restored.notes {
        output::note(&format!("note: {note}"));
    }
}

fn file_failed(action: &'static str, path: &Path, source: std::io::Error) -> Failure {
    Failure::File { action, path: path.to_owned(), source }
}

/// A folder on its way.
struct Restoring {
    /// Dropped before it is kept, it is gone with all that is in it.
    draft: Draft,
    secret: Option<Secret>,
    without_keys: bool,
    /// Where the store is within the folder.
    place: PathBuf,
    store: Option<Store>,
    contents: Contents,
    files: Vec<String>,
    left_out: Vec<String>,
    notes: Vec<String>,
    head: Option<Head>,
    progress: Moving,
}

impl Restoring {
    async fn all(mut self, command: &Restore, folder: PathBuf) -> Result<Restored, Failure> {
        let read = self.read(&command.backup).await;
        // The store lets go of its files before they are moved or removed.
        if let Some(store) = self.store.take() {
            store.close().await;
        }
        read?;
        let head = self.head.take().ok_or_else(|| Failure::Unusable {
            path: command.backup.clone(),
            reason: "it has no head".to_owned(),
        })?;
        self.settle(&head).await?;
        let restored = Restored {
            made: head.made,
            url: head.url,
            rows: self.contents.counted().values().sum(),
            certificates: self.contents.certificates(),
            journal: self.contents.journal().noted().map(|head| head.to_string()),
            files: self.files,
            left_out: self.left_out,
            notes: self.notes,
            folder: folder.clone(),
        };
        self.draft.keep(&folder)?;
        Ok(restored)
    }

    async fn read(&mut self, backup: &Path) -> Result<(), Failure> {
        let damaged = |damage| Failure::Damaged {
            what: backup.display().to_string(),
            damage,
            hint: "nothing was restored; take another backup, or another copy of this one",
        };
        let failed = |source| file_failed("read", backup, source);
        let mut file = std::fs::File::open(backup).map_err(failed)?;
        let (mut decoder, mut buffer) = (Decoder::default(), vec![0; STEP]);
        loop {
            let octets = file.read(&mut buffer).map_err(failed)?;
            if octets == 0 {
                break;
            }
            decoder.push(buffer.get(..octets).unwrap_or_default());
            while let Some(piece) = decoder.piece().map_err(damaged)? {
                let place = decoder.place();
                match piece {
                    Piece::Head(head) => self.head = Some(head),
                    Piece::File(file) => {
                        let name = relative(&file.name).ok_or(Fault::Malformed("a file's name"));
                        let name = name.map_err(|fault| damaged(Damage { place, fault }))?;
                        self.file(file, &name)?;
                    }
                    Piece::Rows(table, rows) => {
                        let right = self.contents.rows(table, &rows).map_err(Fault::Contents);
                        right.map_err(|fault| damaged(Damage { place, fault }))?;
                        self.rows(table, rows).await?;
                        let offset = decoder.offset();
                        self.progress.tell(|| format!("{} MiB, {table:?}", offset >> 20));
                    }
                    Piece::End(_) => {}
                }
            }
        }
        decoder.finish().map_err(damaged)?;
        Ok(())
    }

    fn file(&mut self, file: File, name: &str) -> Result<(), Failure> {
        if !file.sealed {
            if name == CONFIG {
                self.place_store(&file.content);
            }
            self.draft.file(name, &file.content)?;
        } else if self.without_keys {
            self.left_out.push(name.to_owned());
            return Ok(());
        } else {
            let secret = self.secret.as_ref().ok_or(Failure::Sealed)?;
            let content = unseal(&file.content, secret).map_err(|error| Failure::Making {
                what: format!("{name} from its sealed copy"),
                reason: error.to_string(),
            })?;
            self.draft.secret(name, content.as_slice())?;
        }
        if name.starts_with("outside/") {
            self.notes.push(format!("{name} stood outside the folder: put it back, or name it in {CONFIG}"));
        }
        self.files.push(name.to_owned());
        Ok(())
    }

    /// Where the restored configuration will look for the store.
    fn place_store(&mut self, config: &[u8]) {
        let table: Option<toml::Table> = std::str::from_utf8(config).ok().and_then(|text| text.parse().ok());
        let url = table.as_ref().and_then(|table| table.get("store")?.get("url")?.as_str());
        let wanted = url.unwrap_or("sled:data").strip_prefix("sled:");
        match wanted.and_then(|path| relative(path.trim_start_matches("./"))) {
            Some(place) => self.place = PathBuf::from(place),
            None => self.notes.push(format!(
                "the store is in `data`, which is not where {CONFIG} looks: write [store] url = \"sled:data\""
            )),
        }
    }

    fn open(&self) -> Result<Store, Failure> {
        let url = format!("sled:{}", self.place.display());
        Ok(open(&StoreConfig { url, ..StoreConfig::default() }, self.draft.folder())?)
    }

    async fn rows(&mut self, table: Table, rows: Vec<Row>) -> Result<(), Failure> {
        if self.store.is_none() {
            self.store = Some(self.open()?);
        }
        if let Some(store) = &self.store {
            restored::put(store, table, rows).await?;
        }
        Ok(())
    }

    /// Opens the store as a server will, and records what was done.
    async fn settle(&mut self, head: &Head) -> Result<(), Failure> {
        let store = self.open()?;
        let settled = async {
            restored::skip_crl_numbers(&store).await?;
            let mut batch = Batch::new();
            let what = format!("store restored from a backup made {}", output::time(head.made));
            batch.record(SystemClock.now(), Act::Operation { what });
            store.commit(batch).await
        };
        let settled = settled.await;
        store.close().await;
        Ok(settled?)
    }
}

/// A name that stays within the folder.
fn relative(name: &str) -> Option<String> {
    let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    (plain && !name.is_empty()).then(|| name.to_owned())
}
