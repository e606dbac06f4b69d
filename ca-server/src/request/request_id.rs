//! Request ids: made here for every request and never taken from outside, so that a log line cannot be forged.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ids::{NoEntropy, random_bytes};

/// Makes the ids of one process.
#[derive(Debug)]
pub struct RequestIds {
    process: u32,
    next: AtomicU64,
}

impl RequestIds {
    /// Ids that begin with a random part, so that those of two starts differ.
    ///
    /// # Errors
    /// [`NoEntropy`] if the system's generator fails.
    pub fn new() -> Result<Self, NoEntropy> {
        Ok(Self { process: u32::from_be_bytes(random_bytes()?), next: AtomicU64::new(1) })
    }

    /// The id of the next request.
    pub fn next(&self) -> RequestId {
        RequestId { process: self.process, count: self.next.fetch_add(1, Ordering::Relaxed) }
    }
}

/// The id of one request, as `X-Request-Id` and the log show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId {
    process: u32,
    count: u64,
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{:x}", self.process, self.count)
    }
}
