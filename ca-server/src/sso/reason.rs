//! Why a sign-in failed for good: a word that the journal, the metrics and the tests know, and what the client is told.
//!
//! The words are on disk: add, never rename. What the browser is shown stands in `pages/`.

use serde::{Deserialize, Serialize};

use super::person::Protocol;
use crate::respond::kinds::Kind;

/// Why a sign-in failed for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Reason {
    /// Nobody finished it in time.
    #[error(
        "nobody signed in, or the sign-in was not completed, before the link expired; answer a new challenge"
    )]
    NotCompleted,
    /// The provider's answer did not pass a check.
    #[error("the answer of the identity provider was refused ({}: {word}); its operator and ours can find out why", protocol.name())]
    Refused {
        /// The protocol.
        protocol: Protocol,
        /// The check, in a word.
        word: String,
    },
    /// The provider itself said no.
    #[error("the identity provider did not sign the person in")]
    Denied,
    /// The provider could not be asked.
    #[error("the identity provider could not be reached; try again later")]
    Unreachable,
    /// The provider's answer was taken before.
    #[error("the answer of the identity provider was used before")]
    Replayed,
    /// Somebody else signed in.
    #[error("somebody with another address signed in; sign in as the person that the certificate is for")]
    OtherAddress,
    /// The provider may not speak for the domain.
    #[error("the identity provider may not vouch for addresses of this domain")]
    ForeignDomain,
    /// The account has another key than when the person was sent to the provider.
    #[error("the key of the account was changed while the person signed in; answer a new challenge")]
    KeyChanged,
    /// Too many wrong codes were typed.
    #[error("wrong codes were typed too often")]
    WrongCodes,
    /// The client's one-time code came too late after the sign-in.
    #[error(
        "the one-time code was posted more than a minute after the person signed in; answer a new challenge"
    )]
    LateCode,
    /// The client's one-time code came from another address than the browser's.
    #[error(
        "the one-time code was posted from another address than the browser's, as if they were on different machines; \
         answer a new challenge without redirect_uri, or have the operator look at same_address in [sso]"
    )]
    CodeFromElsewhere,
    /// The person did not ask for a certificate.
    #[error("the person who signed in said that this was not asked for")]
    Declined,
}

impl Reason {
    /// The word for it in the journal, in metrics and in tests.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::NotCompleted => "not-completed".to_owned(),
            Self::Refused { protocol, word } => format!("{}:{word}", protocol.name()),
            Self::Denied => "denied".to_owned(),
            Self::Unreachable => "unreachable".to_owned(),
            Self::Replayed => "replayed".to_owned(),
            Self::OtherAddress => "other-address".to_owned(),
            Self::ForeignDomain => "foreign-domain".to_owned(),
            Self::KeyChanged => "key-changed".to_owned(),
            Self::WrongCodes => "wrong-codes".to_owned(),
            Self::LateCode => "late-code".to_owned(),
            Self::CodeFromElsewhere => "code-from-elsewhere".to_owned(),
            Self::Declined => "declined".to_owned(),
        }
    }

    /// The kind of problem that the challenge then has.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Unreachable => Kind::Connection,
            Self::NotCompleted
            | Self::Refused { .. }
            | Self::Denied
            | Self::Replayed
            | Self::OtherAddress
            | Self::ForeignDomain
            | Self::KeyChanged
            | Self::WrongCodes
            | Self::LateCode
            | Self::CodeFromElsewhere
            | Self::Declined => Kind::Unauthorized,
        }
    }
}
