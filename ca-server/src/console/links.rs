//! One-time links: made through the admin socket, good once and for minutes. Looking at one consumes nothing; its button does.

use std::collections::HashMap;

use parking_lot::Mutex;
use time::OffsetDateTime;

use super::secret::{Hash, Secret};
use crate::clock;
use crate::ids::NoEntropy;

/// Links at the same time; the one that ends first makes room.
const MOST: usize = 100;

/// Links that were not used, by the hashes of their secrets.
#[derive(Debug, Default)]
pub struct OneTimeLinks(Mutex<HashMap<Hash, Link>>);

/// What a link is for.
#[derive(Clone, Debug)]
struct Link {
    name: String,
    expires: OffsetDateTime,
}

impl OneTimeLinks {
    /// Makes one for somebody of this name; gives its secret and its end.
    ///
    /// # Errors
    /// If no secret can be drawn.
    pub fn make(
        &self,
        name: &str,
        lifetime: std::time::Duration,
        now: OffsetDateTime,
    ) -> Result<(Secret, OffsetDateTime), NoEntropy> {
        let (secret, expires) = (Secret::fresh()?, clock::after(now, lifetime));
        let mut links = self.0.lock();
        links.retain(|_, link| link.expires > now);
        if links.len() >= MOST
            && let Some(first) =
                links.iter().min_by_key(|(_, link)| link.expires).map(|(hash, _)| hash.clone())
        {
            links.remove(&first);
        }
        links.insert(secret.hash(), Link { name: name.to_owned(), expires });
        Ok((secret, expires))
    }

    /// For whom a link is, if it is good.
    #[must_use]
    pub fn look(&self, secret: &Secret, now: OffsetDateTime) -> Option<String> {
        let links = self.0.lock();
        links.get(&secret.hash()).filter(|link| link.expires > now).map(|link| link.name.clone())
    }

    /// Uses it up.
    #[must_use]
    pub fn take(&self, secret: &Secret, now: OffsetDateTime) -> Option<String> {
        let link = self.0.lock().remove(&secret.hash())?;
        (link.expires > now).then_some(link.name)
    }

    /// Forgets all of them.
    pub fn clear(&self) {
        self.0.lock().clear();
    }
}
