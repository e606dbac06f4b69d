use certs::identifier::Identifier;
use serde_json::{Value, json};

use super::*;
use crate::respond::kinds::Kind;

async fn sent(problem: Problem) -> (http::response::Parts, Value) {
    let (parts, body) = problem.into_response().into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    (parts, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn every_kind_is_sent_with_its_urn_and_status() {
    for kind in Kind::ALL {
        let (parts, document) = sent(Problem::new(*kind, "what to do")).await;
        assert_eq!(parts.status, kind.status());
        assert_eq!(parts.headers[CONTENT_TYPE], "application/problem+json");
        let expected = json!({"type": kind.urn(), "detail": "what to do", "status": kind.status().as_u16()});
        assert_eq!(document, expected);
        assert!(kind.status().is_client_error() || kind.status().is_server_error());
    }
}

#[tokio::test]
async fn subproblems_name_their_identifiers() {
    let identifier = Identifier::from_parts("dns", "a.example.com").unwrap();
    let part = Subproblem {
        kind: Kind::RejectedIdentifier,
        detail: "not ours".to_owned(),
        identifier: Some(identifier),
    };
    let (_, document) = sent(Problem::new(Kind::Compound, "see below").with(part)).await;
    let expected = json!([{
        "type": "urn:ietf:params:acme:error:rejectedIdentifier",
        "detail": "not ours",
        "identifier": {"type": "dns", "value": "a.example.com"},
    }]);
    assert_eq!(document["subproblems"], expected);
}

#[tokio::test]
async fn retry_location_algorithms_and_terms_are_sent_where_clients_look() {
    let problem = Problem {
        retry_after: Some(7),
        location: Some("https://ca.test/account/1".into()),
        algorithms: Some(&["ES256"]),
        instance: Some("https://ca.test/terms".into()),
        ..Problem::new(Kind::UserActionRequired, "read them")
    };
    let (parts, document) = sent(problem).await;
    assert_eq!(parts.headers[RETRY_AFTER], "7");
    assert_eq!(parts.headers[LOCATION], "https://ca.test/account/1");
    assert_eq!(parts.headers[LINK], "<https://ca.test/terms>;rel=\"terms-of-service\"");
    assert_eq!(document["algorithms"], json!(["ES256"]));
    assert_eq!(document["instance"], "https://ca.test/terms");
}

#[tokio::test]
async fn an_internal_failure_is_sent_without_its_cause() {
    let (parts, document) = sent(Problem::internal(std::io::Error::other("disk sda1 is on fire"))).await;
    assert_eq!(parts.status.as_u16(), 500);
    assert!(!document.to_string().contains("sda1"));
}
