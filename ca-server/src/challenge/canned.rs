//! A resolver with answers from a table, for tests of the proofs, of CAA and of the stages behind them.

use std::collections::HashMap;

use async_trait::async_trait;
use certs::identifier::Identifier;
use certs::leaf::Proof;
use certs::name::DnsName;
use parking_lot::Mutex;
use time::OffsetDateTime;

use super::resolver::{CaaRecord, DnsFailure, Resolve, TxtAnswer};
use super::{Attempt, Control};
use crate::ids::{AccountId, AuthorizationId, ChallengeId};

/// Records by name, or why there is no answer.
type Told<R> = Mutex<HashMap<String, Result<Vec<R>, String>>>;

/// Answers what it was told; everything else does not exist.
#[derive(Default)]
pub(crate) struct CannedDns {
    txt: Told<Vec<u8>>,
    caa: Told<CaaRecord>,
    asked: Mutex<Vec<String>>,
}

impl CannedDns {
    pub(crate) fn txt(self, name: &str, values: &[&str]) -> Self {
        self.set_txt(name, values);
        self
    }

    pub(crate) fn set_txt(&self, name: &str, values: &[&str]) {
        let values = values.iter().map(|value| value.as_bytes().to_vec()).collect();
        self.txt.lock().insert(name.to_owned(), Ok(values));
    }

    pub(crate) fn txt_fails(self, name: &str, reason: &str) -> Self {
        self.txt.lock().insert(name.to_owned(), Err(reason.to_owned()));
        self
    }

    /// Adds records written as in a zone file: `0 issue "ca.example"` without the quotes.
    pub(crate) fn caa(self, name: &str, records: &[&str]) -> Self {
        let read = |text: &&str| {
            let mut parts = text.splitn(3, ' ');
            let flags: u8 = parts.next().unwrap().parse().unwrap();
            let tag = parts.next().unwrap().to_ascii_lowercase();
            CaaRecord {
                critical: flags & 128 != 0,
                tag,
                value: parts.next().unwrap_or("").as_bytes().to_vec(),
            }
        };
        self.caa.lock().insert(name.to_owned(), Ok(records.iter().map(read).collect()));
        self
    }

    pub(crate) fn caa_fails(self, name: &str, reason: &str) -> Self {
        self.caa.lock().insert(name.to_owned(), Err(reason.to_owned()));
        self
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().clone()
    }
}

fn failure(kind: &'static str, name: &str, reason: String) -> DnsFailure {
    DnsFailure { kind, name: name.to_owned(), servers: "192.0.2.53:53".to_owned(), reason }
}

#[async_trait]
impl Resolve for CannedDns {
    async fn txt(&self, name: &str) -> Result<TxtAnswer, DnsFailure> {
        self.asked.lock().push(format!("TXT {name}"));
        let records = self.txt.lock().get(name).cloned().unwrap_or(Ok(Vec::new()));
        let records = records.map_err(|reason| failure("TXT", name, reason))?;
        Ok(TxtAnswer { records, ttl: 60, servers: "192.0.2.53:53".to_owned() })
    }

    async fn caa(&self, name: &DnsName) -> Result<Vec<CaaRecord>, DnsFailure> {
        self.asked.lock().push(format!("CAA {name}"));
        // As a real lookup: whoever waits for several lets all of them begin.
        tokio::task::yield_now().await;
        let records = self.caa.lock().get(name.as_str()).cloned().unwrap_or(Ok(Vec::new()));
        records.map_err(|reason| failure("CAA", name.as_str(), reason))
    }
}

/// An attempt of `proof` for `name`, by an account whose URL is `https://ca.example/acme/acct/1`.
pub(crate) fn attempt(proof: Proof, name: &str, wildcard: bool) -> Attempt {
    Attempt {
        account: AccountId::from_bytes([1; 16]),
        account_uri: "https://ca.example/acme/acct/1".to_owned(),
        thumbprint: "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI".to_owned(),
        authorization: AuthorizationId::from_bytes([2; 16]),
        identifier: Identifier::Dns(DnsName::parse(name).unwrap()),
        wildcard,
        challenge: ChallengeId::from_bytes([3; 16]),
        proof,
        token: (proof != Proof::DnsPersist01)
            .then(|| "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0".to_owned()),
        provider: None,
    }
}

/// The proof value of `attempt` without any proof, for tests of the stages behind.
pub(crate) fn control(attempt: &Attempt, at: OffsetDateTime) -> Control {
    attempt.control(at, None)
}
