//! Publishing by a program of the person's own.
//!
//! The program is called without arguments, once per record and action, with everything in its environment; exit code 0
//! means done. It is trusted as its owner's program. It gets no secret.

use std::{path::PathBuf, time::Duration};

use async_trait::async_trait;

use super::{ChallengeRecord, DnsError, DnsProvider};
use crate::{
    deploy::{HookCall, run_hook},
    state::DnsSettings,
};

/// Publishes by calling a program.
#[derive(Clone, Debug)]
pub struct HookProvider {
    program: PathBuf,
    timeout: Duration,
}

impl HookProvider {
    /// Calls `program`, each time for at most `timeout`.
    pub fn new(program: PathBuf, timeout: Duration) -> Self {
        Self { program, timeout }
    }

    pub(super) fn from_settings(settings: &DnsSettings) -> Result<Self, DnsError> {
        let program = settings
            .hook
            .clone()
            .ok_or(DnsError::MissingSetting { provider: "hook", setting: "--dns-hook" })?;
        Ok(Self::new(program, settings.hook_timeout))
    }

    async fn call(&self, action: &str, record: &ChallengeRecord) -> Result<(), DnsError> {
        let call = HookCall {
            program: self.program.clone(),
            arguments: Vec::new(),
            environment: vec![
                ("ROLLCALL_ACTION", action.to_owned()),
                ("ROLLCALL_DOMAIN", record.domain.clone()),
                ("ROLLCALL_RECORD_NAME", record.name.to_ascii()),
                ("ROLLCALL_RECORD_TYPE", "TXT".to_owned()),
                ("ROLLCALL_RECORD_VALUE", record.value.clone()),
                ("ROLLCALL_TTL", record.ttl.to_string()),
            ],
            timeout: self.timeout,
        };
        Ok(run_hook(&call).await?)
    }
}

#[async_trait]
impl DnsProvider for HookProvider {
    async fn present(&self, record: &ChallengeRecord) -> Result<(), DnsError> {
        self.call("present", record).await
    }

    async fn cleanup(&self, record: &ChallengeRecord) -> Result<(), DnsError> {
        self.call("cleanup", record).await
    }
}
