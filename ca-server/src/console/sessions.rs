//! Who is signed in: a cookie with a handle and a secret, of which the hash is kept; the browser and the network that it belongs to; an end
//! when idle and an end in any case.
//!
//! The secret is replaced every few minutes. One that was replaced is taken for a moment longer, because answers cross on their way; after that,
//! whoever shows it has a copy, and nobody can tell the thief from the owner: the session ends for both. So it does when the cookie comes
//! from another browser or another network, and when new ones are offered again and again and none is taken.

mod rotation;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::operator::Operator;
use super::secret::{Hash, Secret};
use crate::clock;
use crate::config::ConsoleConfig;
use crate::ids::{NoEntropy, random_bytes};
use crate::request::limits::network;
use rotation::Rotation;

/// Sessions at the same time; of too many, the one that was idle longest ends.
const MOST: usize = 500;

/// Characters of a handle.
const HANDLE: usize = 22;

/// Sessions by their handles.
#[derive(Debug)]
pub struct Sessions {
    idle: Duration,
    lifetime: Duration,
    same_address: bool,
    by_handle: Mutex<HashMap<String, Session>>,
}

#[derive(Debug)]
struct Session {
    operator: Arc<Operator>,
    form_token: Arc<Secret>,
    rotation: Rotation,
    browser: Browser,
    began: OffsetDateTime,
    seen: OffsetDateTime,
}

/// What a browser says of itself, and where it is.
#[derive(Clone, Debug)]
pub struct Browser {
    agent: Hash,
    /// Its address.
    pub address: IpAddr,
}

impl Browser {
    /// The browser of a request.
    #[must_use]
    pub fn of(agent: &[u8], address: IpAddr) -> Self {
        // A hash of what may be long; no secret.
        let text: String = String::from_utf8_lossy(agent).chars().take(1024).collect();
        Self { agent: Secret::shown(&text).hash(), address: address.to_canonical() }
    }
}

/// Somebody who is signed in, for one request.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub operator: Arc<Operator>,
    /// What every form of the session carries.
    pub form_token: Arc<Secret>,
    /// From where.
    pub from: IpAddr,
    handle: String,
}

/// Why a cookie is not taken.
#[derive(Debug)]
pub enum NotSignedIn {
    /// There is no such session, or there was one long ago.
    Unknown,
    /// It has ended by itself.
    Over,
    /// It was shown by somebody who should not have it, and has ended.
    Stolen {
        /// Whose it was.
        operator: Arc<Operator>,
        /// How that was noticed.
        how: &'static str,
    },
}

/// A session as it is listed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionView {
    /// Who.
    pub operator: String,
    /// How: `one-time link`, `oidc corp`.
    pub means: String,
    /// From where.
    pub address: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub began: OffsetDateTime,
    /// When a page was last asked for.
    #[serde(with = "time::serde::rfc3339")]
    pub seen: OffsetDateTime,
}

impl Sessions {
    /// None yet, with the times of the configuration.
    #[must_use]
    pub fn new(config: &ConsoleConfig) -> Self {
        Self {
            idle: config.idle,
            lifetime: config.lifetime,
            same_address: config.same_address,
            by_handle: Mutex::default(),
        }
    }

    /// Begins one; gives the cookie's value.
    ///
    /// # Errors
    /// If no secret can be drawn.
    pub fn begin(
        &self,
        operator: Operator,
        browser: Browser,
        now: OffsetDateTime,
    ) -> Result<Secret, NoEntropy> {
        let (handle, secret) = (BASE64URL_NOPAD.encode(&random_bytes::<16>()?), Secret::fresh()?);
        let session = Session {
            operator: Arc::new(operator),
            form_token: Arc::new(Secret::fresh()?),
            rotation: Rotation::new(&secret, now),
            browser,
            began: now,
            seen: now,
        };
        let mut sessions = self.by_handle.lock();
        sessions.retain(|_, session| !self.is_over(session, now));
        if sessions.len() >= MOST
            && let Some(idle) =
                sessions.iter().min_by_key(|(_, session)| session.seen).map(|(id, _)| id.clone())
        {
            sessions.remove(&idle);
        }
        let cookie = cookie(&handle, &secret);
        sessions.insert(handle, session);
        Ok(cookie)
    }

    /// Who shows this cookie; and the cookie's new value, if it is time for one. Only what a person does keeps a session from being idle.
    ///
    /// # Errors
    /// Why it is nobody; or if no secret can be drawn, which is told as an unknown cookie would be.
    pub fn find(
        &self,
        cookie_value: &str,
        browser: &Browser,
        (now, by_person): (OffsetDateTime, bool),
    ) -> Result<(SignedIn, Option<Secret>), NotSignedIn> {
        let (handle, secret) = cookie_value.split_at_checked(HANDLE).ok_or(NotSignedIn::Unknown)?;
        let mut sessions = self.by_handle.lock();
        let session = sessions.get_mut(handle).ok_or(NotSignedIn::Unknown)?;
        if self.is_over(session, now) {
            sessions.remove(handle);
            return Err(NotSignedIn::Over);
        }
        let how = if !session.rotation.takes(&Secret::shown(secret), now) {
            Some("a cookie that was replaced was shown")
        } else if session.rotation.is_ignored(now) {
            Some("no new cookie was taken, however often one was offered")
        } else if session.browser.agent != browser.agent {
            Some("its cookie was shown by another browser")
        } else if self.same_address && network(session.browser.address) != network(browser.address) {
            Some("its cookie was shown from another address")
        } else {
            None
        };
        if let Some(how) = how {
            let operator = Arc::clone(&session.operator);
            sessions.remove(handle);
            return Err(NotSignedIn::Stolen { operator, how });
        }
        if by_person {
            session.seen = now;
        }
        // Without entropy the secret in use stays.
        let fresh = session.rotation.next(now).ok().flatten();
        let signed_in = SignedIn {
            operator: Arc::clone(&session.operator),
            form_token: Arc::clone(&session.form_token),
            from: browser.address,
            handle: handle.to_owned(),
        };
        Ok((signed_in, fresh.map(|secret| cookie(handle, &secret))))
    }

    /// Ends it.
    pub fn end(&self, signed_in: &SignedIn) {
        self.by_handle.lock().remove(&signed_in.handle);
    }

    /// Ends all; says how many there were.
    pub fn end_all(&self, now: OffsetDateTime) -> usize {
        let ended = std::mem::take(&mut *self.by_handle.lock());
        ended.values().filter(|session| !self.is_over(session, now)).count()
    }

    /// Who is signed in, the latest first.
    #[must_use]
    pub fn list(&self, now: OffsetDateTime) -> Vec<SessionView> {
        let sessions = self.by_handle.lock();
        let view = |session: &Session| SessionView {
            operator: session.operator.name(),
            means: session.operator.means(),
            address: session.browser.address.to_string(),
            began: session.began,
            seen: session.seen,
        };
        let mut views: Vec<_> =
            sessions.values().filter(|session| !self.is_over(session, now)).map(view).collect();
        views.sort_by_key(|view| std::cmp::Reverse(view.seen));
        views
    }

    fn is_over(&self, session: &Session, now: OffsetDateTime) -> bool {
        clock::after(session.began, self.lifetime) <= now || clock::after(session.seen, self.idle) <= now
    }
}

fn cookie(handle: &str, secret: &Secret) -> Secret {
    Secret::shown(&format!("{handle}{}", secret.expose()))
}

#[cfg(test)]
mod tests;
