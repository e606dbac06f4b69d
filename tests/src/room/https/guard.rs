//! Who sent a request, and whether it is not one too many: a session's cookie or a password, each with its limit.
//!
//! The limit of an account, for each address that asks, counts right and wrong passwords alike, and is looked at first, so that guessing is slow.

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, COOKIE as COOKIES, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::serve::Peer;
use super::{COOKIE, Front, text};
use crate::room::device::accounts::{Claim, Who};
use crate::room::device::limits::asker;

/// How somebody came in.
pub(super) enum Means {
    /// By name and password.
    Password,
    /// By the cookie of a session: its token.
    Session(String),
}

/// Why somebody does not come in.
pub(super) enum TurnedAway {
    /// Nobody is known by this.
    Unknown,
    /// Too many requests.
    TooMany,
}

/// Whoever this is.
pub(super) fn admit(
    front: &Front,
    Peer(peer): Peer,
    headers: &HeaderMap,
) -> Result<(Who, Means), TurnedAway> {
    if let Some(token) = session(headers) {
        if let Some(who) = front.device.accounts().session(&token) {
            if !front.session.admits(&token) {
                return Err(TurnedAway::TooMany);
            }
            return Ok((who, Means::Session(token)));
        }
        if headers.get(AUTHORIZATION).is_none() {
            return Err(TurnedAway::Unknown);
        }
    }
    let Some(given) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) else {
        return Err(TurnedAway::Unknown);
    };
    let (accounts, claim) = (front.device.accounts(), Claim::basic(given));
    let account = claim.as_ref().and_then(|claim| accounts.known(&claim.name));
    if !front.basic.admits(&asker(peer, account)) {
        return Err(TurnedAway::TooMany);
    }
    match claim.and_then(|claim| accounts.believe(&claim)) {
        Some(who) => Ok((who, Means::Password)),
        None => Err(TurnedAway::Unknown),
    }
}

fn session(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(COOKIES).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, token)| token.to_owned())
}

impl TurnedAway {
    /// What is answered.
    pub(super) fn answer(self) -> Response<Body> {
        match self {
            Self::TooMany => text(StatusCode::SERVICE_UNAVAILABLE, "too many requests"),
            Self::Unknown => {
                let mut answer = text(StatusCode::UNAUTHORIZED, "a name and a password are needed");
                let realm = HeaderValue::from_static("Basic realm=\"room\"");
                answer.headers_mut().insert(WWW_AUTHENTICATE, realm);
                answer
            }
        }
    }
}

/// An answer whose body ends in the middle, so that the connection is cut.
pub(super) fn cut_off() -> Response<Body> {
    let broken = futures_util::stream::iter([Err::<bytes::Bytes, _>(std::io::Error::other("cut off"))]);
    Response::new(Body::from_stream(broken))
}
