//! `Verified`, `VerifiedKey`, `VerifiedEither`: the proof values of this stage, which only this file can make.
//!
//! A handler that takes one of them cannot run before every check of RFC 8555 §6 has passed.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use tracing::Instrument as _;

use super::authenticate::{Accepts, authenticate};
use super::body;
use super::error::VerifyError;
use super::jwk::Jwk;
use super::payload::Payload;
use crate::app::App;
use crate::ids::AuthorityName;
use crate::order::model::Account;
use crate::respond::problem::Problem;
use crate::store::Versioned;
use crate::traces::TARGET;

/// A request signed by a valid account of `authority`.
#[derive(Debug)]
pub struct Verified<P> {
    /// The authority it was sent to, which is the account's.
    pub authority: AuthorityName,
    /// Who signed it.
    pub account: Versioned<Account>,
    /// What was signed.
    pub payload: P,
    _proof: Proof,
}

/// A request signed by the key it carries, of which nothing else is known (newAccount).
#[derive(Debug)]
pub struct VerifiedKey<P> {
    /// The authority it was sent to.
    pub authority: AuthorityName,
    /// The key that signed it.
    pub key: Jwk,
    /// What was signed.
    pub payload: P,
    _proof: Proof,
}

/// A request signed by either (revokeCert).
#[derive(Debug)]
pub struct VerifiedEither<P> {
    /// The authority it was sent to.
    pub authority: AuthorityName,
    /// Who signed it.
    pub signer: Signer,
    /// What was signed.
    pub payload: P,
    _proof: Proof,
}

/// Who signed a request.
#[derive(Debug)]
pub enum Signer {
    /// A valid account of the authority.
    Account(Box<Versioned<Account>>),
    /// The holder of this key.
    Key(Jwk),
}

/// Cannot be made outside this file.
#[derive(Debug)]
struct Proof;

impl<P: Payload> FromRequest<App> for VerifiedEither<P> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, app: &App) -> Result<Self, Problem> {
        Ok(receive(request, app, Accepts::Either).await?)
    }
}

impl<P: Payload> FromRequest<App> for Verified<P> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, app: &App) -> Result<Self, Problem> {
        let VerifiedEither { authority, signer, payload, .. } =
            receive(request, app, Accepts::Account).await?;
        match signer {
            Signer::Account(account) => Ok(Self { authority, account: *account, payload, _proof: Proof }),
            Signer::Key(_) => Err(VerifyError::KidWanted.into()),
        }
    }
}

impl<P: Payload> FromRequest<App> for VerifiedKey<P> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, app: &App) -> Result<Self, Problem> {
        let VerifiedEither { authority, signer, payload, .. } = receive(request, app, Accepts::Key).await?;
        match signer {
            Signer::Key(key) => Ok(Self { authority, key, payload, _proof: Proof }),
            Signer::Account(_) => Err(VerifyError::JwkWanted.into()),
        }
    }
}

async fn receive<P: Payload>(
    request: Request<Body>,
    app: &App,
    accepts: Accepts,
) -> Result<VerifiedEither<P>, VerifyError> {
    let authority = authority_of(app, request.uri().path()).ok_or(VerifyError::UnknownAuthority)?;
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let limits = &app.config.limits;
    // Half the time of a request is for its arrival, half for its work.
    let body = body::read(request, limits.body, limits.request_timeout / 2).await?;
    let span = tracing::debug_span!(target: TARGET, "verify");
    let authentic = authenticate(app, &authority, &target, &body, accepts).instrument(span).await?;
    let payload = P::read(&authentic.payload)?;
    Ok(VerifiedEither { authority, signer: authentic.signer, payload, _proof: Proof })
}

/// The authority in `/acme/<authority>/…`, if this server has it and clients reach it over ACME.
pub(crate) fn authority_of(app: &App, path: &str) -> Option<AuthorityName> {
    let name = path.strip_prefix("/acme/")?.split('/').next()?;
    let name: AuthorityName = name.parse().ok()?;
    app.config.is_reached(&name).then_some(name)
}
