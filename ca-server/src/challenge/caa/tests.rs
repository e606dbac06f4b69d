//! The examples of RFC 8659 and RFC 8657, and what lies between them.

use proptest::prelude::*;

use super::parse::IssueFault;
use super::*;
use crate::challenge::canned::CannedDns;

mod mail;

const ACCOUNT: &str = "https://ca1.example.net/account/1234";

fn dns(name: &str) -> Identifier {
    Identifier::Dns(DnsName::parse(name).unwrap())
}

async fn ask(records: &CannedDns, name: &str, wildcard: bool) -> Result<CaaDecision, CaaRefusal> {
    ask_as(records, name, wildcard, Some(ACCOUNT), "dns-01").await
}

async fn ask_as(
    records: &CannedDns,
    name: &str,
    wildcard: bool,
    account_uri: Option<&str>,
    method: &str,
) -> Result<CaaDecision, CaaRefusal> {
    let issuer_domains = ["ca1.example.net".to_owned()];
    let manner = Manner { account_uri, method, sso_provider: None };
    let query = CaaQuery { issuer_domains: &issuer_domains, manner };
    check(records, &dns(name), wildcard, &query).await
}

fn at(records: &[&str]) -> CannedDns {
    CannedDns::default().caa("example.com", records)
}

#[tokio::test]
async fn the_examples_of_rfc_8659_section_4_decide_as_the_text_says() {
    // (records at example.com, name, wildcard, allowed)
    let table: &[(&[&str], &str, bool, bool)] = &[
        (&["0 issue ca1.example.net"], "example.com", false, true),
        (&["0 issue ca1.example.net"], "www.example.com", false, true),
        (&["0 issue ca1.example.net"], "example.com", true, true),
        (&["0 issue ca2.example.org"], "example.com", false, false),
        (&["0 issue ca1.example.net", "0 issue ca2.example.org"], "example.com", false, true),
        (&["0 issue ;"], "example.com", false, false),
        (&["0 issue "], "example.com", false, false),
        (&["0 issue %%%%%"], "example.com", false, false),
        (&["0 issue ca1.example.net; account=230123"], "example.com", false, true),
        (&["0 issue ca1.example.net; policy=ev"], "example.com", false, true),
        // §4.3: issuewild decides wildcards alone, and nothing else.
        (&["0 issue ca2.example.org", "0 issuewild ca1.example.net"], "wild.example.com", true, true),
        (&["0 issue ca2.example.org", "0 issuewild ca1.example.net"], "wild.example.com", false, false),
        (&["0 issue ca1.example.net", "0 issuewild ;"], "wild2.example.com", true, false),
        (&["0 issue ca1.example.net", "0 issuewild ;"], "wild2.example.com", false, true),
        (&["0 issuewild ;"], "wild3.example.com", false, true),
        // §4.4, §4.5: other properties do not restrict, unless critical and unknown.
        (&["0 iodef mailto:security@example.com"], "example.com", false, true),
        (&["128 iodef mailto:security@example.com"], "example.com", false, true),
        (&["0 issue ca1.example.net", "128 tbs Unknown"], "example.com", false, false),
        (&["0 issue ca1.example.net", "0 tbs Unknown"], "example.com", false, true),
        (&["128 issue ca1.example.net"], "example.com", false, true),
        (&["0 issuemail ;"], "example.com", false, true),
        (&["0 ISSUE CA1.Example.NET"], "example.com", false, true),
    ];
    for (records, name, wildcard, allowed) in table {
        let decision = ask(&at(records), name, *wildcard).await;
        assert_eq!(decision.is_ok(), *allowed, "{records:?} {name} {wildcard}: {decision:?}");
    }
}

/// Records at example.com, account, method, and whether they allow it.
const RFC_8657: &[(&[&str], Option<&str>, &str, bool)] = &[
    (
        &["0 issue ca1.example.net; accounturi=https://ca1.example.net/account/1234"],
        Some(ACCOUNT),
        "dns-01",
        true,
    ),
    (
        &["0 issue ca1.example.net; accounturi=https://ca1.example.net/account/2345"],
        Some(ACCOUNT),
        "dns-01",
        false,
    ),
    (&["0 issue ca1.example.net; accounturi=https://ca1.example.net/account/1234"], None, "dns-01", false),
    (
        &["0 issue ca1.example.net; accounturi=https://CA1.example.net/account/1234"],
        Some(ACCOUNT),
        "dns-01",
        false,
    ),
    (&["0 issue ca1.example.net; accounturi="], Some(ACCOUNT), "dns-01", false),
    // Two parameters in one property can never be satisfied; two properties are alternatives.
    (
        &[
            "0 issue ca1.example.net; accounturi=https://ca1.example.net/account/1234; accounturi=https://ca1.example.net/account/1234",
        ],
        Some(ACCOUNT),
        "dns-01",
        false,
    ),
    (
        &[
            "0 issue ca1.example.net; accounturi=https://ca1.example.net/account/2345",
            "0 issue ca1.example.net; accounturi=https://ca1.example.net/account/1234",
        ],
        Some(ACCOUNT),
        "dns-01",
        true,
    ),
    (&["0 issue ca1.example.net; validationmethods=dns-01"], Some(ACCOUNT), "dns-01", true),
    (&["0 issue ca1.example.net; validationmethods=http-01,dns-01"], Some(ACCOUNT), "dns-01", true),
    (&["0 issue ca1.example.net; validationmethods=http-01"], Some(ACCOUNT), "dns-01", false),
    (&["0 issue ca1.example.net; validationmethods=dns-01"], Some(ACCOUNT), "dns-persist-01", false),
    (&["0 issue ca1.example.net; validationmethods="], Some(ACCOUNT), "dns-01", false),
    (&["0 issue ca1.example.net; validationmethods=dns-01,"], Some(ACCOUNT), "dns-01", false),
    (&["0 issue ca1.example.net; validationmethods=DNS-01"], Some(ACCOUNT), "dns-01", false),
    (&["0 issue ca1.example.net; validationmethods=ca-sso-01"], Some(ACCOUNT), "sso-01", true),
    (
        &["0 issue ca1.example.net; validationmethods=dns-01; validationmethods=dns-01"],
        Some(ACCOUNT),
        "dns-01",
        false,
    ),
    (
        &["0 issue ca2.example.org; accounturi=https://ca1.example.net/account/1234"],
        Some(ACCOUNT),
        "dns-01",
        false,
    ),
    // Malformed parameters: the property matches nobody.
    (&["0 issue ca1.example.net; accounturi"], Some(ACCOUNT), "dns-01", false),
    (&["0 issue ca1.example.net; validationmethods=dns-01;"], Some(ACCOUNT), "dns-01", false),
    (&["0 issue ca1.example.net; validationmethods=dns-01 accounturi=x"], Some(ACCOUNT), "dns-01", false),
];

#[tokio::test]
async fn the_examples_of_rfc_8657_decide_as_the_text_says() {
    for (records, account, method, allowed) in RFC_8657 {
        let decision = ask_as(&at(records), "example.com", false, *account, method).await;
        assert_eq!(decision.is_ok(), *allowed, "{records:?} {account:?} {method}: {decision:?}");
    }
}

#[tokio::test]
async fn the_nearest_name_with_records_decides_and_only_names_up_to_it_must_be_known() {
    let records =
        at(&["0 issue ;"]).caa("room.example.com", &["0 issue ca1.example.net"]).caa_fails("com", "REFUSED");
    let decision = ask(&records, "a.b.room.example.com", false).await.unwrap();
    let name = DnsName::parse("room.example.com").unwrap();
    assert_eq!(decision, CaaDecision::Allowed { name, record: "issue \"ca1.example.net\"".to_owned() });
    assert!(ask(&records, "other.example.com", false).await.is_err());
    assert_eq!(
        records.asked().iter().filter(|asked| asked.as_str() == "CAA com").count(),
        2,
        "all names up to the top are asked together"
    );
}

#[tokio::test]
async fn a_lookup_that_fails_on_the_way_up_refuses_and_says_which() {
    let records = at(&["0 issue ca1.example.net"]).caa_fails("room.example.com", "SERVFAIL");
    let refusal = ask(&records, "room.example.com", false).await.unwrap_err();
    assert_eq!(refusal.kind(), Kind::Dns);
    let text = refusal.to_string();
    assert!(text.contains("CAA room.example.com at 192.0.2.53:53: SERVFAIL"), "{text}");
}

#[tokio::test]
async fn no_record_anywhere_allows() {
    let records = CannedDns::default();
    assert_eq!(ask(&records, "a.example.com", false).await.unwrap(), CaaDecision::NoRecords);
    assert_eq!(records.asked(), ["CAA a.example.com", "CAA example.com", "CAA com"]);
}

#[tokio::test]
async fn a_refusal_names_record_place_lack_and_remedy() {
    let records = at(&["0 issue ca2.example.org", "0 issue ca1.example.net; validationmethods=http-01"]);
    let refusal = ask(&records, "room.example.com", true).await.unwrap_err();
    assert_eq!(refusal.kind(), Kind::Caa);
    assert_eq!(
        refusal.to_string(),
        "CAA at example.com forbids issuance for *.room.example.com: \
         issue \"ca2.example.org\" names another authority, \
         issue \"ca1.example.net; validationmethods=http-01\" does not allow the method dns-01; \
         to allow it, add: example.com. CAA 0 issue \"ca1.example.net\""
    );
}

#[tokio::test]
async fn modes_look_away_report_or_enforce() {
    for (mode, allowed, asks) in
        [(CaaMode::Off, true, false), (CaaMode::Report, true, true), (CaaMode::Enforce, false, true)]
    {
        let records = Arc::new(at(&["0 issue ;"]));
        let manner = Manner { account_uri: None, method: "dns-01", sso_provider: None };
        let gate = CaaGate::new(records.clone(), mode, &["CA1.example.net".to_owned()]);
        let decision = gate.check(&dns("example.com"), false, manner).await;
        assert_eq!(decision.is_ok(), allowed, "{mode:?}");
        assert_eq!(!records.asked().is_empty(), asks, "{mode:?}");
    }
}

#[test]
fn values_are_read_by_the_grammar() {
    let read = |text: &str| parse_issue_value(text.as_bytes());
    let issuer = |text: &str| read(text).unwrap().issuer;
    assert_eq!(issuer(""), None);
    assert_eq!(issuer(" \t;"), None);
    assert_eq!(issuer(" ca.example\t"), Some("ca.example".to_owned()));
    assert_eq!(issuer("ca.example ; "), Some("ca.example".to_owned()));
    let value = read("ca.example; A-b = c=d ;e=").unwrap();
    assert_eq!(value.parameters, [("a-b".to_owned(), "c=d".to_owned()), ("e".to_owned(), String::new())]);
    for (bad, fault) in [
        ("ca..example", IssueFault::Issuer),
        ("-ca.example", IssueFault::Issuer),
        ("ca_1.example", IssueFault::Issuer),
        ("ca.example.", IssueFault::Issuer),
        ("ca.example a=b", IssueFault::Issuer),
        ("ca.example;;", IssueFault::Parameter { number: 1 }),
        ("ca.example; a=b; c", IssueFault::Parameter { number: 2 }),
        ("ca.example; =b", IssueFault::Tag { number: 1 }),
        ("ca.example; a_b=c", IssueFault::Tag { number: 1 }),
        ("ca.example; a=b c", IssueFault::Value { number: 1 }),
        ("ca.example\n", IssueFault::NotPrintable { position: 11 }),
        ("cä.example", IssueFault::NotPrintable { position: 2 }),
    ] {
        assert_eq!(read(bad), Err(fault), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn no_octets_make_the_parser_panic(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        _ = parse_issue_value(&octets);
    }

    #[test]
    fn what_the_grammar_allows_is_read_back(
        issuer in "([a-z0-9]{1,5}\\.){0,3}[a-z0-9]{1,5}",
        parameters in prop::collection::vec(("[a-z0-9]{1,8}", "[!-:<-~]{0,12}"), 0..4),
        space in "[ \t]{0,3}",
    ) {
        let listed: Vec<String> = parameters.iter().map(|(tag, value)| format!("{space}{tag}{space}={space}{value}{space}")).collect();
        let text = format!("{space}{issuer}{space};{}", listed.join(";"));
        let value = parse_issue_value(text.as_bytes()).unwrap();
        prop_assert_eq!(value.issuer, Some(issuer));
        prop_assert_eq!(value.parameters, parameters);
    }
}
