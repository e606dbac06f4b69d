use proptest::prelude::*;

use super::*;

fn fault(text: &str) -> NameError {
    DnsName::parse(text).unwrap_err()
}

#[test]
fn names_are_lower_cased_and_kept() {
    for (given, kept) in [
        ("Room-1.Example.COM", "room-1.example.com"),
        ("*.Example.com", "*.example.com"),
        ("a.b", "a.b"),
        ("1.2.3.4.in-addr.arpa", "1.2.3.4.in-addr.arpa"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("XN--Bcher-KVA.example", "xn--bcher-kva.example"),
    ] {
        assert_eq!(DnsName::parse(given).unwrap().as_str(), kept);
    }
}

#[test]
fn each_fault_is_named_with_its_position() {
    assert_eq!(fault(""), NameError::Empty);
    assert_eq!(fault("a.example."), NameError::TrailingDot);
    assert_eq!(fault("a..example"), NameError::EmptyLabel { position: 3 });
    assert_eq!(fault("a.example.."), NameError::EmptyLabel { position: 11 });
    assert_eq!(fault(".example.com"), NameError::EmptyLabel { position: 1 });
    assert_eq!(fault("a_b.example"), NameError::Underscore { position: 2 });
    assert_eq!(fault("bücher.example"), NameError::NonAscii { character: 'ü', position: 2 });
    assert_eq!(fault("a b.example"), NameError::Character { character: ' ', position: 2 });
    assert_eq!(fault("a.ex\0mple"), NameError::Character { character: '\0', position: 5 });
    assert_eq!(fault("a.-b.example"), NameError::HyphenAtEdge { position: 3 });
    assert_eq!(fault("a.b-.example"), NameError::HyphenAtEdge { position: 3 });
    assert_eq!(fault("a.*.example"), NameError::WildcardPosition { position: 3 });
    assert_eq!(fault("*a.example"), NameError::WildcardPosition { position: 1 });
    assert_eq!(fault("*.*.example"), NameError::WildcardPosition { position: 3 });
    assert_eq!(fault("*"), NameError::WildcardPosition { position: 1 });
    assert_eq!(fault("localhost"), NameError::SingleLabel { text: "localhost".into() });
    assert_eq!(fault("*.example"), NameError::SingleLabel { text: "*.example".into() });
    assert_eq!(fault("*."), NameError::TrailingDot);
    assert!(fault("bücher.example").to_string().contains("xn--"));
}

#[test]
fn lengths_are_limited_at_63_and_253() {
    let label = "a".repeat(63);
    assert!(DnsName::parse(&format!("{label}.example")).is_ok());
    assert_eq!(fault(&format!("b.{label}a.example")), NameError::LabelTooLong { position: 3, length: 64 });
    let longest = format!("{label}.{label}.{label}.{}", "b".repeat(61));
    assert_eq!(longest.len(), 253);
    assert!(DnsName::parse(&longest).is_ok());
    assert_eq!(fault(&format!("{longest}b")), NameError::TooLong { length: 254, limit: 253 });
}

#[test]
fn addresses_are_not_names() {
    for text in ["192.0.2.1", "127.1", "1.2.3.4.5", "a.0x7f", "example.123", "0.0.0.0", "a.0x"] {
        assert_eq!(fault(text), NameError::IpLiteral { text: text.into() });
    }
    assert_eq!(fault("2001:db8::1"), NameError::Character { character: ':', position: 5 });
    assert_eq!(fault("[::1].example"), NameError::Character { character: '[', position: 1 });
}

#[test]
fn broken_a_labels_are_refused() {
    for label in ["xn--", "xn--a-", "xn--zzzzzzzzzz99999", "ab--cd", "xn--example-.com"] {
        assert!(DnsName::parse(&format!("{label}.example")).is_err(), "{label}");
    }
    assert_eq!(fault("a.ab--cd.example"), NameError::ALabel { label: "ab--cd".into(), position: 3 });
}

#[test]
fn one_label_needs_its_own_function() {
    assert_eq!(DnsName::parse_allowing_single_label("LocalHost").unwrap().as_str(), "localhost");
    assert_eq!(
        DnsName::parse_host("*.example.com"),
        Err(NameError::Wildcard { text: "*.example.com".into() })
    );
}

#[test]
fn parents_climb_from_the_base_to_the_last_label() {
    let parents = |text: &str| DnsName::parse(text).unwrap().parents().map(String::from).collect::<Vec<_>>();
    assert_eq!(parents("a.b.c"), ["a.b.c", "b.c", "c"]);
    assert_eq!(parents("*.b.c"), ["b.c", "c"]);
}

#[test]
fn within_and_covers_respect_label_boundaries() {
    let name = |text: &str| DnsName::parse(text).unwrap();
    assert!(name("a.example.com").is_within(&name("example.com")));
    assert!(name("example.com").is_within(&name("example.com")));
    assert!(name("*.example.com").is_within(&name("example.com")));
    assert!(!name("badexample.com").is_within(&name("example.com")));
    assert!(!name("example.com").is_within(&name("a.example.com")));
    assert!(name("*.example.com").covers(&name("a.example.com")));
    assert!(!name("*.example.com").covers(&name("example.com")));
    assert!(!name("*.example.com").covers(&name("a.b.example.com")));
    assert!(name("*.example.com").covers(&name("*.example.com")));
    assert!(!name("*.example.com").covers(&name("*.a.example.com")));
}

fn email_fault(text: &str) -> NameError {
    EmailAddress::parse(text).unwrap_err()
}

#[test]
fn addresses_keep_the_local_part_and_lower_the_domain() {
    let address = EmailAddress::parse("Alice.O'Neil+x@Example.ORG").unwrap();
    assert_eq!(address.to_string(), "Alice.O'Neil+x@example.org");
    assert_eq!(address.local_part(), "Alice.O'Neil+x");
    let lower = EmailAddress::parse("alice.o'neil+x@example.org").unwrap();
    assert_ne!(address, lower);
    assert!(address.is_same_ignoring_case(&lower));
}

#[test]
fn each_mail_fault_is_named() {
    assert_eq!(email_fault(""), NameError::Empty);
    assert_eq!(email_fault("alice"), NameError::AtSigns { count: 0 });
    assert_eq!(email_fault("victim@corp.com@evil.org"), NameError::AtSigns { count: 2 });
    assert_eq!(email_fault("\"a\"@b.c"), NameError::QuotedOrComment { character: '"', position: 1 });
    assert_eq!(email_fault("a(x)@b.c"), NameError::QuotedOrComment { character: '(', position: 2 });
    assert_eq!(email_fault("@b.c"), NameError::LocalPartLength { length: 0 });
    assert_eq!(email_fault(&format!("{}@b.c", "a".repeat(65))), NameError::LocalPartLength { length: 65 });
    assert_eq!(email_fault("a b@c.d"), NameError::LocalPartCharacter { character: ' ', position: 2 });
    assert_eq!(email_fault("a\r\n@c.d"), NameError::LocalPartCharacter { character: '\r', position: 2 });
    assert_eq!(email_fault("älice@c.d"), NameError::NonAscii { character: 'ä', position: 1 });
    assert_eq!(email_fault("a..b@c.d"), NameError::LocalPartDot { position: 3 });
    assert_eq!(email_fault(".a@c.d"), NameError::LocalPartDot { position: 1 });
    assert_eq!(email_fault("a.@c.d"), NameError::LocalPartDot { position: 2 });
    assert_eq!(email_fault("a@b.c."), NameError::Domain(Box::new(NameError::TrailingDot)));
    assert!(matches!(email_fault("a@[192.0.2.1]"), NameError::Domain(_)));
    assert!(matches!(email_fault("a@*.example.com"), NameError::Domain(_)));
    let long = format!("{}@{}.example", "a".repeat(64), "b.".repeat(100));
    assert_eq!(email_fault(&long), NameError::TooLong { length: long.len(), limit: 254 });
}

#[test]
fn json_is_checked_like_text() {
    assert!(serde_json::from_str::<DnsName>("\"a.example\"").is_ok());
    assert!(serde_json::from_str::<DnsName>("\"a..example\"").is_err());
    assert!(serde_json::from_str::<EmailAddress>("\"a@b\"").is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_parsers_panic(text in any::<String>()) {
        let _ = DnsName::parse(&text);
        let _ = EmailAddress::parse(&text);
    }

    #[test]
    fn what_is_accepted_is_canonical_and_stays_so(text in "[-A-Za-z0-9.*_]{1,40}") {
        if let Ok(name) = DnsName::parse(&text) {
            prop_assert_eq!(name.as_str(), text.to_ascii_lowercase());
            prop_assert_eq!(&DnsName::parse(name.as_str()).unwrap(), &name);
            prop_assert!(rustls_pki_types::DnsName::try_from(name.base_str()).is_ok());
        }
    }

    #[test]
    fn well_formed_names_are_accepted(labels in proptest::collection::vec("[a-z]([a-z0-9]{0,20}[a-z0-9])?", 2..6)) {
        let name = DnsName::parse(&labels.join(".")).unwrap();
        prop_assert_eq!(name.parents().count(), labels.len());
    }

    #[test]
    fn accepted_addresses_round_trip(text in "[a-zA-Z.+]{1,10}@[a-z]{1,5}\\.[a-z]{2,5}") {
        if let Ok(address) = EmailAddress::parse(&text) {
            prop_assert_eq!(&address.to_string(), &text);
        }
    }
}
