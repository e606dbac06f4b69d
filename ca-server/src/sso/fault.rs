//! Why a step of a sign-in was not taken. Nothing changed, except where a fault says that the sign-in has failed.
//!
//! Each has a word for log, metrics and tests; what the person reads stands in `pages/failure.rs`. None carries a detail of an assertion.

use super::reason::Reason;
use crate::ids::NoEntropy;
use crate::store::StoreError;

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No link of ours has this secret, or it was pruned, or its challenge was never answered.
    #[error("there is no such sign-in")]
    Unknown,
    /// Its time is over.
    #[error("the sign-in has expired")]
    Expired,
    /// The link was used before.
    #[error("the link was used before")]
    LinkUsed,
    /// It failed, just now or before.
    #[error("the sign-in failed: {0}")]
    Failed(Reason),
    /// It was completed before.
    #[error("the sign-in was completed before")]
    AlreadyDone,
    /// The authorization is over: proven otherwise, given up, expired.
    #[error("the authorization is over")]
    Over,
    /// The account was deactivated or revoked.
    #[error("the account is no longer valid")]
    AccountGone,
    /// The identity provider is no longer configured for this address.
    #[error("the identity provider is not configured for this address any more")]
    ProviderGone,
    /// The form was sent by another web site.
    #[error("the form was sent by another site")]
    CrossSite,
    /// The browser is not the one that used the link.
    #[error("the browser is not the one that used the link")]
    OtherBrowser,
    /// An answer that nobody waits for: unsolicited, for another sign-in, or used.
    #[error("nobody waits for this answer")]
    Unsolicited,
    /// What was posted cannot be read.
    #[error("what was sent cannot be read: {0}")]
    Malformed(&'static str),
    /// A wrong code was typed.
    #[error("a wrong code was typed; {left} tries are left")]
    WrongCode {
        /// Tries that are left.
        left: u32,
    },
    /// The provider cannot be asked just now; the link can be used again.
    #[error("the identity provider cannot be asked now")]
    ProviderUnreachable,
    /// Somebody else changed what this step depends on.
    #[error("the sign-in was changed by another request")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No secrets can be drawn.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

impl Fault {
    /// The word for it in log, metrics, journal and tests.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Unknown => "unknown-link".to_owned(),
            Self::Expired => "expired".to_owned(),
            Self::LinkUsed => "link-used".to_owned(),
            Self::Failed(reason) => reason.word(),
            Self::AlreadyDone => "already-done".to_owned(),
            Self::Over => "over".to_owned(),
            Self::AccountGone => "account-gone".to_owned(),
            Self::ProviderGone => "provider-gone".to_owned(),
            Self::CrossSite => "cross-site".to_owned(),
            Self::OtherBrowser => "other-browser".to_owned(),
            Self::Unsolicited => "unsolicited".to_owned(),
            Self::Malformed(_) => "malformed".to_owned(),
            Self::WrongCode { .. } => "wrong-code".to_owned(),
            Self::ProviderUnreachable => "provider-unreachable".to_owned(),
            Self::Busy => "busy".to_owned(),
            Self::Store(_) | Self::Entropy(_) => "internal".to_owned(),
        }
    }
}
