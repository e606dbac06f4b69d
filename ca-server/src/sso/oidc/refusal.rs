//! Why a sign-in with an OpenID provider is refused: one variant per reason, each with a stable word.
//!
//! The word goes to the audit record, the metrics and the tests; the message to the log. Neither goes to the browser.
//! Must never hold a code, a token, a secret or the value of a nonce. Text from outside is held escaped and cut (`oidc::shown`).

use time::OffsetDateTime;

use crate::sso::fetch::FetchError;

/// Why a sign-in is refused.
#[derive(Debug, thiserror::Error)]
pub enum OidcRefusal {
    /// The provider's discovery document cannot be had.
    #[error("the provider's configuration cannot be read")]
    DiscoveryUnreachable(#[source] FetchError),
    /// The discovery document is not what OpenID Connect Discovery §3 wants.
    #[error("the provider's configuration is not understood: {0}")]
    DiscoveryMalformed(&'static str),
    /// The discovery document speaks for another issuer (Discovery §4.3).
    #[error("the provider calls itself {found}, not {expected}")]
    DiscoveryIssuer {
        /// The issuer in `ca.toml`.
        expected: String,
        /// The issuer in the document.
        found: String,
    },
    /// An endpoint may not be used: not https, or http while the issuer is not on this machine.
    #[error("the provider's {0} is not https")]
    DiscoveryEndpoint(&'static str),
    /// The provider cannot do what we demand.
    #[error("the provider does not support {0}")]
    DiscoveryUnsupported(&'static str),
    /// An earlier attempt failed and the next one waits.
    #[error("the provider failed before ({reason}) and is asked again after {until}")]
    Resting {
        /// The reason of that failure.
        reason: &'static str,
        /// When it is asked again.
        until: OffsetDateTime,
    },
    /// The provider sent the person back without a code, or with half an answer.
    #[error("the provider's answer through the browser is not understood: {0}")]
    CallbackMalformed(&'static str),
    /// The provider sent the person back with an error (RFC 6749 §4.1.2.1).
    #[error("the provider refused: {0}")]
    ProviderRefused(String),
    /// The answer names another issuer (RFC 9207), or none where the provider promised one.
    #[error("the answer through the browser comes from another issuer")]
    CallbackIssuer,
    /// The token endpoint cannot be had.
    #[error("the provider's token endpoint cannot be reached")]
    TokenUnreachable(#[source] FetchError),
    /// The token endpoint does not take the code or the client (RFC 6749 §5.2).
    #[error("the provider did not redeem the code: {0}")]
    CodeRefused(String),
    /// The token endpoint's answer is not what RFC 6749 §5.1 wants.
    #[error("the answer of the provider's token endpoint is not understood: {0}")]
    TokenMalformed(&'static str),
    /// There is no ID token in the answer.
    #[error("the provider gave no ID token")]
    IdTokenMissing,
    /// The ID token is no JWS in compact form with a JSON object in it.
    #[error("the ID token is not understood: {0}")]
    IdTokenMalformed(&'static str),
    /// The ID token is signed by something that is not allowed.
    #[error("ID tokens signed with {0} are not accepted")]
    Algorithm(String),
    /// The provider's keys cannot be had.
    #[error("the provider's keys cannot be read")]
    KeysUnreachable(#[source] FetchError),
    /// The provider's keys are no JSON Web Key Set.
    #[error("the provider's keys are not understood")]
    KeysMalformed,
    /// No key of the provider fits.
    #[error("the ID token is signed with a key that the provider does not publish")]
    KeyUnknown,
    /// More than one key of the provider fits.
    #[error("the ID token does not say which of the provider's keys signed it")]
    KeyAmbiguous,
    /// The key is too weak, malformed, or published with its private part.
    #[error("the provider's key may not be used")]
    KeyUnusable(#[source] crate::verify::jwk::KeyFault),
    /// The signature does not verify.
    #[error("the ID token's signature does not verify")]
    Signature,
    /// A claim is missing or is not of its type.
    #[error("the claim `{0}` is missing or malformed")]
    Claim(&'static str),
    /// `iss` is not the configured issuer.
    #[error("the ID token is from {0}")]
    Issuer(String),
    /// `aud` does not hold our client id.
    #[error("the ID token is for another client")]
    Audience,
    /// `azp` is missing where `aud` names others too, or is not us.
    #[error("the ID token was issued to another client")]
    AuthorizedParty,
    /// `exp` is past.
    #[error("the ID token expired at {0}")]
    Expired(OffsetDateTime),
    /// `nbf` is ahead.
    #[error("the ID token is valid from {0}")]
    NotYetValid(OffsetDateTime),
    /// `iat` is ahead.
    #[error("the ID token says it was issued at {0}, which is ahead")]
    IssuedInFuture(OffsetDateTime),
    /// `nonce` is missing or is not the one of this sign-in.
    #[error("the ID token belongs to another sign-in")]
    Nonce,
    /// `auth_time` is missing although the request demanded it.
    #[error("the provider does not say when the person signed in")]
    AuthenticationTimeMissing,
    /// `auth_time` is before this sign-in began.
    #[error("the person signed in at {0}, before this sign-in began")]
    AuthenticationStale(OffsetDateTime),
    /// `auth_time` is ahead.
    #[error("the person signed in at {0}, which is ahead")]
    AuthenticationInFuture(OffsetDateTime),
    /// `acr` is not one of those allowed.
    #[error("the way of signing in ({0}) is not allowed here")]
    Context(String),
    /// `amr` holds none of those demanded.
    #[error("none of the methods demanded was used to sign in")]
    Method,
    /// The userinfo endpoint was needed and cannot be had.
    #[error("the provider's userinfo endpoint cannot be reached")]
    UserInfoUnreachable(#[source] FetchError),
    /// The userinfo endpoint speaks of somebody else (OpenID Connect Core §5.3.2).
    #[error("the provider's userinfo endpoint speaks of another person")]
    UserInfoSubject,
    /// There is no e-mail address.
    #[error("the provider gave no e-mail address")]
    EmailMissing,
    /// The e-mail address is none.
    #[error("the provider gave an e-mail address that is none")]
    EmailMalformed(#[source] certs::name::NameError),
    /// `email_verified` is not the JSON value `true`.
    #[error("the provider does not vouch for the e-mail address")]
    EmailUnverified,
}

impl OidcRefusal {
    /// The stable word.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::DiscoveryUnreachable(_) => "discovery-unreachable",
            Self::DiscoveryMalformed(_) => "discovery-malformed",
            Self::DiscoveryIssuer { .. } => "discovery-issuer",
            Self::DiscoveryEndpoint(_) => "discovery-endpoint",
            Self::DiscoveryUnsupported(_) => "discovery-unsupported",
            Self::Resting { reason, .. } => reason,
            Self::CallbackMalformed(_) => "callback-malformed",
            Self::ProviderRefused(_) => "provider-refused",
            Self::CallbackIssuer => "callback-issuer",
            Self::TokenUnreachable(_) => "token-unreachable",
            Self::CodeRefused(_) => "code-refused",
            Self::TokenMalformed(_) => "token-malformed",
            Self::IdTokenMissing => "id-token-missing",
            Self::IdTokenMalformed(_) => "id-token-malformed",
            Self::Algorithm(_) => "algorithm",
            Self::KeysUnreachable(_) => "keys-unreachable",
            Self::KeysMalformed => "keys-malformed",
            Self::KeyUnknown => "key-unknown",
            Self::KeyAmbiguous => "key-ambiguous",
            Self::KeyUnusable(_) => "key-unusable",
            Self::Signature => "signature",
            Self::Claim(_) => "claim",
            Self::Issuer(_) => "issuer",
            Self::Audience => "audience",
            Self::AuthorizedParty => "authorized-party",
            Self::Expired(_) => "expired",
            Self::NotYetValid(_) => "not-yet-valid",
            Self::IssuedInFuture(_) => "issued-in-future",
            Self::Nonce => "nonce",
            Self::AuthenticationTimeMissing => "no-authentication",
            Self::AuthenticationStale(_) => "stale-authentication",
            Self::AuthenticationInFuture(_) => "future-authentication",
            Self::Context(_) => "context",
            Self::Method => "method",
            Self::UserInfoUnreachable(_) => "userinfo-unreachable",
            Self::UserInfoSubject => "userinfo-subject",
            Self::EmailMissing => "email-missing",
            Self::EmailMalformed(_) => "email-malformed",
            Self::EmailUnverified => "email-unverified",
        }
    }

    /// Whether the provider, not the sign-in, is at fault: trying again later may help.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::DiscoveryUnreachable(_)
                | Self::Resting { .. }
                | Self::TokenUnreachable(_)
                | Self::KeysUnreachable(_)
                | Self::UserInfoUnreachable(_)
        )
    }
}
