use super::*;
use crate::sso::fault::Fault;
use crate::sso::person::Protocol;
use crate::sso::reason::Reason;

/// Every fault, once.
fn faults() -> Vec<Fault> {
    let refused = Reason::Refused { protocol: Protocol::Saml, word: "audience".to_owned() };
    let reasons = [
        Reason::NotCompleted,
        refused,
        Reason::Denied,
        Reason::Unreachable,
        Reason::Replayed,
        Reason::OtherAddress,
        Reason::ForeignDomain,
        Reason::KeyChanged,
        Reason::WrongCodes,
        Reason::LateCode,
        Reason::CodeFromElsewhere,
        Reason::Declined,
    ];
    let mut all: Vec<Fault> = reasons.into_iter().map(Fault::Failed).collect();
    all.extend([
        Fault::Unknown,
        Fault::Expired,
        Fault::LinkUsed,
        Fault::AlreadyDone,
        Fault::Over,
        Fault::AccountGone,
        Fault::ProviderGone,
        Fault::CrossSite,
        Fault::OtherBrowser,
        Fault::Unsolicited,
        Fault::Malformed("detail"),
        Fault::WrongCode { left: 2 },
        Fault::ProviderUnreachable,
        Fault::Busy,
    ]);
    all
}

#[test]
fn every_fault_has_a_page_that_says_what_happened_and_what_to_do() {
    for fault in faults() {
        let page = failure(&fault);
        let text = page.markup().into_string();
        assert!(page.status.is_client_error() || page.status.is_server_error(), "{fault}");
        assert!(text.contains("role=\"alert\"") && text.contains("What to do"), "{fault}");
        // Neither the word for the journal nor what was wrong with an assertion.
        for hidden in ["audience", "saml", "detail", "assertion"] {
            assert!(!text.to_ascii_lowercase().contains(hidden), "{fault}: {hidden}");
        }
    }
}

#[test]
fn a_page_forbids_whatever_it_does_not_need() {
    let page = failure(&Fault::Unknown).leading_to(vec!["https://idp.example.com".to_owned()]);
    let response = page.into_response();
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    let policy = header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(policy.contains("form-action 'self' https://idp.example.com;"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("referrer-policy"), "same-origin");
    assert_eq!(header("x-frame-options"), "DENY");
    assert_eq!(header("x-content-type-options"), "nosniff");
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_can_be_read_aloud() {
    let text = done().markup().into_string();
    for needed in
        ["<!DOCTYPE html>", "lang=\"en\"", "width=device-width", "<main", "<h1>", "<title>", "aria-live"]
    {
        assert!(text.contains(needed), "{needed}");
    }
    for foreign in ["<script", "src=", "http:", "https:", "url(", "@import", "onclick"] {
        assert!(!text.contains(foreign), "{foreign}");
    }
    assert!(style::SHEET.contains("prefers-color-scheme:dark"));
    // What the template puts between the tags is what was hashed.
    assert!(text.contains(&format!("<style>{}</style>", style::SHEET)));
}
