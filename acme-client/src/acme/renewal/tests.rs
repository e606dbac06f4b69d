//! Renewal information: the vectors of RFC 9773, windows that make no sense, and the unsigned request.

use http::Method;
use serde_json::json;

use super::*;
use crate::acme::RequestFailure;
use crate::acme::script::{Reply, Script, at, directory};

#[test]
fn the_identifier_of_the_rfc_example_is_made_and_read() {
    // RFC 9773 §4.1
    let key_id = data_encoding::HEXUPPER.decode(b"69885B6B87464041E1B37B847BA0AE2CDE01C8D4").unwrap();
    let id = CertificateId::new(&key_id, &[0x00, 0x87, 0x65, 0x43, 0x21]).unwrap();
    assert_eq!(id.as_str(), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
    assert_eq!("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE".parse::<CertificateId>().unwrap(), id);
}

#[test]
fn texts_that_are_no_identifier_are_refused() {
    for text in ["", ".", "a.b.c", "aYhb.", ".AIdl", "aYhb/../x.AIdl", "aYhba4dGQEHhs3uEe6CuLN4ByNQ=.AIdlQyE"]
    {
        assert!(text.parse::<CertificateId>().is_err(), "{text}");
    }
}

fn info(start: &str, end: &str) -> Option<RenewalInfo> {
    let text =
        format!(r#"{{"suggestedWindow":{{"start":"{start}","end":"{end}"}},"explanationURL":"https://x/"}}"#);
    RenewalInfo::from_document(serde_json::from_str(&text).unwrap(), None)
}

#[test]
fn a_moment_lies_inside_the_window() {
    // RFC 9773 §4.2
    let info = info("2025-01-02T04:00:00Z", "2025-01-03T04:00:00Z").unwrap();
    assert_eq!(info.moment(0), info.start);
    assert_eq!(info.moment(u32::MAX), info.end);
    let middle = info.moment(u32::MAX / 2);
    assert!(middle > info.start && middle < info.end);
}

#[test]
fn a_window_must_end_after_it_starts() {
    assert_eq!(info("2025-01-03T04:00:00Z", "2025-01-02T04:00:00Z"), None);
    assert_eq!(info("2025-01-02T04:00:00Z", "2025-01-02T04:00:00Z"), None);
    assert!(info("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z").unwrap().moment(u32::MAX).year() == 9999);
}

fn id() -> CertificateId {
    "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE".parse().unwrap()
}

fn window(start: &str, end: &str) -> Reply {
    Reply::json(200, &json!({"suggestedWindow": {"start": start, "end": end}}))
}

#[tokio::test]
async fn renewal_information_is_an_unsigned_get_with_the_time_to_ask_again() {
    let script =
        Script::new([window("2025-01-02T04:00:00Z", "2025-01-03T04:00:00Z").with("retry-after", "21600")]);
    let info = script.client().await.renewal_info(&id()).await.unwrap();
    assert_eq!(info.retry_after, Some(Duration::from_secs(21_600)));
    let seen = &script.seen()[0];
    assert_eq!(seen.method, Method::GET);
    assert_eq!(seen.url, at("/renewal-info/aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE").as_str());
    assert_eq!(script.nonce_requests(), 0);
}

#[tokio::test]
async fn an_impossible_window_or_a_broken_document_is_an_error() {
    let script = Script::new([window("2025-01-03T04:00:00Z", "2025-01-02T04:00:00Z")]);
    let error = script.client().await.renewal_info(&id()).await.unwrap_err();
    assert!(matches!(error, RenewalError::EmptyWindow(_)), "{error}");
    let script = Script::new([window("soon", "later")]);
    let error = script.client().await.renewal_info(&id()).await.unwrap_err();
    let RenewalError::Request(error) = error else { panic!("{error}") };
    assert!(matches!(*error.cause, RequestFailure::Document { .. }));
}

#[tokio::test]
async fn an_authority_without_renewal_information_says_so_without_being_asked() {
    let mut bare = directory();
    bare.as_object_mut().unwrap().remove("renewalInfo");
    let error = Script::with_directory(bare, []).client().await.renewal_info(&id()).await.unwrap_err();
    assert_eq!(error.to_string(), "the authority's directory has no `renewalInfo`");
}
