use super::canned::provider;
use super::*;

fn email(address: &str) -> Identifier {
    Identifier::from_parts("email", address).unwrap()
}

#[test]
fn a_provider_speaks_for_its_own_domains_and_for_no_other() {
    let corp = provider("corp", &["example.com", "*.staff.example.org"]);
    for (address, may) in [
        ("alice@example.com", true),
        ("alice@EXAMPLE.com", true),
        ("alice@sub.example.com", false),
        ("alice@evil-example.com", false),
        ("alice@example.com.evil.org", false),
        ("alice@eu.staff.example.org", true),
        ("alice@a.b.staff.example.org", true),
        ("alice@staff.example.org", false),
        ("alice@evilstaff.example.org", false),
    ] {
        assert_eq!(corp.may_vouch_for(&email(address)), may, "{address}");
    }
    assert!(!corp.may_vouch_for(&Identifier::from_parts("dns", "example.com").unwrap()));
}

#[test]
fn an_address_gets_its_own_providers_in_the_order_of_the_configuration() {
    let providers = Providers::new(vec![
        provider("one", &["example.com"]),
        provider("two", &["example.org"]),
        provider("three", &["example.com", "example.org"]),
    ]);
    let names = |address: &str| {
        let identifier = email(address);
        providers.for_identifier(&identifier).map(|one| one.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("a@example.com"), ["one", "three"]);
    assert_eq!(names("a@example.org"), ["two", "three"]);
    assert!(names("a@example.net").is_empty());
}
