//! Why a SAML response was not believed. One variant, and one stable word, per reason.
//!
//! The words go into the audit record, the metrics and the tests; the texts are for the operator's log. The browser sees neither: the page
//! says only that the sign-in was not accepted. Text from a response is cut and escaped before it is kept.

use time::OffsetDateTime;

use super::encrypted::EncryptionFault;
use super::envelope::EnvelopeFault;
use super::lexical::LexicalFault;
use super::response::confirmation::ConfirmationFault;
use super::response::subject::SubjectFault;
use super::signature::SignatureFault;

/// A response that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SamlRefusal {
    /// More octets than a response may have.
    #[error("the response has {length} octets, more than {limit}")]
    TooLarge {
        /// How many came.
        length: usize,
        /// How many may come.
        limit: usize,
    },
    /// The form value is not base64.
    #[error("the response is not base64")]
    NotBase64,
    /// Refused before any parser sees it.
    #[error("the response is refused as text: {0}")]
    Lexical(#[from] LexicalFault),
    /// Refused by its shape.
    #[error("the response is refused by its shape: {0}")]
    Envelope(#[from] EnvelopeFault),
    /// Not SAML 2.0.
    #[error("{element} has version {found:?}, not 2.0")]
    Version {
        /// Which element.
        element: &'static str,
        /// What it says.
        found: Option<String>,
    },
    /// The response has no status.
    #[error("the response has no status")]
    NoStatus,
    /// The provider says no.
    #[error("the provider answered {code:?} ({detail:?})")]
    Status {
        /// The top-level status code.
        code: String,
        /// The second-level code.
        detail: Option<String>,
    },
    /// The issuer is not this provider.
    #[error("{element} is issued by {found:?}")]
    Issuer {
        /// Which element.
        element: &'static str,
        /// Who it says it is from.
        found: Option<String>,
    },
    /// The response was meant for another address.
    #[error("the response is for {found:?}")]
    Destination {
        /// Where it was meant to go; `None` where a signed response names nothing.
        found: Option<String>,
    },
    /// The response answers another request, or none.
    #[error("the response answers request {found:?}")]
    InResponseTo {
        /// What it answers; `None` where it is unsolicited.
        found: Option<String>,
    },
    /// The signature cannot be relied on.
    #[error("the signature is refused: {0}")]
    Signature(#[from] SignatureFault),
    /// The encrypted assertion cannot be read.
    #[error("the encrypted assertion is refused: {0}")]
    Encryption(#[from] EncryptionFault),
    /// The provider's metadata has run out.
    #[error("the provider's metadata was valid until {0}")]
    MetadataExpired(OffsetDateTime),
    /// A time that cannot be read.
    #[error("{element} has a time that cannot be read: {found:?}")]
    Time {
        /// Which attribute.
        element: &'static str,
        /// What it says.
        found: Option<String>,
    },
    /// The assertion was issued before it was asked for, or in the future.
    #[error("the assertion was issued at {0}, outside this sign-in")]
    Issued(OffsetDateTime),
    /// The subject's confirmation does not hold here.
    #[error("the subject confirmation is refused: {0}")]
    Confirmation(#[from] ConfirmationFault),
    /// The assertion has no conditions.
    #[error("the assertion has no conditions")]
    NoConditions,
    /// A condition that is not understood must not be ignored.
    #[error("the assertion has a condition that is not understood: {0:?}")]
    UnknownCondition(String),
    /// Not valid yet.
    #[error("the assertion is not valid before {0}")]
    NotYetValid(OffsetDateTime),
    /// No longer valid.
    #[error("the assertion was valid until {0}")]
    Expired(OffsetDateTime),
    /// Valid for so long that it could not be remembered as used.
    #[error("the assertion is valid until {0}, longer than an assertion may be")]
    TooLong(OffsetDateTime),
    /// The conditions have no end.
    #[error("the conditions have no end")]
    NoEnd,
    /// No audience is named.
    #[error("the assertion names no audience")]
    NoAudience,
    /// This service is not in the audience.
    #[error("the assertion is for {0:?}")]
    Audience(Vec<String>),
    /// The assertion's identifier is absent or too long to be remembered.
    #[error("the assertion's identifier cannot be remembered")]
    AssertionId,
    /// Nothing says that somebody authenticated.
    #[error("the assertion has no authentication statement")]
    NoAuthentication,
    /// More than one statement says so.
    #[error("the assertion has {0} authentication statements")]
    SeveralAuthentications(usize),
    /// The person authenticated before being asked to.
    #[error("the person authenticated at {0}, not for this sign-in")]
    StaleAuthentication(OffsetDateTime),
    /// The person will have authenticated in the future.
    #[error("the person authenticated in the future, at {0}")]
    FutureAuthentication(OffsetDateTime),
    /// The way of authenticating is not among those that suffice.
    #[error("the person authenticated with {0:?}, which does not suffice")]
    Context(Option<String>),
    /// The session at the provider is over.
    #[error("the session at the provider ended at {0}")]
    SessionOver(OffsetDateTime),
    /// The person, or the address, cannot be told.
    #[error("the subject is refused: {0}")]
    Subject(#[from] SubjectFault),
    /// More groups than can be kept, or one that is too long or no plain text.
    #[error(
        "the assertion names {count} groups, or one that is longer than {longest} octets or no plain text"
    )]
    Groups {
        /// How many it names.
        count: usize,
        /// How long a group may be.
        longest: usize,
    },
}

impl SamlRefusal {
    /// The stable word for the audit record, the metrics and the tests.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too-large",
            Self::NotBase64 => "not-base64",
            Self::Lexical(fault) => fault.reason(),
            Self::Envelope(fault) => fault.reason(),
            Self::Version { .. } => "version",
            Self::NoStatus => "no-status",
            Self::Status { .. } => "status",
            Self::Issuer { .. } => "issuer",
            Self::Destination { .. } => "destination",
            Self::InResponseTo { found: None } => "unsolicited",
            Self::InResponseTo { found: Some(_) } => "in-response-to",
            Self::Signature(fault) => fault.reason(),
            Self::Encryption(fault) => fault.reason(),
            Self::MetadataExpired(_) => "metadata-expired",
            Self::Time { .. } => "time",
            Self::Issued(_) => "issue-instant",
            Self::Confirmation(fault) => fault.reason(),
            Self::NoConditions => "no-conditions",
            Self::UnknownCondition(_) => "unknown-condition",
            Self::NotYetValid(_) => "not-yet-valid",
            Self::Expired(_) => "expired",
            Self::TooLong(_) => "too-long-valid",
            Self::NoEnd => "no-end",
            Self::NoAudience => "no-audience",
            Self::Audience(_) => "audience",
            Self::AssertionId => "assertion-id",
            Self::NoAuthentication => "no-authentication",
            Self::SeveralAuthentications(_) => "several-authentications",
            Self::StaleAuthentication(_) => "stale-authentication",
            Self::FutureAuthentication(_) => "future-authentication",
            Self::Context(_) => "context",
            Self::SessionOver(_) => "session-over",
            Self::Subject(fault) => fault.reason(),
            Self::Groups { .. } => "groups",
        }
    }
}

/// Text of a stranger as a log may hold it: without control characters, and not long.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(128).flat_map(char::escape_debug).collect()
}
