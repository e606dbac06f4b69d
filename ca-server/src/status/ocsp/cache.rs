//! Signed answers, kept in bounded memory until half their life.
//!
//! What is kept is only a signature saved: whether the certificate was revoked since is looked up each time. When there is no room, others go.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use certs::ocsp::CertId;
use parking_lot::Mutex;

use super::answer::Answer;

/// Parts with a lock of their own.
const PARTS: usize = 16;
/// What an entry takes beside its DER: the request's name of the certificate, headers, the table.
const OVERHEAD: usize = 800;

/// The answers.
#[derive(Debug)]
pub(super) struct Cache {
    parts: Vec<Mutex<Part>>,
    hasher: RandomState,
    most: usize,
}

#[derive(Debug, Default)]
struct Part {
    answers: HashMap<CertId, Arc<Answer>>,
    octets: usize,
}

impl Cache {
    /// An empty one that takes at most so many octets.
    pub(super) fn new(octets: usize) -> Self {
        let parts = std::iter::repeat_with(Mutex::default).take(PARTS).collect();
        Self { parts, hasher: RandomState::new(), most: octets / PARTS }
    }

    pub(super) fn find(&self, certificate: &CertId) -> Option<Arc<Answer>> {
        self.part(certificate)?.lock().answers.get(certificate).cloned()
    }

    pub(super) fn keep(&self, certificate: &CertId, answer: Arc<Answer>) {
        let Some(part) = self.part(certificate) else { return };
        let mut part = part.lock();
        let size = size(&answer);
        while part.octets + size > self.most {
            // Which one is as good as chance: the table's order is.
            let Some(other) = part.answers.keys().next().cloned() else { return };
            part.remove(&other);
        }
        part.remove(certificate);
        part.octets += size;
        part.answers.insert(certificate.clone(), answer);
    }

    /// Forgets what `keep` does not want; gives what it wants signed anew.
    pub(super) fn sweep(&self, keep: impl Fn(&Answer) -> Keep) -> Vec<CertId> {
        let mut due = Vec::new();
        for part in &self.parts {
            let mut part = part.lock();
            let mut gone = Vec::new();
            for (certificate, answer) in &part.answers {
                match keep(answer) {
                    Keep::Yes => {}
                    Keep::Renew => due.push(certificate.clone()),
                    Keep::No => gone.push(certificate.clone()),
                }
            }
            gone.iter().for_each(|certificate| part.remove(certificate));
        }
        due
    }

    fn part(&self, certificate: &CertId) -> Option<&Mutex<Part>> {
        let place = usize::try_from(self.hasher.hash_one(certificate) >> 32).unwrap_or(0);
        self.parts.get(place % PARTS)
    }
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    Yes,
    Renew,
    No,
}

impl Part {
    fn remove(&mut self, certificate: &CertId) {
        if let Some(answer) = self.answers.remove(certificate) {
            self.octets = self.octets.saturating_sub(size(&answer));
        }
    }
}

fn size(answer: &Answer) -> usize {
    answer.der.len() + OVERHEAD
}
