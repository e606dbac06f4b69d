//! Anti-replay nonces (RFC 8555 §6.5): authenticated counters, so that none is ever written to the store.
//!
//! A nonce is a counter and a MAC under a key that lives and dies with the process: another instance's nonce, or one from
//! before a restart, is refused and the client tries again. Each is accepted exactly once, and only while it is among the
//! last [`WINDOW`] issued. No lock is taken; the window is words of 32 bits of generation and 32 bits of use.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::ids::{NoEntropy, random_bytes};

/// How many issued nonces may be outstanding; older ones are refused.
pub const WINDOW: u64 = 1 << 20;

/// Nonces that share one word of the window.
const PER_WORD: u64 = 32;

const COUNTER_OCTETS: usize = 8;
const TAG_OCTETS: usize = 16;
const OCTETS: usize = COUNTER_OCTETS + TAG_OCTETS;
/// Characters of [`OCTETS`] in base64url.
const CHARACTERS: usize = 32;

/// Why a nonce was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NonceFault {
    /// There is none in the protected header.
    #[error("the protected header has no `nonce`")]
    Missing,
    /// Not made by this process.
    #[error("the nonce was not issued by this server, or before its last start")]
    Foreign,
    /// Used before.
    #[error("the nonce was used before")]
    Reused,
    /// Too many were issued since.
    #[error("the nonce is too old")]
    Expired,
}

/// Issues and redeems the nonces of this process.
pub struct Nonces {
    key: hmac::Key,
    /// The counter of the next nonce.
    next: AtomicU64,
    /// Word `b % len` holds, for block `b` of 32 counters, `generation(b)` in the upper half and who was used in the lower.
    /// A word only ever moves to a later generation, so nothing used can become unused.
    used: Box<[AtomicU64]>,
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nonces").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Nonces {
    /// Nonces under a fresh random key.
    ///
    /// # Errors
    /// [`NoEntropy`] if the system's generator fails.
    pub fn new() -> Result<Self, NoEntropy> {
        Self::with_window(WINDOW)
    }

    /// Nonces with a window of `window` (a multiple of 32), so that tests can reach its end.
    fn with_window(window: u64) -> Result<Self, NoEntropy> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &random_bytes::<32>()?);
        let words = window / PER_WORD;
        let used = (0..words).map(|_| AtomicU64::new(0)).collect();
        // Generation 0 means "never touched": counting starts at generation 1.
        Ok(Self { key, next: AtomicU64::new(window), used })
    }

    /// A nonce that was never issued before.
    pub fn issue(&self) -> String {
        let counter = self.next.fetch_add(1, Ordering::Relaxed);
        let mut octets = [0; OCTETS];
        let (head, tail) = octets.split_at_mut(COUNTER_OCTETS);
        head.copy_from_slice(&counter.to_be_bytes());
        for (to, from) in tail.iter_mut().zip(hmac::sign(&self.key, head).as_ref()) {
            *to = *from;
        }
        URL_SAFE_NO_PAD.encode(octets)
    }

    /// Accepts a nonce for the first and last time.
    ///
    /// # Errors
    /// [`NonceFault`] if it is not ours, was used, or is too old.
    pub fn redeem(&self, nonce: &str) -> Result<(), NonceFault> {
        let counter = self.authentic(nonce).ok_or(NonceFault::Foreign)?;
        let window = self.used.len() as u64 * PER_WORD;
        if counter.saturating_add(window) < self.next.load(Ordering::Relaxed) {
            return Err(NonceFault::Expired);
        }
        self.mark(counter)
    }

    /// The counter of a nonce that this process made.
    fn authentic(&self, nonce: &str) -> Option<u64> {
        if nonce.len() != CHARACTERS {
            return None;
        }
        let octets: [u8; OCTETS] = URL_SAFE_NO_PAD.decode(nonce).ok()?.try_into().ok()?;
        let (head, tag) = octets.split_first_chunk::<COUNTER_OCTETS>()?;
        let expected = hmac::sign(&self.key, head);
        let expected = expected.as_ref().get(..TAG_OCTETS)?;
        aws_lc_rs::constant_time::verify_slices_are_equal(expected, tag).ok()?;
        Some(u64::from_be_bytes(*head))
    }

    fn mark(&self, counter: u64) -> Result<(), NonceFault> {
        let block = counter / PER_WORD;
        let words = self.used.len() as u64;
        let generation = block / words;
        let bit = 1_u64 << (counter % PER_WORD);
        let word = usize::try_from(block % words).ok().and_then(|at| self.used.get(at));
        let word = word.ok_or(NonceFault::Expired)?;
        let mut seen = word.load(Ordering::Relaxed);
        loop {
            let next = match (seen >> PER_WORD).cmp(&generation) {
                std::cmp::Ordering::Greater => return Err(NonceFault::Expired),
                std::cmp::Ordering::Equal if seen & bit != 0 => return Err(NonceFault::Reused),
                std::cmp::Ordering::Equal => seen | bit,
                std::cmp::Ordering::Less => generation << PER_WORD | bit,
            };
            match word.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => seen = now,
            }
        }
    }
}

#[cfg(test)]
mod tests;
