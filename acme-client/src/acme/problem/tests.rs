//! Problem documents: the shapes of RFC 8555, and everything a server could send instead.

use proptest::prelude::*;

use super::*;

#[test]
fn the_compound_example_of_rfc_8555_is_understood() {
    // RFC 8555 §6.7.1
    let document = br#"{
        "type": "urn:ietf:params:acme:error:malformed",
        "detail": "Some of the identifiers requested were rejected",
        "subproblems": [
          { "type": "urn:ietf:params:acme:error:malformed", "detail": "Invalid underscore in DNS name \"_example.org\"",
            "identifier": { "type": "dns", "value": "_example.org" } },
          { "type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "This CA will not issue for \"example.net\"",
            "identifier": { "type": "dns", "value": "example.net" } } ] }"#;
    let problem = parse(document).unwrap();
    assert_eq!(problem.kind, ProblemKind::Malformed);
    assert_eq!(problem.subproblems.len(), 2);
    assert_eq!(problem.subproblems[1].kind, ProblemKind::RejectedIdentifier);
    assert_eq!(problem.subproblems[1].identifier, Some(Identifier::dns("example.net")));
    let shown = problem.to_string();
    assert!(shown.contains("rejectedIdentifier for dns example.net: This CA will not issue"), "{shown}");
}

#[test]
fn every_known_kind_is_read_back_from_its_urn() {
    for kind in ProblemKind::KNOWN {
        let document = format!(r#"{{"type":"urn:ietf:params:acme:error:{kind}"}}"#);
        assert_eq!(&parse(document.as_bytes()).unwrap().kind, kind);
    }
    // RFC 8555 §6.7 names 24 types, RFC 9773, the profiles and the device attestation drafts one each.
    assert_eq!(ProblemKind::KNOWN.len(), 27);
}

#[test]
fn a_problem_survives_being_stored() {
    let document = br#"{"type":"urn:ietf:params:acme:error:dns","detail":"NXDOMAIN","status":400,"instance":"https://ca/x",
        "subproblems":[{"type":"https://elsewhere/error","detail":"d","identifier":{"type":"dns","value":"a.b"}}]}"#;
    let problem = parse(document).unwrap();
    let stored = serde_json::to_vec(&problem).unwrap();
    assert_eq!(parse(&stored).unwrap(), problem);
}

#[test]
fn wrong_member_types_are_treated_as_absent() {
    let problem =
        parse(br#"{"type":7,"detail":["x"],"status":"400","subproblems":{},"identifier":"x"}"#).unwrap();
    assert_eq!(problem, Problem::new(ProblemKind::Other("about:blank".into()), ""));
    assert_eq!(parse(br#"{"status":99999999999}"#).unwrap().status, None);
}

#[test]
fn what_is_not_an_object_is_no_problem_document() {
    for junk in [&b""[..], b"null", b"[]", b"\"x\"", b"{", b"<html>", b"\xff\xfe", b"{}{}"] {
        assert_eq!(parse(junk), None, "{junk:?}");
    }
}

#[test]
fn a_huge_document_is_not_read_and_a_deep_one_does_not_exhaust_the_stack() {
    let huge = format!(r#"{{"detail":"{}"}}"#, "x".repeat(MAX_DOCUMENT));
    assert_eq!(parse(huge.as_bytes()), None);
    let deep = format!("{}{}", r#"{"subproblems":["#.repeat(9_000), "]}".repeat(9_000));
    assert_eq!(parse(deep.as_bytes()), None);
}

#[test]
fn detail_is_cut_and_subproblems_are_counted() {
    let many = vec![json!({"detail": "y"}); 500];
    let document = json!({"detail": "x".repeat(5_000), "subproblems": many}).to_string();
    let problem = parse(document.as_bytes()).unwrap();
    assert_eq!(problem.detail.chars().count(), MAX_DETAIL + 1);
    assert_eq!(problem.subproblems.len(), MAX_SUBPROBLEMS);
}

#[test]
fn a_detail_cannot_move_the_cursor_of_a_terminal() {
    let problem = parse(br#"{"type":"\u001b]0;owned\u0007","detail":"\u001b[2Jgone\nerror: fake"}"#).unwrap();
    assert!(!problem.to_string().chars().any(char::is_control), "{problem:?}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        if let Some(problem) = parse(&bytes) {
            prop_assert!(!problem.to_string().chars().any(char::is_control));
        }
    }

    #[test]
    fn any_text_in_any_member_stays_printable(kind in ".*", detail in ".*", value in ".*") {
        let document = json!({"type": kind, "detail": detail, "identifier": {"type": "dns", "value": value}});
        let problem = parse(document.to_string().as_bytes()).unwrap();
        prop_assert!(!problem.to_string().chars().any(char::is_control));
    }
}

#[test]
fn what_a_server_repeats_for_the_only_identifier_is_said_once() {
    let sub = |detail: &str, name: &str| {
        json!({"type": "urn:ietf:params:acme:error:unauthorized", "detail": detail,
            "identifier": {"type": "email", "value": name}})
    };
    let said = |subproblems: Value| {
        let document = json!({"type": "urn:ietf:params:acme:error:unauthorized", "detail": "too late",
            "subproblems": subproblems});
        parse(document.to_string().as_bytes()).unwrap().to_string()
    };
    assert_eq!(said(json!([sub("too late", "a@b.test")])), "unauthorized: too late");
    assert!(
        said(json!([sub("link used", "a@b.test")])).ends_with("; unauthorized for email a@b.test: link used")
    );
    assert!(said(json!([sub("too late", "a@b.test"), sub("too late", "c@b.test")])).contains("c@b.test"));
}
