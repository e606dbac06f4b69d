//! One writer per state directory, by `flock` on `.lock`; and one agent that runs all the time, by `.agent.lock`.
//!
//! The kernel drops the lock when the holder dies, however it dies, so there are no stale locks. The file's content is only
//! a hint for people; it must never be taken as proof that someone holds the lock.

use std::{
    fs::{self, File, OpenOptions},
    io::{Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::fs::{FlockOperation, flock};

use super::{StateError, durable::failed};

/// Held while the state directory may be written; dropping it lets the next writer in.
#[derive(Debug)]
pub struct StateLock {
    file: File,
}

impl StateLock {
    pub(super) fn take(root: &Path) -> Result<Self, StateError> {
        Self::take_file(root, ".lock").map_err(|held| match held {
            Taken::By(holder) => StateError::Busy { path: root.to_path_buf(), holder },
            Taken::Failed(error) => error,
        })
    }

    fn take_file(root: &Path, name: &str) -> Result<Self, Taken> {
        let path = root.join(name);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|source| Taken::Failed(failed("open", &path, source)))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(error) if error == rustix::io::Errno::WOULDBLOCK => {
                let holder = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
                return Err(Taken::By(holder));
            }
            Err(error) => return Err(Taken::Failed(failed("lock", &path, error.into()))),
        }
        // Only a hint for the next one to come: losing it costs nothing.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self { file })
    }
}

/// Why a lock was not had.
enum Taken {
    /// A process holds it, which may have left its number.
    By(Option<u32>),
    /// The filesystem refused.
    Failed(StateError),
}

/// Held by the one agent that runs on a state directory, for as long as it runs. It takes the [`StateLock`] besides, but only while
/// it writes, so that a person can enrol and sign in beside it.
#[derive(Debug)]
pub struct AgentLock(#[expect(dead_code, reason = "it is held, not read")] StateLock);

impl AgentLock {
    pub(super) fn take(root: &Path) -> Result<Self, StateError> {
        StateLock::take_file(root, ".agent.lock").map(Self).map_err(|held| match held {
            Taken::By(holder) => StateError::AgentRuns { path: root.to_path_buf(), holder },
            Taken::Failed(error) => error,
        })
    }
}

impl Drop for StateLock {
    fn drop(&mut self) {
        // Closing is not enough: a child that is just being started by another thread still holds a copy of the descriptor.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}
