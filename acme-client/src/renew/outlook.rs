//! Whether a person will have to sign in for the next renewal, so that they can be told before it is urgent. Pure.
//!
//! The server says with each proof how long it serves further orders. Where it did not, a sign-in is expected: a warning too many
//! costs a glance, one too few an expired certificate.

use time::OffsetDateTime;

use super::Due;
use crate::{
    enroll::Leaf,
    state::{IdentitySettings, RenewalRecord},
};

/// What is ahead of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// Renewals go by themselves: a device, or a sign-in that still serves when it is time.
    Unattended,
    /// A sign-in will be needed from that moment on.
    SignInFrom(OffsetDateTime),
    /// A sign-in is needed now, before the certificate ends; `None` if there is no certificate that could.
    SignInNow {
        /// The end of the certificate.
        before: Option<OffsetDateTime>,
    },
}

/// Looks ahead.
pub fn outlook(
    now: OffsetDateTime,
    settings: &IdentitySettings,
    leaf: Option<&Leaf>,
    record: &RenewalRecord,
    due: Due,
) -> Outlook {
    if settings.person().is_none() {
        return Outlook::Unattended;
    }
    let serves_at = |at: OffsetDateTime| record.signed_in_until.is_some_and(|until| until > at);
    let before = leaf.map(|leaf| leaf.not_after).filter(|end| *end > now);
    match due {
        _ if record.sign_in.is_some() => Outlook::SignInNow { before },
        Due::At(at, _) if serves_at(at) => Outlook::Unattended,
        Due::At(at, _) => Outlook::SignInFrom(at),
        Due::Now(_) | Due::HeldBack(_) if serves_at(now) => Outlook::Unattended,
        Due::Now(_) | Due::HeldBack(_) => Outlook::SignInNow { before },
    }
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;
    use crate::{
        enroll::test_leaf,
        renew::Why,
        state::{KeyType, PersonSettings, SignInWanted, Subject},
    };

    const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

    fn person() -> IdentitySettings {
        let email = "bob@example.com".parse().unwrap();
        IdentitySettings {
            subject: Subject::Person(PersonSettings { email, provider: None }),
            directory: "https://ca.test/directory".parse().unwrap(),
            profile: None,
            key_type: KeyType::P256,
            key_store: tokens::KeyStore::File,
            keep: 5,
            deploy: None,
        }
    }

    #[test]
    fn a_sign_in_is_announced_unless_the_last_one_serves_until_then() {
        let end = NOW + Duration::days(10);
        let leaf = test_leaf(NOW - Duration::days(20), end, None);
        let later = Due::At(NOW + Duration::days(2), Why::Suggested);
        let signed = |until| RenewalRecord { signed_in_until: Some(until), ..RenewalRecord::default() };
        let wanted = SignInWanted { since: NOW, asked: NOW };
        let asked = RenewalRecord { sign_in: Some(wanted), ..signed(NOW + Duration::days(9)) };
        let from = Outlook::SignInFrom(NOW + Duration::days(2));
        let at_once = Outlook::SignInNow { before: Some(end) };
        for (record, due, expected) in [
            (RenewalRecord::default(), later, from),
            (signed(NOW + Duration::days(1)), later, from),
            (signed(NOW + Duration::days(3)), later, Outlook::Unattended),
            (RenewalRecord::default(), Due::Now(Why::Lifetime), at_once),
            (signed(NOW + Duration::hours(1)), Due::Now(Why::Lifetime), Outlook::Unattended),
            (signed(NOW), Due::HeldBack(NOW), at_once),
            (asked, later, at_once),
        ] {
            assert_eq!(outlook(NOW, &person(), Some(&leaf), &record, due), expected, "{record:?} {due:?}");
        }
        let lapsed = outlook(end, &person(), Some(&leaf), &RenewalRecord::default(), Due::Now(Why::Expired));
        assert_eq!(lapsed, Outlook::SignInNow { before: None });
    }
}
