//! Sessions: who is taken, who is not, and what ends one.

use super::*;

const START: OffsetDateTime = time::macros::datetime!(2026-09-21 14:00 UTC);

fn sessions() -> Sessions {
    Sessions::new(&ConsoleConfig::default())
}

fn browser(agent: &str, address: &str) -> Browser {
    Browser::of(agent.as_bytes(), address.parse().unwrap())
}

fn firefox() -> Browser {
    browser("Firefox", "192.0.2.7")
}

fn begin(sessions: &Sessions) -> String {
    let operator = Operator::by_link("root".to_owned());
    sessions.begin(operator, firefox(), START).unwrap().expose().to_owned()
}

fn minutes(count: i64) -> OffsetDateTime {
    START + time::Duration::minutes(count)
}

fn at(sessions: &Sessions, cookie: &str, now: OffsetDateTime) -> Result<Option<String>, NotSignedIn> {
    let found = sessions.find(cookie, &firefox(), (now, true));
    found.map(|(_, next)| next.map(|next| next.expose().to_owned()))
}

#[test]
fn a_session_ends_when_nobody_works_and_in_any_case() {
    let sessions = sessions();
    let cookie = begin(&sessions);
    assert!(at(&sessions, &cookie, minutes(29)).is_ok());
    assert!(sessions.find(&cookie, &firefox(), (minutes(50), false)).is_ok(), "a script looked");
    assert!(matches!(at(&sessions, &cookie, minutes(59)), Err(NotSignedIn::Over)), "and nobody worked");
    assert!(matches!(at(&sessions, &cookie, minutes(59)), Err(NotSignedIn::Unknown)));

    let mut cookie = begin(&sessions);
    for minute in (20..720).step_by(20) {
        cookie = at(&sessions, &cookie, minutes(minute)).unwrap().unwrap_or(cookie);
    }
    assert!(matches!(at(&sessions, &cookie, minutes(720)), Err(NotSignedIn::Over)));
}

#[test]
fn another_browser_or_network_ends_the_session_for_both() {
    for other in [browser("curl", "192.0.2.7"), browser("Firefox", "192.0.2.8")] {
        let sessions = sessions();
        let cookie = begin(&sessions);
        let found = sessions.find(&cookie, &other, (START, true));
        assert!(matches!(found, Err(NotSignedIn::Stolen { .. })), "{found:?}");
        assert!(matches!(at(&sessions, &cookie, START), Err(NotSignedIn::Unknown)));
    }
    let same_network = Sessions::new(&ConsoleConfig::default());
    let operator = Operator::by_link("root".to_owned());
    let cookie = same_network.begin(operator, browser("Firefox", "2001:db8::1"), START).unwrap();
    let moved = browser("Firefox", "2001:db8::2");
    assert!(same_network.find(cookie.expose(), &moved, (START, true)).is_ok(), "one /64 is one machine");
    let roaming = Sessions::new(&ConsoleConfig { same_address: false, ..ConsoleConfig::default() });
    let cookie = begin(&roaming);
    assert!(roaming.find(&cookie, &browser("Firefox", "198.51.100.1"), (START, true)).is_ok());
}

#[test]
fn a_secret_that_was_replaced_is_taken_for_a_moment_and_then_ends_the_session() {
    let sessions = sessions();
    let first = begin(&sessions);
    let second = at(&sessions, &first, minutes(5)).unwrap().expect("a new one every five minutes");
    assert!(at(&sessions, &first, minutes(5)).unwrap().is_none(), "not one for every request");
    let third = at(&sessions, &first, minutes(6)).unwrap().expect("the answer may have been lost");
    assert!(at(&sessions, &second, minutes(6)).is_ok(), "either that was offered");
    for crossing in [&first, &third] {
        assert!(at(&sessions, crossing, minutes(6)).is_ok(), "on its way meanwhile");
    }
    let found = at(&sessions, &first, minutes(7));
    assert!(matches!(found, Err(NotSignedIn::Stolen { .. })), "{found:?}");
    assert!(matches!(at(&sessions, &second, minutes(7)), Err(NotSignedIn::Unknown)));
}

#[test]
fn whoever_takes_no_new_secret_is_ended_and_a_browser_that_loses_answers_is_not() {
    let after = |offers: i64| minutes(5) + time::Duration::seconds(30 * offers);
    let (ignoring, losing) = (sessions(), sessions());
    let (copy, kept) = (begin(&ignoring), begin(&losing));
    let mut newest = kept.clone();
    for offer in 0..8 {
        assert!(at(&ignoring, &copy, after(offer)).unwrap().is_some(), "offer {offer}");
        newest = at(&losing, &kept, after(offer)).unwrap().unwrap();
    }
    assert!(at(&ignoring, &copy, after(7)).unwrap().is_none(), "the last may be on its way");
    let found = at(&ignoring, &copy, after(8));
    let noticed = matches!(&found, Err(NotSignedIn::Stolen { how, .. }) if how.contains("no new cookie"));
    assert!(noticed, "{found:?}");
    assert!(matches!(at(&ignoring, &copy, after(8)), Err(NotSignedIn::Unknown)));

    assert!(at(&losing, &newest, after(8)).is_ok(), "the newest comes at last");
    assert!(at(&losing, &kept, after(8)).is_ok(), "and what another tab had asked before");
    let later = after(8) + time::Duration::minutes(6);
    assert!(at(&losing, &newest, later).unwrap().is_some(), "then all begins anew");
}

#[test]
fn nonsense_is_nobody_and_ends_nothing() {
    let sessions = sessions();
    let cookie = begin(&sessions);
    for nonsense in ["", "A", &"A".repeat(65), &"ü".repeat(40), &cookie.to_lowercase()] {
        assert!(matches!(at(&sessions, nonsense, START), Err(NotSignedIn::Unknown)), "{nonsense}");
    }
    assert!(at(&sessions, &cookie, START).is_ok());
}

#[test]
fn there_are_only_so_many_and_the_one_idle_longest_makes_room() {
    let sessions = sessions();
    let first = begin(&sessions);
    assert!(at(&sessions, &first, minutes(1)).is_ok());
    for _ in 0..MOST {
        begin(&sessions);
    }
    assert_eq!(sessions.list(START).len(), MOST);
    assert!(at(&sessions, &first, minutes(1)).is_ok());
    assert_eq!(sessions.end_all(minutes(1)), MOST);
    assert!(matches!(at(&sessions, &first, minutes(1)), Err(NotSignedIn::Unknown)));
}
