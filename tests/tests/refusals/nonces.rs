//! Nonces that are not taken: used, too old, another server's, made up. The one in each refusal works.

use rollcall_tests::ca::TestCa;
use rollcall_tests::device::Device;

use crate::support::assert_helpful;

/// As many as the server remembers.
const WINDOW: usize = 1 << 20;

async fn assert_bad(device: &Device, nonce: &str, word: &str) {
    let problem = device.draft_read(device.url()).header("nonce", nonce).send().await.problem();
    assert_eq!((problem.status, problem.kind.as_str()), (400, "badNonce"), "{nonce}");
    assert!(problem.detail.contains(word), "{:?} does not speak of {word:?}", problem.detail);
    assert_helpful(device, &problem, nonce).await;
}

#[tokio::test]
async fn a_nonce_is_taken_once_and_by_its_own_server_only() {
    let (ca, other) = (TestCa::start().await, TestCa::start().await);
    let alice = ca.register("alice").await;
    let nonce = ca.http().nonce(&alice.resource("new-nonce")).await;
    let first = alice.draft_read(alice.url()).header("nonce", nonce.as_str()).send().await;
    assert!(first.status.is_success(), "{first}");
    assert_bad(&alice, &nonce, "used before").await;
    let foreign = other.http().nonce(&other.resource("external", "new-nonce")).await;
    assert_bad(&alice, &foreign, "not issued by this server").await;
    for made_up in ["x", "????????????????????????????????", &"A".repeat(10_000)] {
        assert_bad(&alice, made_up, "not issued by this server").await;
    }
}

#[tokio::test]
async fn a_nonce_that_a_million_others_followed_is_too_old() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let nonce = ca.http().nonce(&alice.resource("new-nonce")).await;
    (0..=WINDOW).for_each(|_| drop(ca.app().nonces.issue()));
    assert_bad(&alice, &nonce, "too old").await;
}

#[tokio::test]
async fn every_answer_gives_another_nonce_also_to_head_and_get_of_new_nonce() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let url = alice.resource("new-nonce");
    let head = ca.http().send(http::Method::HEAD, &url, http::HeaderMap::new(), Vec::new()).await;
    let get = ca.http().get(&url).await;
    let read = alice.get(alice.url()).await;
    assert_eq!((head.status.as_u16(), get.status.as_u16()), (200, 204));
    let nonces = [head.nonce().unwrap(), get.nonce().unwrap(), read.nonce().unwrap()];
    assert!(nonces[0] != nonces[1] && nonces[1] != nonces[2] && nonces[0] != nonces[2]);
    for reply in [&head, &get] {
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(reply.links("index"), [alice.resource("directory")]);
    }
}
