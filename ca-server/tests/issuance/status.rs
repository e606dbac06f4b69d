//! What anybody may read: renewal information, revocation lists, the issuing certificate.

use http::{Method, StatusCode};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::device::Device;
use crate::support::Ca;

#[tokio::test]
async fn renewal_is_suggested_around_two_thirds_of_life_and_at_once_after_revocation() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (_, chain) = device.enrol(&ca, &["room-1.corp.test"]).await;
    let id = certs::ari::CertId::from_certificate(&chain[0]).unwrap();
    let url = ca.url(&format!("renewal-info/{id}"));
    let reply = ca.get(&url).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    assert_eq!(reply.header("retry-after"), "21600");
    let window = |json: &serde_json::Value, edge: &str| {
        OffsetDateTime::parse(json["suggestedWindow"][edge].as_str().unwrap(), &Rfc3339).unwrap()
    };
    let json = reply.json();
    let report = certs::inspect::inspect_certificate(&chain[0]).unwrap();
    let life = report.not_after - report.not_before;
    let (start, end) = (window(&json, "start"), window(&json, "end"));
    assert!(start >= report.not_before + life / 2 && start < end && end < report.not_after, "{json}");

    device.revoke(&ca, &chain[0], None).await;
    let json = ca.get(&url).await.json();
    let now = ca.running.app().clock.now();
    assert!(window(&json, "start") < window(&json, "end") && window(&json, "end") < now, "{json}");

    let unknown = ca.get(&ca.url("renewal-info/aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE")).await;
    assert_eq!((unknown.status, unknown.problem().as_str()), (StatusCode::NOT_FOUND, "malformed"));
    let broken = ca.get(&ca.url("renewal-info/nothing")).await;
    assert_eq!((broken.status, broken.problem().as_str()), (StatusCode::BAD_REQUEST, "malformed"));
}

#[tokio::test]
async fn a_list_is_kept_until_half_its_life_and_its_number_grows_over_restarts() {
    let ca = Ca::start().await;
    let url = format!("{}/crl/external.crl", ca.base);
    let first = ca.get(&url).await;
    assert_eq!(first.header("cache-control"), "public, max-age=60");
    assert_eq!(ca.get(&url).await.body, first.body);
    let tag = first.header("etag").to_owned();
    let same = ca.send(Method::GET, &url, &[("if-none-match", &tag)], bytes::Bytes::new()).await;
    assert_eq!((same.status, same.body.len()), (StatusCode::NOT_MODIFIED, 0));
    ca.clock.advance(time::Duration::hours(13));
    let second = ca.get(&url).await;
    let ca = ca.again().await;
    let third = ca.get(&url).await;
    let number = |reply: &crate::support::Reply| -> u64 {
        reply.header("etag").trim_matches('"').rsplit('-').next().unwrap().parse().unwrap()
    };
    assert_eq!([number(&first), number(&second), number(&third)], [1, 2, 3]);
    assert_eq!(ca.get(&format!("{}/crl/nobody.crl", ca.base)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_issuing_certificate_is_given_out_in_der() {
    let ca = Ca::start().await;
    let reply = ca.get(&format!("{}/issuer/external.crt", ca.base)).await;
    assert_eq!(reply.header("content-type"), "application/pkix-cert");
    let stored = certs::pem::parse_certificates(&ca.file("external.pem")).unwrap();
    assert_eq!(reply.body, stored[0].as_ref());
}
