//! Addresses: `issuemail` (RFC 9495), the draft's `issueemail`, and what their parameters say of single sign-on.

use certs::name::EmailAddress;

use super::*;

const PROVIDER: &str = "idp.example.net";

fn alice(domain: &str) -> Identifier {
    Identifier::Email(EmailAddress::parse(&format!("alice@{domain}")).unwrap())
}

fn manner(account_uri: Option<&'static str>) -> Manner<'static> {
    Manner { account_uri, method: "sso-01", sso_provider: Some(PROVIDER) }
}

async fn ask(records: &CannedDns, domain: &str, manner: Manner<'_>) -> Result<CaaDecision, CaaRefusal> {
    let issuer_domains = ["ca1.example.net".to_owned()];
    check(records, &alice(domain), false, &CaaQuery { issuer_domains: &issuer_domains, manner }).await
}

/// Records at example.com, and what a refusal must say; nothing: it is allowed.
const RECORDS: &[(&[&str], &str)] = &[
    // Only the properties for mail count, and either spelling restricts.
    (&["0 issue ;"], ""),
    (&["0 issuewild ;"], ""),
    (&["0 issuemail ;"], "names nobody"),
    (&["0 issuemail ca1.example.net"], ""),
    (&["0 issuemail ca2.example.org"], "names another authority"),
    (&["0 issueemail ca2.example.org"], "names another authority"),
    (&["0 issueemail ca1.example.net"], ""),
    (&["0 IssueMail CA1.example.net"], ""),
    (&["0 issuemail ca2.example.org", "0 issueemail ca1.example.net"], ""),
    (&["0 issuemail ca1.example.net", "128 issuevmc ;"], ""),
    (&["0 issuemail ca1.example.net", "128 unknown x"], "which is not understood here"),
    // The method: registered, and as RFC 8657 wants those that are not.
    (&["0 issuemail ca1.example.net; validationmethods=sso-01"], ""),
    (&["0 issuemail ca1.example.net; validationmethods=ca-sso-01"], ""),
    (&["0 issuemail ca1.example.net; validationmethods=email-reply-00,sso-01"], ""),
    (&["0 issuemail ca1.example.net; validationmethods=email-reply-00"], "does not allow the method sso-01"),
    (&["0 issuemail ca1.example.net; validationmethods="], "does not allow the method sso-01"),
    // The provider.
    (&["0 issuemail ca1.example.net; ssoproviders=idp.example.net"], ""),
    (&["0 issuemail ca1.example.net; ssoproviders=other.example.net,IDP.Example.NET"], ""),
    (
        &["0 issuemail ca1.example.net; ssoproviders=other.example.net"],
        "does not allow signing in at idp.example.net",
    ),
    (
        &["0 issuemail ca1.example.net; ssoproviders=example.net"],
        "does not allow signing in at idp.example.net",
    ),
    (&["0 issuemail ca1.example.net; ssoproviders="], "does not allow signing in at idp.example.net"),
    (&["0 issuemail ca1.example.net; ssoproviders=idp.example.net,"], "has a malformed ssoproviders"),
    (&["0 issuemail ca1.example.net; ssoproviders=https://idp.example.net"], "has a malformed ssoproviders"),
    (
        &["0 issuemail ca1.example.net; ssoproviders=idp.example.net; ssoproviders=idp.example.net"],
        "has more than one ssoproviders",
    ),
    (&["0 issuemail ca1.example.net; validationmethods=sso-01; ssoproviders=idp.example.net"], ""),
    // The example of the draft lacks a semicolon, so that the property is malformed and names nobody.
    (
        &["0 issueemail ca1.example.net; validationmethods=sso-01 ssoproviders=idp.example.net"],
        "is malformed",
    ),
    // The account.
    (&["0 issuemail ca1.example.net; accounturi=https://ca1.example.net/account/1234"], ""),
    (
        &["0 issuemail ca1.example.net; accounturi=https://ca1.example.net/account/2345"],
        "names another account",
    ),
];

#[tokio::test]
async fn each_record_decides_as_it_says() {
    for (records, wanted) in RECORDS {
        match ask(&at(records), "example.com", manner(Some(ACCOUNT))).await {
            Ok(_) => assert_eq!(*wanted, "", "{records:?} is allowed"),
            Err(refusal) => {
                let text = refusal.to_string();
                assert!(!wanted.is_empty() && text.contains(wanted), "{records:?}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn the_search_begins_at_the_domain_of_the_address_and_climbs() {
    let records = at(&["0 issuemail ;"]).caa("staff.example.com", &["0 issuemail ca1.example.net"]);
    assert!(ask(&records, "staff.example.com", manner(None)).await.is_ok());
    assert!(ask(&records, "eu.staff.example.com", manner(None)).await.is_ok());
    assert!(ask(&records, "guests.example.com", manner(None)).await.is_err());
    assert_eq!(ask(&records, "example.org", manner(None)).await.unwrap(), CaaDecision::NoRecords);
}

#[tokio::test]
async fn a_provider_that_is_not_known_any_more_is_on_no_list() {
    let gone = Manner { sso_provider: None, ..manner(None) };
    let listed = at(&["0 issuemail ca1.example.net; ssoproviders=idp.example.net"]);
    assert!(ask(&listed, "example.com", gone).await.is_err());
    assert!(ask(&at(&["0 issuemail ca1.example.net"]), "example.com", gone).await.is_ok());
}

#[tokio::test]
async fn the_list_of_providers_says_nothing_of_other_methods() {
    let by_mail = Manner { method: "email-reply-00", sso_provider: None, ..manner(None) };
    let listed = at(&["0 issuemail ca1.example.net; ssoproviders="]);
    assert!(ask(&listed, "example.com", by_mail).await.is_ok());
}

#[tokio::test]
async fn a_refusal_names_the_property_that_would_allow_it() {
    let refusal = ask(&at(&["0 issuemail ;"]), "example.com", manner(None)).await.unwrap_err();
    assert_eq!(refusal.kind(), Kind::Caa);
    assert!(
        refusal.to_string().ends_with("to allow it, add: example.com. CAA 0 issuemail \"ca1.example.net\""),
        "{refusal}"
    );
}
