//! What the agent that runs all the time tells about itself, for `status` to show. Proves nothing: an agent that was killed leaves it behind.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{
    AgentLock, StateDir, StateError,
    account::{from_json, to_json},
    durable,
};

const RECORD: &str = "agent.json";

/// What an agent says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRecord {
    /// Its process.
    pub process: u32,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub started: OffsetDateTime,
    /// When it last looked at all identities.
    #[serde(with = "time::serde::rfc3339")]
    pub looked: OffsetDateTime,
    /// When it will look again at the latest.
    #[serde(with = "time::serde::rfc3339")]
    pub next: OffsetDateTime,
}

impl StateDir {
    /// Makes this process the one agent of the directory, creating it if need be.
    ///
    /// # Errors
    /// [`StateError::AgentRuns`] if there is one.
    pub fn lock_agent(&self) -> Result<AgentLock, StateError> {
        durable::create_dir(self.path())?;
        AgentLock::take(self.path())
    }

    /// What the agent said last; `None` if none runs, or what it said cannot be read.
    pub fn agent(&self) -> Option<AgentRecord> {
        let path = self.path().join(RECORD);
        let bytes = durable::read(&path).ok().flatten()?;
        from_json(&path, &bytes).ok()
    }

    /// Stores what the agent says.
    pub fn store_agent(&self, record: &AgentRecord) -> Result<(), StateError> {
        let path = self.path().join(RECORD);
        durable::replace(&path, &to_json(&path, record)?)
    }

    /// Forgets it, because the agent has ended.
    pub fn forget_agent(&self) -> Result<(), StateError> {
        durable::remove_if_present(&self.path().join(RECORD))
    }
}
