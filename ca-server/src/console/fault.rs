//! Why the console does not do what a browser asks. Each fault has a word for log and journal, a status, and what the person reads; none
//! carries a cookie, a token or a detail of an assertion.

use http::StatusCode;

use super::operator::NotPermitted;
use crate::admin::refusal::Refusal;
use crate::ids::NoEntropy;
use crate::log::journal::JournalError;
use crate::sso::fault::Fault as SignInFault;
use crate::sso::reason::Reason;
use crate::store::StoreError;

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Nobody is signed in.
    #[error("nobody is signed in here")]
    NotSignedIn,
    /// The cookie was shown by somebody who should not have it.
    #[error("the session has ended: {0}")]
    Stolen(&'static str),
    /// Another web site sent a form, or made the browser ask.
    #[error("another site made the browser ask")]
    CrossSite,
    /// The form was not made for this session.
    #[error("the form was made for another session")]
    OtherSession,
    /// The console is not called so.
    #[error("the console is not reached by this name")]
    OtherHost,
    /// Too many requests.
    #[error("too many requests from one address")]
    TooMany {
        /// Seconds to wait.
        wait: u64,
    },
    /// The one-time link was used, has expired or never was.
    #[error("the link is not good, or not any more")]
    LinkOver,
    /// There is no such provider here.
    #[error("there is no such identity provider here")]
    NoProvider,
    /// The provider cannot be asked now.
    #[error("the identity provider cannot be asked now")]
    ProviderUnreachable,
    /// An answer that nobody waits for.
    #[error("nobody waits for this answer")]
    Unsolicited,
    /// The browser is not the one that began to sign in.
    #[error("the browser is not the one that began to sign in")]
    OtherBrowser,
    /// The provider did not vouch for anybody.
    #[error("the sign-in failed: {0}")]
    NotVouched(Reason),
    /// The provider vouched for somebody in a domain that it may not speak for.
    #[error("the sign-in failed: {}", Reason::ForeignDomain)]
    ForeignDomain {
        /// For whom.
        operator: String,
    },
    /// The rules say no.
    #[error("the rules do not permit it: {}", .0.reason)]
    NotPermitted(NotPermitted),
    /// There is nothing at this address.
    #[error("there is no such page")]
    NoPage,
    /// What was posted cannot be read.
    #[error("what was sent cannot be read: {0}")]
    Malformed(&'static str),
    /// As the admin socket would refuse it.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<JournalError> for Fault {
    fn from(error: JournalError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<NoEntropy> for Fault {
    fn from(error: NoEntropy) -> Self {
        Self::Refused(error.into())
    }
}

impl From<SignInFault> for Fault {
    fn from(fault: SignInFault) -> Self {
        match fault {
            SignInFault::CrossSite => Self::CrossSite,
            SignInFault::Malformed(what) => Self::Malformed(what),
            SignInFault::Store(error) => error.into(),
            SignInFault::Entropy(error) => error.into(),
            SignInFault::Failed(reason) => Self::NotVouched(reason),
            SignInFault::OtherBrowser => Self::OtherBrowser,
            SignInFault::ProviderUnreachable => Self::ProviderUnreachable,
            SignInFault::Unknown
            | SignInFault::Expired
            | SignInFault::LinkUsed
            | SignInFault::AlreadyDone
            | SignInFault::Over
            | SignInFault::AccountGone
            | SignInFault::ProviderGone
            | SignInFault::Unsolicited
            | SignInFault::WrongCode { .. }
            | SignInFault::Busy => Self::Unsolicited,
        }
    }
}

impl Fault {
    /// The word for it in log and journal.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::NotSignedIn => "not-signed-in".to_owned(),
            Self::Stolen(_) => "stolen-cookie".to_owned(),
            Self::CrossSite => "cross-site".to_owned(),
            Self::OtherSession => "other-session".to_owned(),
            Self::OtherHost => "other-host".to_owned(),
            Self::TooMany { .. } => "too-many".to_owned(),
            Self::LinkOver => "link-over".to_owned(),
            Self::NoProvider => "no-provider".to_owned(),
            Self::ProviderUnreachable => "provider-unreachable".to_owned(),
            Self::Unsolicited => "unsolicited".to_owned(),
            Self::OtherBrowser => "other-browser".to_owned(),
            Self::NotVouched(reason) => reason.word(),
            Self::ForeignDomain { .. } => Reason::ForeignDomain.word(),
            Self::NotPermitted(denied) if denied.rules.is_empty() => "no-rule-permits".to_owned(),
            Self::NotPermitted(denied) => denied.rules.clone(),
            Self::NoPage => "no-page".to_owned(),
            Self::Malformed(_) => "malformed".to_owned(),
            Self::Refused(_) => "refused".to_owned(),
        }
    }

    /// Who was turned away, where a provider or a session says who it is.
    #[must_use]
    pub fn who(&self) -> Option<&str> {
        match self {
            Self::NotPermitted(denied) => Some(&denied.operator),
            Self::ForeignDomain { operator } => Some(operator),
            Self::NotSignedIn
            | Self::Stolen(_)
            | Self::CrossSite
            | Self::OtherSession
            | Self::OtherHost
            | Self::TooMany { .. }
            | Self::LinkOver
            | Self::NoProvider
            | Self::ProviderUnreachable
            | Self::Unsolicited
            | Self::OtherBrowser
            | Self::NotVouched(_)
            | Self::NoPage
            | Self::Malformed(_)
            | Self::Refused(_) => None,
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotSignedIn | Self::Stolen(_) => StatusCode::UNAUTHORIZED,
            Self::CrossSite
            | Self::OtherSession
            | Self::OtherBrowser
            | Self::NotVouched(_)
            | Self::ForeignDomain { .. }
            | Self::NotPermitted(_) => StatusCode::FORBIDDEN,
            Self::OtherHost => StatusCode::MISDIRECTED_REQUEST,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::LinkOver => StatusCode::GONE,
            Self::NoProvider | Self::NoPage => StatusCode::NOT_FOUND,
            Self::ProviderUnreachable => StatusCode::BAD_GATEWAY,
            Self::Unsolicited | Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Refused(refusal) => refusal.status(),
        }
    }
}
