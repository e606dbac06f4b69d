//! What is handed out to be remembered: the same assertion gives the same key, however it is dressed up.

use time::Duration;

use crate::case::{Canaries, read};
use crate::parties::NOW;

#[test]
fn an_assertion_gives_the_same_key_each_time_and_other_octets_do_not_change_it() {
    let cases = read("accepted");
    let plain = cases.iter().find(|case| case.name == "plain, assertion signed").unwrap();
    let form = plain.form(&Canaries::default());
    let first = plain.verify(&form).unwrap().into_parts().2;
    assert_eq!(plain.verify(&form).unwrap().into_parts().2, first);
    // Others can sign nothing, but they can vary what is not signed.
    for name in ["plain, with blanks in what nobody signed", "plain, broken into lines"] {
        let dressed = cases.iter().find(|case| case.name == name).unwrap();
        assert_eq!(
            dressed.verify(&dressed.form(&Canaries::default())).unwrap().into_parts().2.key,
            first.key,
            "{name}"
        );
    }
}

#[test]
fn the_key_is_kept_until_no_clock_takes_the_assertion_any_more() {
    let cases = read("accepted");
    let plain = cases.iter().find(|case| case.name == "plain, assertion signed").unwrap();
    let person = plain.verify(&plain.form(&Canaries::default())).unwrap();
    assert_eq!(person.single_use().until, NOW + Duration::seconds(299 + 60 + 1));
}
