//! The servers that may be asked, in which order, and for how long each.
//!
//! The one that answered last comes first. A server that says no is not asked again; one that is silent gets a second chance. Every
//! failure says which server said what.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RecordType};

use super::answer::AnswerFault;
use super::exchange::{self, ExchangeError, Question, Server};
use crate::config::DnsConfig;

/// Times a silent server is asked.
const ROUNDS: u32 = 2;

/// The part of the whole time limit that tries may use up, so that their failures are told rather than the whole limit's.
const SHARE: f64 = 0.9;

/// The servers, the one that answered last first.
#[derive(Debug)]
pub(super) struct Servers {
    servers: Vec<Server>,
    text: String,
    mix_case: bool,
    /// Longest wait for one server before the next is asked.
    patience: Duration,
    preferred: AtomicUsize,
}

/// Every server failed; what each said, in the order of asking.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub(super) struct ServersFailed(Vec<String>);

impl Servers {
    /// Servers at `addresses`, asked as `config` says.
    pub(super) fn new(addresses: &[SocketAddr], config: &DnsConfig) -> Self {
        let tries = u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1).saturating_mul(ROUNDS);
        Self {
            servers: addresses.iter().copied().map(Server::new).collect(),
            text: addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", "),
            mix_case: config.case_randomization,
            patience: config.timeout.mul_f64(SHARE) / tries,
            preferred: AtomicUsize::new(0),
        }
    }

    /// All of them, for people.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The first answer that is not a failure, and who gave it.
    pub(super) async fn ask(
        &self,
        name: &Name,
        kind: RecordType,
        dnssec: bool,
    ) -> Result<(Message, SocketAddr), ServersFailed> {
        let question = Question { name: name.clone(), kind, dnssec, mix_case: self.mix_case };
        let mut failures = Vec::new();
        let mut turn: Vec<(usize, &Server)> = self.servers.iter().enumerate().collect();
        let first = self.preferred.load(Ordering::Relaxed).min(turn.len());
        turn.rotate_left(first);
        for _ in 0..ROUNDS {
            let mut silent = Vec::new();
            for (at, server) in turn {
                match exchange::ask(server, &question, self.patience).await {
                    Ok(message) => match message.metadata.response_code {
                        ResponseCode::NoError | ResponseCode::NXDomain => {
                            self.preferred.store(at, Ordering::Relaxed);
                            return Ok((message, server.address));
                        }
                        code => failures.push(self.describe(server, &AnswerFault::Code(code))),
                    },
                    Err(error) => {
                        if matches!(error, ExchangeError::TimedOut { .. }) {
                            silent.push((at, server));
                        }
                        failures.push(self.describe(server, &error));
                    }
                }
            }
            turn = silent;
        }
        failures.dedup();
        Err(ServersFailed(failures))
    }

    fn describe(&self, server: &Server, fault: &dyn std::fmt::Display) -> String {
        if self.servers.len() == 1 { fault.to_string() } else { format!("{}: {fault}", server.address) }
    }
}
