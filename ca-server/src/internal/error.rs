//! Why a credential, or a request for a certificate, is refused: one variant per reason, each with a stable word.
//!
//! The word goes to the journal, the metrics and the tests; the message to the client. Must never hold a token, a code or a key.

use certs::csr::{Changed, CsrError};
use certs::identifier::Identifier;
use certs::name::DnsName;
use certs::serial::Serial;
use time::OffsetDateTime;

use crate::ids::NoEntropy;
use crate::log::outcome::OutcomeError;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::sign::{PrepareError, SignError};
use crate::sso::oidc::OidcRefusal;
use crate::store::StoreError;

/// What a client is told of a refusal that a rule of ours decided: the reason, and the rule as the journal names it.
#[must_use]
pub fn naming(reason: &impl std::fmt::Display, rule: Option<String>) -> String {
    match rule {
        Some(rule) => format!("{reason} (rule `{rule}`)"),
        None => reason.to_string(),
    }
}

/// Why a credential is not taken.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// There is none.
    #[error("there is no access token; send `Authorization: Bearer` and the token")]
    Missing,
    /// It is nothing that this server knows.
    #[error("the access token is not understood: {0}")]
    Malformed(&'static str),
    /// It is signed by something that is not allowed.
    #[error("access tokens signed with {0} are not accepted")]
    Algorithm(String),
    /// Its header names another kind of token.
    #[error("a token of type {0} is no access token of this issuer")]
    Type(String),
    /// It is an ID token, which is made for a client and not for us.
    #[error("an ID token is no access token")]
    IdToken,
    /// Nobody here takes tokens of its issuer.
    #[error("access tokens of {0} are not accepted")]
    Issuer(String),
    /// The issuer's keys cannot be had now.
    #[error("the keys of the token's issuer cannot be read now; try again later")]
    KeysUnavailable(#[source] OidcRefusal),
    /// No key of the issuer fits.
    #[error("the access token is signed with a key that its issuer does not publish")]
    KeyUnknown,
    /// The issuer's key is too weak, or published with its private part.
    #[error("the key that signed the access token may not be used")]
    KeyUnusable,
    /// The signature does not verify.
    #[error("the access token's signature does not verify")]
    Signature,
    /// A claim is missing or malformed.
    #[error("the claim `{0}` of the access token is missing or malformed")]
    Claim(&'static str),
    /// It is for somebody else.
    #[error("the access token is for another audience")]
    Audience,
    /// It is over.
    #[error("the access token expired at {0}")]
    Expired(OffsetDateTime),
    /// It is not valid yet.
    #[error("the access token is valid from {0}")]
    NotYetValid(OffsetDateTime),
    /// A scope is missing.
    #[error("the access token lacks the scope `{0}`")]
    Scope(String),
    /// It serves once and was used.
    #[error("the access token was used before")]
    Replayed,
    /// It speaks for nobody here: no organisation, or another than its issuer may speak for.
    #[error("the access token's issuer speaks for no organisation of this server, or not for this one")]
    OtherOrganisation,
    /// It speaks for an account id that is another organisation's, or a device's.
    #[error(
        "the account id belongs to another organisation, or to a device; an operator can release it (`ca-server org release`)"
    )]
    OthersId,
    /// An opaque token that is not known: never issued, replaced, or forgotten.
    #[error("the token is not known here, or is no longer")]
    Unknown,
    /// The machine account was deactivated.
    #[error("the machine account is deactivated")]
    Deactivated,
    /// The account was bound to another key since.
    #[error(
        "the machine account was bound to another key since this was issued; use that key, or activate the device anew"
    )]
    Replaced,
    /// Guests were let in once, and are no longer.
    #[error("this server lets no guests in any more; show a token of your organisation")]
    GuestsUnwanted,
    /// The certificate was not issued here, is revoked, or is over.
    #[error("the certificate is not one of this authority that is in force")]
    Certificate,
    /// The certificate is not a device's.
    #[error("only devices renew with their certificate; people and guests show a token")]
    CertificateKind,
    /// The store failed.
    #[error("storage failed")]
    Store(#[from] StoreError),
}

impl TokenError {
    /// The stable word.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed(_) => "malformed",
            Self::Algorithm(_) => "algorithm",
            Self::Type(_) => "type",
            Self::IdToken => "id-token",
            Self::Issuer(_) => "issuer",
            Self::KeysUnavailable(_) => "keys-unavailable",
            Self::KeyUnknown => "key-unknown",
            Self::KeyUnusable => "key-unusable",
            Self::Signature => "signature",
            Self::Claim(_) => "claim",
            Self::Audience => "audience",
            Self::Expired(_) => "expired",
            Self::NotYetValid(_) => "not-yet-valid",
            Self::Scope(_) => "scope",
            Self::Replayed => "replayed",
            Self::OtherOrganisation | Self::OthersId => "other-organisation",
            Self::Unknown => "unknown",
            Self::Deactivated => "deactivated",
            Self::Replaced => "replaced",
            Self::GuestsUnwanted => "guests",
            Self::Certificate => "certificate",
            Self::CertificateKind => "certificate-kind",
            Self::Store(_) => "store",
        }
    }

    /// What the journal calls it.
    #[must_use]
    pub fn rule(&self) -> String {
        format!("token:{}", self.reason())
    }

    /// What stands in `WWW-Authenticate` (RFC 6750 §3); `None` where another token would not help.
    #[must_use]
    pub fn challenge(&self) -> Option<String> {
        match self {
            Self::Missing => Some("Bearer realm=\"rollcall\"".to_owned()),
            Self::KeysUnavailable(_) | Self::Store(_) => None,
            Self::Scope(scope) => {
                Some(format!("Bearer realm=\"rollcall\", error=\"insufficient_scope\", scope=\"{scope}\""))
            }
            Self::Malformed(_)
            | Self::Algorithm(_)
            | Self::Type(_)
            | Self::IdToken
            | Self::Issuer(_)
            | Self::KeyUnknown
            | Self::KeyUnusable
            | Self::Signature
            | Self::Claim(_)
            | Self::Audience
            | Self::Expired(_)
            | Self::NotYetValid(_)
            | Self::Replayed
            | Self::OtherOrganisation
            | Self::OthersId
            | Self::Unknown
            | Self::Deactivated
            | Self::Replaced
            | Self::GuestsUnwanted
            | Self::Certificate
            | Self::CertificateKind => Some(format!(
                "Bearer realm=\"rollcall\", error=\"invalid_token\", error_description=\"{}\"",
                self.reason()
            )),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::KeysUnavailable(_) => Kind::ServiceUnavailable,
            Self::Scope(_) => Kind::Unauthorized,
            Self::Store(_) => Kind::ServerInternal,
            Self::Missing
            | Self::Malformed(_)
            | Self::Algorithm(_)
            | Self::Type(_)
            | Self::IdToken
            | Self::Issuer(_)
            | Self::KeyUnknown
            | Self::KeyUnusable
            | Self::Signature
            | Self::Claim(_)
            | Self::Audience
            | Self::Expired(_)
            | Self::NotYetValid(_)
            | Self::Replayed
            | Self::OtherOrganisation
            | Self::OthersId
            | Self::Unknown
            | Self::Deactivated
            | Self::Replaced
            | Self::GuestsUnwanted
            | Self::Certificate
            | Self::CertificateKind => Kind::TokenRefused,
        }
    }
}

impl From<OidcRefusal> for TokenError {
    fn from(refusal: OidcRefusal) -> Self {
        match refusal {
            OidcRefusal::IdTokenMalformed(what) => Self::Malformed(what),
            OidcRefusal::Algorithm(name) => Self::Algorithm(name),
            OidcRefusal::KeyUnknown | OidcRefusal::KeyAmbiguous => Self::KeyUnknown,
            OidcRefusal::KeyUnusable(_) => Self::KeyUnusable,
            OidcRefusal::Signature => Self::Signature,
            OidcRefusal::Claim(name) => Self::Claim(name),
            other @ (OidcRefusal::DiscoveryUnreachable(_)
            | OidcRefusal::DiscoveryMalformed(_)
            | OidcRefusal::DiscoveryIssuer { .. }
            | OidcRefusal::DiscoveryEndpoint(_)
            | OidcRefusal::DiscoveryUnsupported(_)
            | OidcRefusal::Resting { .. }
            | OidcRefusal::CallbackMalformed(_)
            | OidcRefusal::ProviderRefused(_)
            | OidcRefusal::CallbackIssuer
            | OidcRefusal::TokenUnreachable(_)
            | OidcRefusal::CodeRefused(_)
            | OidcRefusal::TokenMalformed(_)
            | OidcRefusal::IdTokenMissing
            | OidcRefusal::KeysUnreachable(_)
            | OidcRefusal::KeysMalformed
            | OidcRefusal::Issuer(_)
            | OidcRefusal::Audience
            | OidcRefusal::AuthorizedParty
            | OidcRefusal::Expired(_)
            | OidcRefusal::NotYetValid(_)
            | OidcRefusal::IssuedInFuture(_)
            | OidcRefusal::Nonce
            | OidcRefusal::AuthenticationTimeMissing
            | OidcRefusal::AuthenticationStale(_)
            | OidcRefusal::AuthenticationInFuture(_)
            | OidcRefusal::Context(_)
            | OidcRefusal::Method
            | OidcRefusal::UserInfoUnreachable(_)
            | OidcRefusal::UserInfoSubject
            | OidcRefusal::EmailMissing
            | OidcRefusal::EmailMalformed(_)
            | OidcRefusal::EmailUnverified) => Self::KeysUnavailable(other),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Store(cause) => Self::internal(cause),
            error @ TokenError::KeysUnavailable(_) => {
                Self { retry_after: Some(10), ..Self::new(error.kind(), error.to_string()) }
            }
            error => Self::new(error.kind(), error.to_string()),
        }
    }
}

fn listed(names: &[Identifier]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Why no certificate was issued to a holder.
#[derive(Debug, thiserror::Error)]
pub enum InternalError {
    /// The credential is not taken, or no longer.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The request is not acceptable.
    #[error("{0}")]
    Csr(#[from] CsrError),
    /// The request would change the names of the certificate that it replaces.
    #[error("{0}; re-enrolment keeps the names (RFC 7030 section 4.2.2)")]
    ChangedNames(Changed),
    /// The account has other names than the certificate that is to be replaced.
    #[error(
        "the account is now {}; enrol at simpleenroll with a token to get a certificate with these names",
        listed(.0)
    )]
    AccountRenamed(Vec<Identifier>),
    /// The request names somebody else.
    #[error(
        "the request names {0}, for whom this token does not speak; leave the names out, they are taken from the account"
    )]
    OtherName(String),
    /// The token is bound to another key.
    #[error("the token is bound to another key than the request's; refresh it with the new key first")]
    OtherKey,
    /// The request's key is the authority's own.
    #[error("the request's key is the authority's own key; make another key for the certificate")]
    IssuersKey,
    /// The address, or the devices' domain, is in a domain of another organisation.
    #[error("{0} is a domain of another organisation")]
    OtherDomain(DnsName),
    /// The address, or the devices' domain, is in a domain that the organisation has lost.
    #[error(
        "the organisation has lost {0}: its TXT record was not seen for too long; restore the record, or give the domain up"
    )]
    DomainLost(DnsName),
    /// An administrator has not approved yet.
    #[error("an administrator has yet to approve this certificate; ask again with the same key")]
    ApprovalPending {
        /// Seconds after which to ask again.
        retry_after: u64,
    },
    /// An administrator said no.
    #[error("an administrator denied a certificate for this key")]
    ApprovalDenied,
    /// As many requests of the account as are kept were decided lately.
    #[error(
        "an administrator has decided many requests of this account for other keys; ask again with one of those, or in a week"
    )]
    ApprovalsFull,
    /// What serves once was used for this very request, and its certificate is being signed.
    #[error("the certificate is being issued; send the same request again")]
    InProgress {
        /// Seconds after which to ask again.
        retry_after: u64,
    },
    /// The guest token gave as many certificates as it may.
    #[error("a guest token gives {0} certificates; ask for another token")]
    GuestCertificates(u32),
    /// The record of a certificate does not hold its octets.
    #[error("the record of certificate {0} is damaged")]
    Damaged(Serial),
    /// Too often.
    #[error("{}", .0.detail)]
    RateLimited(Box<Problem>),
    /// Refused by policy; already journalled.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// The certificate could not be prepared.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The key did not sign; the intent is resolved later.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The outcome could not be recorded; the intent is resolved later.
    #[error(transparent)]
    Outcome(#[from] OutcomeError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No random octets.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// The task that issued ended early.
    #[error("issuance was interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
}

impl InternalError {
    /// What the journal calls it; `None` for what is journalled elsewhere, or is no decision about the one who asks.
    #[must_use]
    pub fn rule(&self) -> Option<String> {
        match self {
            Self::Token(error) => Some(error.rule()),
            Self::Csr(_) => Some("internal:bad-csr".to_owned()),
            Self::IssuersKey => Some("internal:issuers-key".to_owned()),
            Self::RateLimited(_) => Some("internal:rate-limited".to_owned()),
            Self::GuestCertificates(_) => Some("internal:guest-certificates".to_owned()),
            Self::ChangedNames(_) => Some("est:changed-names".to_owned()),
            Self::AccountRenamed(_) => Some("est:account-renamed".to_owned()),
            Self::OtherName(_) => Some("internal:other-name".to_owned()),
            Self::OtherKey => Some("internal:other-key".to_owned()),
            Self::OtherDomain(_) => Some("internal:other-organisation".to_owned()),
            Self::DomainLost(_) => Some("internal:domain-lost".to_owned()),
            Self::ApprovalDenied => Some("approval:denied".to_owned()),
            Self::ApprovalsFull => Some("approval:full".to_owned()),
            Self::Prepare(error @ (PrepareError::Leaf(_) | PrepareError::Lint(_))) => {
                Some(format!("lint: {error}"))
            }
            Self::ApprovalPending { .. }
            | Self::InProgress { .. }
            | Self::Damaged(_)
            | Self::Refused(_)
            | Self::Prepare(PrepareError::Entropy(_))
            | Self::Sign(_)
            | Self::Outcome(_)
            | Self::Store(_)
            | Self::Entropy(_)
            | Self::Interrupted(_) => None,
        }
    }
}

impl From<InternalError> for Problem {
    fn from(error: InternalError) -> Self {
        match error {
            InternalError::Token(error) => error.into(),
            InternalError::Csr(_) | InternalError::OtherName(_) | InternalError::IssuersKey => {
                Self::new(Kind::BadCsr, error.to_string())
            }
            InternalError::ChangedNames(_) => Self::new(Kind::BadCsr, naming(&error, error.rule())),
            InternalError::OtherKey
            | InternalError::AccountRenamed(_)
            | InternalError::GuestCertificates(_)
            | InternalError::ApprovalDenied
            | InternalError::ApprovalsFull => Self::new(Kind::Unauthorized, naming(&error, error.rule())),
            InternalError::InProgress { retry_after } => Self {
                retry_after: Some(retry_after),
                ..Self::new(Kind::ServiceUnavailable, error.to_string())
            },
            InternalError::ApprovalPending { retry_after } => Self {
                retry_after: Some(retry_after),
                ..Self::new(Kind::UserActionRequired, error.to_string())
            },
            InternalError::OtherDomain(_) | InternalError::DomainLost(_) => {
                Self::new(Kind::RejectedIdentifier, naming(&error, error.rule()))
            }
            InternalError::RateLimited(problem) | InternalError::Refused(problem) => *problem,
            InternalError::Damaged(_)
            | InternalError::Prepare(_)
            | InternalError::Sign(_)
            | InternalError::Outcome(_)
            | InternalError::Store(_)
            | InternalError::Entropy(_)
            | InternalError::Interrupted(_) => Self::internal(error),
        }
    }
}
