//! Anti-replay nonces (RFC 8555 §6.5): gathered from every answer, spent once, newest first.
//!
//! A nonce comes from the server and is put into a signed header, so only base64url text of bounded length is accepted; anything
//! else counts as absent. The pool is bounded, since a server may send nonces faster than they are used and old ones expire.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use http::HeaderMap;

/// The header that carries a nonce.
pub const REPLAY_NONCE: &str = "replay-nonce";

const MAX_LENGTH: usize = 1_024;
const MAX_KEPT: usize = 64;

/// One unused nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// Accepts base64url text (§6.5.1), which may not be empty or over 1,024 characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let usable = !text.is_empty() && text.len() <= MAX_LENGTH && text.bytes().all(base64url);
        usable.then(|| Self(text.to_owned()))
    }

    /// The text form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nonce an answer carries, if it carries a usable one.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        headers.get(REPLAY_NONCE).and_then(|value| value.to_str().ok()).and_then(Self::parse)
    }
}

/// Unused nonces of one server.
#[derive(Debug, Default)]
pub struct NoncePool {
    kept: Mutex<VecDeque<Nonce>>,
}

impl NoncePool {
    /// Keeps the nonce that an answer carries. Says whether there was one.
    pub fn harvest(&self, headers: &HeaderMap) -> bool {
        let Some(nonce) = Nonce::from_headers(headers) else { return false };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.pop_front();
        }
        kept.push_back(nonce);
        true
    }

    /// The newest unused nonce. Never gives the same one twice.
    pub fn take(&self) -> Option<Nonce> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop_back()
    }

    /// Forgets all nonces, because the server said that one of them was bad: the others are probably as old.
    pub fn clear(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn answer(nonce: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            http::HeaderName::from_static(REPLAY_NONCE),
            HeaderValue::from_str(nonce).unwrap(),
        )])
    }

    #[test]
    fn the_newest_nonce_is_spent_first_and_only_once() {
        let pool = NoncePool::default();
        assert!(pool.harvest(&answer("first")));
        assert!(pool.harvest(&answer("second")));
        assert_eq!(pool.take().unwrap().as_str(), "second");
        assert_eq!(pool.take().unwrap().as_str(), "first");
        assert_eq!(pool.take(), None);
    }

    #[test]
    fn nonces_that_are_not_base64url_are_as_good_as_absent() {
        let pool = NoncePool::default();
        for junk in ["", "a b", "a\"b", "a=", "a+b", &"n".repeat(1_025)] {
            assert!(!pool.harvest(&answer(junk)), "{junk}");
        }
        assert!(!pool.harvest(&HeaderMap::new()));
        assert_eq!(pool.take(), None);
    }

    #[test]
    fn the_pool_stays_bounded_and_drops_the_oldest() {
        let pool = NoncePool::default();
        for n in 0..1_000 {
            pool.harvest(&answer(&format!("n{n}")));
        }
        let taken: Vec<_> = std::iter::from_fn(|| pool.take()).collect();
        assert_eq!(taken.len(), MAX_KEPT);
        assert_eq!(taken[0].as_str(), "n999");
    }

    #[test]
    fn after_clear_nothing_is_left() {
        let pool = NoncePool::default();
        pool.harvest(&answer("a"));
        pool.clear();
        assert_eq!(pool.take(), None);
    }
}
