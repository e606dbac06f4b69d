//! An authority that serves relying parties over plain HTTP, and a relying party.

use bytes::Bytes;
use ca_server::config::Config;
use certs::chain::{RevocationList, TrustSets};
use certs::issuer::Issuer;
use certs::pem::parse_certificates;
use certs::verdict::{Reason, verdict};
use http::{HeaderMap, Method, StatusCode};
use rollcall_tests::ca::{Builder, TestCa};
use rollcall_tests::device::{Issued, Reply};
use rollcall_tests::revocation::ocsp::{Hash, Response, Signed, request};

/// Where certificates say that relying parties go; nobody resolves it.
pub(crate) const PUBLISHED: &str = "http://status.test";

/// An authority whose lists and answers are on a listener of their own.
pub(crate) fn builder() -> Builder {
    TestCa::builder().configure(|config: &mut Config| {
        config.revocation.listen = Some("127.0.0.1:0".parse().unwrap());
        config.revocation.url = Some(PUBLISHED.parse().unwrap());
    })
}

/// Asks for a URL as certificates write it, over plain HTTP.
pub(crate) async fn ask(
    ca: &TestCa,
    method: Method,
    url: &str,
    headers: &[(&'static str, &str)],
    body: Vec<u8>,
) -> Reply {
    let path = url.strip_prefix(PUBLISHED).unwrap_or(url);
    let address = ca.running().revocation_address().unwrap();
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
        .collect();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let sent = client.request(method, format!("http://{address}{path}")).headers(headers).body(body).send();
    let answer = sent.await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body: Bytes = answer.bytes().await.unwrap();
    Reply { status, headers, body }
}

/// Fetches a list.
pub(crate) async fn list(ca: &TestCa, url: &str) -> Reply {
    ask(ca, Method::GET, url, &[], Vec::new()).await.expect(StatusCode::OK)
}

/// The number of a list, from its tag.
pub(crate) fn number(reply: &Reply) -> u64 {
    reply.header("etag").trim_matches('"').rsplit('-').next().unwrap().parse().unwrap()
}

/// What rustls-webpki says of a chain with this list at hand.
pub(crate) fn judged(ca: &TestCa, issued: &Issued, list: &Reply) -> Option<Reason> {
    use ca_server::clock::Clock as _;
    let list = RevocationList::from_der(&list.body).unwrap();
    let mut trust = TrustSets::new();
    trust.insert_pem("devices".parse().unwrap(), ca.root_pem()).unwrap();
    verdict(&issued.chain, &trust, None, &[list], ca.clock.now()).reason
}

/// The issuer of every authority here.
pub(crate) fn issuer(ca: &TestCa) -> Issuer {
    let pem = std::fs::read_to_string(ca.folder().join("issuing.pem")).unwrap();
    Issuer::from_chain(parse_certificates(&pem).unwrap()).unwrap()
}

/// The serial of a certificate, as its DER has it.
pub(crate) fn serial(issued: &Issued) -> Vec<u8> {
    let text = issued.report().serial;
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

/// Posts a request for these serials and reads what comes.
pub(crate) async fn post(ca: &TestCa, serials: &[&[u8]], nonce: Option<&[u8]>) -> Response {
    post_about(ca, &issuer(ca), serials, nonce).await
}

/// The same about certificates of another issuer than the present one.
pub(crate) async fn post_about(
    ca: &TestCa,
    issuer: &Issuer,
    serials: &[&[u8]],
    nonce: Option<&[u8]>,
) -> Response {
    let request = request(issuer, serials, Hash::Sha1, nonce);
    let reply =
        ask(ca, Method::POST, "/ocsp/external", &[("content-type", "application/ocsp-request")], request)
            .await
            .expect(StatusCode::OK);
    assert_eq!(reply.header("content-type"), "application/ocsp-response");
    Response::read(&reply.body, issuer)
}

/// The signed answer about one certificate.
pub(crate) async fn status(ca: &TestCa, issued: &Issued) -> Signed {
    post(ca, &[&serial(issued)], None).await.signed()
}
