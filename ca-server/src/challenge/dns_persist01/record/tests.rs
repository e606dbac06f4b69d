//! Readable and unreadable records.

use super::*;

fn read(text: &str) -> Result<PersistRecord, RecordFault> {
    parse(text.as_bytes())
}

#[test]
fn issuer_account_policy_and_time_are_read_whatever_the_case_and_spacing_of_tags() {
    let record =
        read("ca.example;  AccountURI = https://ca.example/acct/1 ;POLICY=Wildcard; persistuntil=1721952000")
            .unwrap();
    assert_eq!(record.account_uri, "https://ca.example/acct/1");
    assert!(record.wildcard);
    assert_eq!(record.until.unwrap().unix_timestamp(), 1_721_952_000);
    assert_eq!(issuer(b" ca.example ; accounturi=x"), b"ca.example");
}

#[test]
fn unknown_tags_and_policies_are_ignored() {
    let record = read("ca.example; accounturi=x; future=a; future=b; policy=other").unwrap();
    assert_eq!(record, PersistRecord { account_uri: "x".to_owned(), wildcard: false, until: None });
}

#[test]
fn every_departure_from_the_syntax_is_a_fault() {
    for (text, fault) in [
        ("ca.example", RecordFault::NoAccount),
        ("ca.example; policy=wildcard", RecordFault::NoAccount),
        ("ca.example; accounturi=", RecordFault::NoAccount),
        ("ca.example; accounturi=x;", RecordFault::EmptyParameter { number: 2 }),
        ("ca.example;; accounturi=x", RecordFault::EmptyParameter { number: 1 }),
        ("ca.example; accounturi", RecordFault::NoTag { number: 1 }),
        ("ca.example; =x", RecordFault::NoTag { number: 1 }),
        ("ca.example; accounturi=x y", RecordFault::ValueCharacter { tag: "accounturi".to_owned() }),
        ("ca.example; accounturi=x; other=\u{e4}", RecordFault::ValueCharacter { tag: "other".to_owned() }),
        ("ca.example; accounturi=x; ACCOUNTURI=y", RecordFault::Duplicate { tag: "accounturi" }),
        ("ca.example; accounturi=x; policy=a; policy=a", RecordFault::Duplicate { tag: "policy" }),
        (
            "ca.example; accounturi=x; persistUntil=1; persistUntil=1",
            RecordFault::Duplicate { tag: "persistUntil" },
        ),
        ("ca.example; accounturi=x; persistUntil=soon", RecordFault::BadTime),
        ("ca.example; accounturi=x; persistUntil=-1", RecordFault::BadTime),
        ("ca.example; accounturi=x; persistUntil=", RecordFault::BadTime),
        ("ca.example; accounturi=x; persistUntil=99999999999999999999", RecordFault::BadTime),
    ] {
        assert_eq!(read(text), Err(fault), "{text}");
    }
    assert_eq!(parse(b"ca.example; accounturi=\xff"), Err(RecordFault::NotText));
}

proptest::proptest! {
    #[test]
    fn no_octets_make_the_parser_panic(octets in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        _ = (issuer(&octets), parse(&octets));
    }
}
