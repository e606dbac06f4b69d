//! Standing records for `dns-persist-01`: published once by a person, checked each time, never removed.
//!
//! The record names the account, so it is made after the account exists and is the same for every renewal. Showing it is all
//! this provider does; whether it is served is the propagation check's word.

use async_trait::async_trait;

use super::{ChallengeRecord, DnsError, DnsProvider, Prompt, manual::zone_line};

/// Shows the standing record that somebody has to add once.
pub struct PersistProvider {
    prompt: Box<dyn Prompt>,
}

impl PersistProvider {
    /// Shows it through `prompt`.
    pub fn new(prompt: Box<dyn Prompt>) -> Self {
        Self { prompt }
    }
}

#[async_trait]
impl DnsProvider for PersistProvider {
    async fn present(&self, record: &ChallengeRecord) -> Result<(), DnsError> {
        let text = format!(
            "This record proves {} now and at every renewal; add it once and leave it:\n\n    {}\n",
            record.domain,
            zone_line(record)
        );
        self.prompt.show(&text).map_err(DnsError::Terminal)
    }

    async fn cleanup(&self, _record: &ChallengeRecord) -> Result<(), DnsError> {
        Ok(())
    }
}
