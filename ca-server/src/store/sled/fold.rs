//! Moves what has come together in the write-ahead log into the tree, beside the committer.
//!
//! Rows that changed several times meanwhile are written once, and rows that stand together share a write: most of what the tree costs is
//! paid a few times a second instead of once a commit. sled's own flush ends with `sync_file_range`, which neither empties the disk's cache
//! nor keeps the file's size, so every part is followed by `fdatasync`. Must never report a fold as done before that: the log is written
//! over afterwards.

use std::fs::File;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sled::Db;

use super::failure::SledFailure;
use super::view::Rows;
use super::{Shared, SledConfig, SledOpenError, blocks, open, reach};

/// Most rows written between two syncs.
///
/// What is not yet synced must stay smaller than one of sled's segments: the header of each new segment says how far the log is
/// stable, and sled counts as stable what it has written, synced or not. If more than a whole segment were written at once, power
/// loss could keep a header that vouches for octets that are gone. A row costs a few kilobytes of log, and up to a page more while
/// sled moves pages out of sparse segments.
const MOST_ROWS: usize = 160;
/// Most octets between two syncs, for the same reason, unless a single row has more.
const MOST_OCTETS: usize = 256 * 1024;
/// How long a fold may take before something is suspected.
const SLOW: Duration = Duration::from_secs(5);

/// The committer's end: at most one fold is under way.
pub(super) struct Fold {
    jobs: Option<SyncSender<Job>>,
    done: Receiver<()>,
    thread: Option<JoinHandle<()>>,
    under_way: bool,
}

/// Rows to move, the generation of the log that they are, and the octets that were committed for them.
struct Job {
    rows: Arc<Rows>,
    generation: u64,
    octets: usize,
}

impl Fold {
    /// Starts the thread.
    pub(super) fn start(shared: &Arc<Shared>, database: File, config: &SledConfig) -> std::io::Result<Self> {
        let (jobs, taken) = sync_channel(1);
        let (finished, done) = sync_channel(1);
        let mover = Mover { shared: Arc::downgrade(shared), database, config: config.clone(), written: 0 };
        let thread = std::thread::Builder::new()
            .name("store-fold".to_owned())
            .spawn(move || mover.run(&taken, &finished))?;
        Ok(Self { jobs: Some(jobs), done, thread: Some(thread), under_way: false })
    }

    /// Whether none is under way; an error if the thread has ended.
    pub(super) fn is_idle(&mut self) -> Result<bool, SledFailure> {
        if self.under_way {
            match self.done.try_recv() {
                Ok(()) => self.under_way = false,
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return Err(SledFailure::Ended),
            }
        }
        Ok(!self.under_way)
    }

    /// Waits until none is under way. One that failed stays under way for ever: its rows stand in the log alone.
    pub(super) fn wait(&mut self) -> Result<(), SledFailure> {
        if self.under_way {
            self.done.recv().map_err(|_| SledFailure::Ended)?;
            self.under_way = false;
        }
        Ok(())
    }

    /// Begins to move `rows`, all of one generation, which readers see already; none may be under way.
    pub(super) fn begin(
        &mut self,
        rows: Arc<Rows>,
        generation: u64,
        octets: usize,
    ) -> Result<(), SledFailure> {
        let jobs = self.jobs.as_ref().ok_or(SledFailure::Ended)?;
        jobs.send(Job { rows, generation, octets }).map_err(|_| SledFailure::Ended)?;
        self.under_way = true;
        Ok(())
    }
}

impl Drop for Fold {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that moves rows into the tree ended by a panic");
        }
    }
}

/// The thread's end.
struct Mover {
    shared: Weak<Shared>,
    database: File,
    config: SledConfig,
    /// Octets committed since the database was opened.
    written: usize,
}

impl Mover {
    /// Folds until the committer is gone. After a failure nothing is reported as done, so nothing in the log is written over.
    fn run(mut self, jobs: &Receiver<Job>, done: &SyncSender<()>) {
        while let Ok(job) = jobs.recv() {
            let Some(shared) = self.shared.upgrade() else { return };
            if let Err(failure) = self.fold(&shared, &job) {
                open::note(&self.config.folder, &failure);
                super::stop(&shared, &failure);
                return;
            }
            if done.send(()).is_err() {
                return;
            }
        }
    }

    fn fold(&mut self, shared: &Shared, job: &Job) -> Result<(), SledFailure> {
        let begun = Instant::now();
        let db = shared.view.read().db().map_err(|_| SledFailure::ReadOnly)?.clone();
        into_tree(&db, &self.database, &job.rows, job.generation)?;
        drop(db);
        shared.view.write().melt();
        metrics::histogram!("rollcall_store_fold_seconds").record(begun.elapsed());
        self.written = self.written.saturating_add(job.octets);
        if self.written >= self.config.checkpoint { self.checkpoint(shared, job.generation) } else { Ok(()) }
    }

    /// Closes the database and opens it again: sled 0.34 writes a snapshot of its page table only when it is opened, and a start after a
    /// crash reads its log from the last snapshot on. Readers and writers wait meanwhile, a fraction of a second.
    fn checkpoint(&mut self, shared: &Shared, generation: u64) -> Result<(), SledFailure> {
        let begun = Instant::now();
        let mut view = shared.view.write();
        view.close();
        let failed = |error: SledOpenError| SledFailure::Checkpoint(Arc::new(error));
        let db = open::reopen(&self.config).map_err(failed)?;
        open::check_reach(&db, &self.config.folder, &(generation..=generation)).map_err(failed)?;
        view.reopen(db);
        self.written = 0;
        tracing::info!(duration_ms = begun.elapsed().as_millis(), "the store made a checkpoint");
        Ok(())
    }
}

impl Drop for Mover {
    /// A panic must not pass for a fold that takes long.
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(shared) = self.shared.upgrade()
        {
            super::stop(&shared, &SledFailure::Ended);
        }
    }
}

/// Writes `rows` into the tree, a part at a time, each synced before the next; with the last one it says that the tree reaches `generation`.
pub(super) fn into_tree(db: &Db, database: &File, rows: &Rows, generation: u64) -> Result<(), SledFailure> {
    let (ended, end) = sync_channel::<()>(0);
    std::thread::scope(|scope| {
        scope.spawn(move || watch(db, &end));
        let written = write(db, database, rows, generation);
        drop(ended);
        written
    })
}

/// Wakes a flush that waits for a write that has failed: sled 0.34 reports a failed write of a full segment to nobody until someone
/// flushes again.
fn watch(db: &Db, end: &Receiver<()>) {
    while end.recv_timeout(SLOW) == Err(RecvTimeoutError::Timeout) {
        tracing::warn!("moving rows into the tree has taken {} seconds so far", SLOW.as_secs());
        if let Err(error) = db.flush() {
            tracing::warn!(%error, "the tree does not flush");
        }
    }
}

fn write(db: &Db, database: &File, rows: &Rows, generation: u64) -> Result<(), SledFailure> {
    let mut rows = rows.iter().peekable();
    loop {
        let (mut part, mut octets) = (Vec::with_capacity(MOST_ROWS), 0);
        while let Some((key, value)) = rows.next_if(|_| part.len() < MOST_ROWS && octets < MOST_OCTETS) {
            octets += key.len() + value.as_ref().map_or(0, Vec::len);
            part.push((key.as_slice(), value.as_deref()));
        }
        let mut batch = blocks::lay(db, &part)?;
        let last = rows.peek().is_none();
        if last {
            reach::mark(&mut batch, generation);
        }
        db.apply_batch(batch).map_err(SledFailure::Write)?;
        db.flush().map_err(SledFailure::Write)?;
        database.sync_data().map_err(|source| SledFailure::Sync(Arc::new(source)))?;
        if last {
            return Ok(());
        }
    }
}
