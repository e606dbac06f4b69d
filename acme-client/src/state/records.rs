//! Small records beside an identity: when to renew, what went wrong, what became of the deploy hook.
//!
//! They steer the agent but prove nothing: losing one costs a question to the server or one more hook run, never a
//! certificate.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Generation;

/// What is known of the next renewal (RFC 9773 and our own backoff).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewalRecord {
    /// The ARI identifier of the certificate this is about; a different current certificate makes the window stale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The window the server suggested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// The moment in that window that was drawn, once and for all.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub chosen: Option<OffsetDateTime>,
    /// A page that explains the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation_url: Option<String>,
    /// The server is not asked for a window again before this.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub ask_again: Option<OffsetDateTime>,
    /// Failures since the last success.
    #[serde(default)]
    pub failures: u32,
    /// No attempt is made before this, after failures.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub next_attempt: Option<OffsetDateTime>,
    /// Until then the server asked to be left in peace (`Retry-After`); nobody's haste shortens that.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub retry_after: Option<OffsetDateTime>,
    /// How many renewals in a row the server wanted before half of the certificate's life was over. One is a revocation; many are a
    /// server that would have us renew for ever, and each is made to wait longer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub early: u32,
    /// The last failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// The last success.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub last_success: Option<OffsetDateTime>,
    /// A device: why its token was not refreshed although it was time; the old one served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_error: Option<LastError>,
    /// A person: until then the server takes the last sign-in as proof, so that renewing needs no other.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub signed_in_until: Option<OffsetDateTime>,
    /// A person: the server wants another sign-in, and nobody was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<SignInWanted>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the serializer passes references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A sign-in that a renewal waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInWanted {
    /// When it was first found to be needed.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// When the server was last asked whether it can do without.
    #[serde(with = "time::serde::rfc3339")]
    pub asked: OffsetDateTime,
}

/// A suggested renewal window (RFC 9773 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its start.
    #[serde(with = "time::serde::rfc3339")]
    pub start: OffsetDateTime,
    /// Its end.
    #[serde(with = "time::serde::rfc3339")]
    pub end: OffsetDateTime,
}

/// A failure, kept for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What was said.
    pub message: String,
}

/// What became of the deploy hook for one generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployRecord {
    /// The generation the hook was run for.
    pub generation: Generation,
    /// How it ended.
    pub outcome: DeployOutcome,
    /// How often it was run for this generation.
    pub attempts: u32,
    /// When it last ended.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What it said, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// How a deploy hook ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeployOutcome {
    /// It ended with exit code 0.
    Succeeded,
    /// It did not; it will be run again.
    Failed,
}
