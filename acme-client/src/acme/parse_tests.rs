//! Whatever a server sends, reading it ends with a value or an error: never a panic, never without bound.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::script::{at, directory};
use super::{Authorization, Challenge, Directory, Order, ResourceUrl, certificate, links, problem, retry};

/// Every parser that a server's bytes reach.
fn read_all(bytes: &[u8]) {
    let url = at("/x");
    let _ = problem::parse(bytes);
    let _ = Directory::parse(bytes);
    let _ = Order::parse(&url, bytes);
    let _ = Authorization::parse(&url, bytes);
    let _ = Challenge::parse(bytes);
    let _ = certificate::parse_chain(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = links::parse(text);
        let _ = retry::parse_retry_after(text, std::time::SystemTime::UNIX_EPOCH);
        let _ = text.parse::<ResourceUrl>();
        let _ = text.parse::<super::CertificateId>();
    }
}

/// Documents that are right in every member but perhaps one.
fn nearly_right() -> impl Strategy<Value = Value> {
    let challenge = json!({"type": "dns-01", "url": at("/c"), "status": "pending", "token": "t"});
    let documents = prop_oneof![
        Just(directory()),
        Just(json!({"status": "ready", "identifiers": [], "authorizations": [], "finalize": at("/f")})),
        Just(
            json!({"status": "valid", "identifier": {"type": "dns", "value": "a"}, "challenges": [challenge.clone()]})
        ),
        Just(challenge),
    ];
    let junk = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([null, {"type": 1}])),
    ];
    (documents, any::<prop::sample::Index>(), junk).prop_map(|(mut document, which, junk)| {
        let members = document.as_object_mut().unwrap();
        let name = members.keys().nth(which.index(members.len())).unwrap().clone();
        members.insert(name, junk);
        document
    })
}

proptest! {
    #[test]
    fn any_bytes_end_in_a_value_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..1_024)) {
        read_all(&bytes);
    }

    #[test]
    fn any_text_ends_in_a_value_or_an_error(text in "\\PC{0,300}") {
        read_all(text.as_bytes());
    }

    #[test]
    fn a_document_with_one_member_of_the_wrong_kind_ends_in_a_value_or_an_error(document in nearly_right()) {
        read_all(document.to_string().as_bytes());
    }
}

#[test]
fn nesting_without_end_is_refused() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        read_all(deep.as_bytes());
        let inside = format!(r#"{{"type":"x","url":"{}","status":"pending","deep":{deep}}}"#, at("/c"));
        assert!(Challenge::parse(inside.as_bytes()).is_err());
    }
}
