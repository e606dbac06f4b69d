//! Questions to the DNS, as the proofs and CAA ask them. A failure says what was asked, whom, and what came back.
//!
//! "Nothing there" is an answer and never an error; "could not ask" is an error and never an answer. TXT is never taken from a cache.

pub mod answer;
mod cache;
mod dnssec;
mod exchange;
mod servers;
mod stub;

use async_trait::async_trait;
use certs::name::DnsName;

pub use stub::{StubResolver, StubResolverError};

/// The TXT records at a name; empty when there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TxtAnswer {
    /// Each record's strings joined.
    pub records: Vec<Vec<u8>>,
    /// Smallest time to live among them, in seconds.
    pub ttl: u32,
    /// Which servers answered, for people.
    pub servers: String,
}

/// One CAA record (RFC 8659 §4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaaRecord {
    /// The issuer critical flag.
    pub critical: bool,
    /// The tag, lower case.
    pub tag: String,
    /// The value, raw.
    pub value: Vec<u8>,
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("looking up {kind} {name} at {servers}: {reason}")]
pub struct DnsFailure {
    /// `TXT` or `CAA`.
    pub kind: &'static str,
    /// The name asked for.
    pub name: String,
    /// Whom we asked.
    pub servers: String,
    /// What came back: `SERVFAIL`, `timed out after 5s`, `DNSSEC: bogus`, …
    pub reason: String,
}

/// Answers questions to the DNS. `Ok` with nothing in it means: authoritatively nothing there.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// TXT records at `name` (which may hold underscores), never from a cache.
    async fn txt(&self, name: &str) -> Result<TxtAnswer, DnsFailure>;

    /// CAA records at exactly `name`, aliases followed.
    async fn caa(&self, name: &DnsName) -> Result<Vec<CaaRecord>, DnsFailure>;
}
