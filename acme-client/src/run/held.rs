//! Pauses that are kept in memory: for an identity that would be looked at again at once although it has just been.
//!
//! What the state directory says comes first. But a disk that is full keeps no record of a failure, and a bug may forget one; without this, either
//! would turn into a loop that asks a server as fast as it answers.

use std::collections::HashMap;

use time::{Duration, OffsetDateTime};

use crate::{renew::doubled, state::IdentityName};

const LONGEST: Duration = Duration::HOUR;

/// The identities that are held.
#[derive(Debug, Default)]
pub(super) struct Held(HashMap<IdentityName, (u32, OffsetDateTime)>);

impl Held {
    /// Holds an identity: a minute, and twice as long each time in a row.
    pub(super) fn hold(&mut self, name: &IdentityName, now: OffsetDateTime) {
        let (times, until) = self.0.entry(name.clone()).or_insert((0, now));
        *times = times.saturating_add(1);
        *until = now.saturating_add(doubled(*times, LONGEST));
    }

    /// Lets it go.
    pub(super) fn release(&mut self, name: &IdentityName) {
        self.0.remove(name);
    }

    /// Lets all go.
    pub(super) fn release_all(&mut self) {
        self.0.clear();
    }

    /// Until when it is held. A pause that no look can have made comes of a clock that was wrong, and is not kept.
    pub(super) fn until(&self, name: &IdentityName, now: OffsetDateTime) -> Option<OffsetDateTime> {
        self.0.get(name).map(|(_, until)| *until).filter(|until| *until > now && *until - now <= LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_look_that_changed_nothing_is_repeated_ever_more_seldom() {
        let (now, name) = (datetime!(2026-11-22 12:00 UTC), IdentityName::parse("room-1").unwrap());
        let mut held = Held::default();
        assert_eq!(held.until(&name, now), None);
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
            held.hold(&name, now);
            assert_eq!(held.until(&name, now), Some(now + Duration::minutes(minutes)));
        }
        assert_eq!(held.until(&name, now - Duration::days(1)), None, "the clock was set back");
        held.release(&name);
        held.hold(&name, now);
        assert_eq!(held.until(&name, now), Some(now + Duration::MINUTE));
    }
}
