//! Why a request was not taken as authentic, and which problem says so. Texts are constant and say what to do.
//!
//! Nothing here may tell an outsider whether an account other than the one he named exists.

use crate::order::model::AccountStatus;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::store::StoreError;

use super::algorithm::Algorithm;
use super::nonce::NonceFault;

/// A request that is refused before any handler sees it (RFC 8555 §6).
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The first part of the path names no authority of this server.
    #[error("there is no such authority here; see the list at the server's start page")]
    UnknownAuthority,
    /// RFC 8555 §6.2.
    #[error("send the request with Content-Type: application/jose+json")]
    ContentType,
    /// More octets than `[limits] body`.
    #[error("the request body is larger than {0} octets")]
    BodyTooLarge(usize),
    /// The body did not arrive in time.
    #[error("the request body did not arrive in time")]
    BodyTimeout,
    /// The connection broke within the body.
    #[error("the request body could not be read")]
    BodyBroken,
    /// Not a flattened JWS in JSON.
    #[error("the body is not a JWS in flattened JSON serialization: {0}")]
    NotJws(#[source] serde_json::Error),
    /// The general JSON serialization, with `signatures`.
    #[error("the JWS must have one signature: use the flattened JSON serialization, without `signatures`")]
    ManySignatures,
    /// RFC 8555 §6.2 forbids the unprotected header.
    #[error("the JWS must not have an unprotected `header`")]
    UnprotectedHeader,
    /// A member is not base64url without padding.
    #[error("`{0}` of the JWS is not base64url without padding")]
    NotBase64Url(&'static str),
    /// The protected header is not a JSON object as RFC 8555 §6.2 wants it.
    #[error("the protected header of the JWS is not acceptable: {0}")]
    Header(#[source] serde_json::Error),
    /// The protected header is JSON but no object.
    #[error("the protected header of the JWS must be a JSON object")]
    HeaderNotObject,
    /// RFC 7515 §4.1.11: an extension that must be understood and is not.
    #[error("the JWS demands an extension (`{0}`) that this server does not support")]
    Extension(&'static str),
    /// `none`, a MAC, or an unknown algorithm.
    #[error("the JWS algorithm is not supported; use one of ES256, ES384, RS256, EdDSA")]
    Algorithm,
    /// The algorithm does not belong to the key.
    #[error("the JWS says {claimed} but the key is for {expected}")]
    AlgorithmOfKey {
        /// What the header says.
        claimed: &'static str,
        /// What the key is for.
        expected: &'static str,
    },
    /// RFC 8555 §6.2: exactly one of `jwk` and `kid`.
    #[error("the protected header must not have both `jwk` and `kid`")]
    BothKeys,
    /// Neither of them.
    #[error("the protected header needs `kid` with the account URL, or `jwk` for newAccount and revokeCert")]
    NoKey,
    /// The resource wants `kid`.
    #[error("sign this request with the account's URL as `kid`, not with `jwk`")]
    KidWanted,
    /// The resource wants `jwk`.
    #[error("sign this request with the key itself as `jwk`, not with `kid`")]
    JwkWanted,
    /// The key is of an unsupported type, weak or invalid.
    #[error("the public key is not acceptable: {0}")]
    Key(#[from] super::jwk::KeyFault),
    /// There is no `url`.
    #[error("the protected header needs `url`, the URL the request is sent to")]
    NoUrl,
    /// RFC 8555 §6.4.
    #[error("`url` in the protected header is not the URL the request was sent to, which is {0}")]
    Url(String),
    /// RFC 8555 §6.5.
    #[error("{0}; try again with the Replay-Nonce of this answer")]
    Nonce(#[from] NonceFault),
    /// The `kid` names no account of this authority.
    #[error("`kid` names no account at this authority; make one with newAccount")]
    UnknownAccount,
    /// RFC 8555 §7.3.1: `onlyReturnExisting`.
    #[error("this key has no account at this authority")]
    NoAccountOfKey,
    /// RFC 8555 §7.3.6.
    #[error("the account is {}", status_word(*.0))]
    AccountNotValid(AccountStatus),
    /// The signature does not verify.
    #[error("the JWS signature does not verify with the key it names")]
    Signature,
    /// The payload is not what the resource takes.
    #[error("the payload is not acceptable: {0}")]
    Payload(#[source] serde_json::Error),
    /// The payload is JSON but no object.
    #[error("the payload must be a JSON object")]
    PayloadNotObject,
    /// RFC 8555 §6.3.
    #[error("to read this resource send POST-as-GET: a JWS with an empty payload")]
    PayloadNotEmpty,
    /// The store failed.
    #[error("storage failed")]
    Store(#[from] StoreError),
}

const fn status_word(status: AccountStatus) -> &'static str {
    match status {
        AccountStatus::Valid => "valid",
        AccountStatus::Deactivated => "deactivated; make a new one with another key",
        AccountStatus::Revoked => "revoked by the operator of this server",
    }
}

impl From<VerifyError> for Problem {
    fn from(error: VerifyError) -> Self {
        use VerifyError as E;
        let kind = match error {
            E::Store(cause) => return Self::internal(cause),
            E::UnknownAuthority => Kind::NotFound,
            E::ContentType => Kind::UnsupportedMediaType,
            E::BodyTooLarge(_) => Kind::PayloadTooLarge,
            E::BodyTimeout => Kind::RequestTimeout,
            E::Algorithm | E::AlgorithmOfKey { .. } => {
                return Self {
                    algorithms: Some(Algorithm::NAMES),
                    ..Self::new(Kind::BadSignatureAlgorithm, error.to_string())
                };
            }
            E::Key(_) => Kind::BadPublicKey,
            E::Url(_) => Kind::Unauthorized,
            E::Nonce(_) => Kind::BadNonce,
            E::UnknownAccount | E::NoAccountOfKey => Kind::AccountDoesNotExist,
            E::AccountNotValid(_) => Kind::AccountNotValid,
            E::BodyBroken
            | E::NotJws(_)
            | E::ManySignatures
            | E::UnprotectedHeader
            | E::NotBase64Url(_)
            | E::Header(_)
            | E::HeaderNotObject
            | E::Extension(_)
            | E::BothKeys
            | E::NoKey
            | E::KidWanted
            | E::JwkWanted
            | E::NoUrl
            | E::Signature
            | E::Payload(_)
            | E::PayloadNotObject
            | E::PayloadNotEmpty => Kind::Malformed,
        };
        Self::new(kind, error.to_string())
    }
}
