//! Certificate requests that are not signed: the order stays ready and nothing reaches the key.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use certs::key::{KeyKind, PublicKey, SigningKey};
use certs::pem::{Label, parse_many};
use rollcall_tests::ca::TestCa;
use rollcall_tests::device::{Device, Order, csr};
use serde_json::{Value, json};

use crate::support::{assert_helpful, assert_unchanged};

/// The name that the vectors are for.
const NAME: &str = "room-1.example.com";

/// Requests made by OpenSSL, with what the refusal must speak of.
const VECTORS: &[(&str, &str)] = &[
    (include_str!("../../../certs/tests/vectors/ca-true.csr.pem"), "CA certificate"),
    (include_str!("../../../certs/tests/vectors/rsa.csr.pem"), "key"),
    (include_str!("../../../certs/tests/vectors/p384.csr.pem"), "key"),
    (include_str!("../../../certs/tests/vectors/compressed.csr.pem"), "key"),
    (include_str!("../../../certs/tests/vectors/p256-sha384.csr.pem"), "room-2.example.com"),
];

async fn ready() -> (TestCa, Device, Order) {
    let ca = TestCa::builder().domain("example.com").start().await;
    let alice = ca.register("alice").await;
    let order = alice.prove(&ca.dns, &alice.new_order(&[NAME]).await).await;
    assert_eq!(order.status(), "ready");
    (ca, alice, order)
}

fn der(pem: &str) -> Vec<u8> {
    parse_many(pem, Label::CertificateRequest).unwrap().remove(0)
}

/// What is posted, the name of the case, and what the refusal must speak of.
fn cases(device: &Device) -> Vec<(Value, &'static str, &'static str)> {
    let key = SigningKey::generate(KeyKind::P256).unwrap();
    let good = csr(&key, &[NAME]);
    let mut broken = good.clone();
    *broken.last_mut().unwrap() ^= 1;
    let mut longer = good.clone();
    longer.push(0);
    let b64 = |octets: &[u8]| Value::from(URL_SAFE_NO_PAD.encode(octets));
    let mut cases = vec![
        (b64(&csr(&key, &["room-2.example.com"])), "another name", "room-2.example.com"),
        (b64(&csr(&key, &[NAME, "room-2.example.com"])), "one name more", "room-2.example.com"),
        (b64(&broken), "a broken signature", "signature"),
        (b64(&longer), "octets behind it", "octets follow"),
        (b64(b""), "nothing", "PKCS#10"),
        (b64(&[0x30; 300]), "no request", "PKCS#10"),
        (b64(&vec![0x30; 30_000]), "a large one", "at most"),
        (b64(certs::pem::encode(Label::CertificateRequest, &good).as_bytes()), "PEM", "PEM"),
        (Value::from(STANDARD.encode([0xfb_u8; 90])), "standard base64", "base64url"),
        (Value::from(URL_SAFE.encode([1_u8; 100])), "padding", "base64url"),
    ];
    for (pem, word) in VECTORS {
        cases.push((b64(&der(pem)), "a vector", word));
    }
    cases.push((b64(&account_key_request(device)), "the account's key", "account key"));
    cases
}

/// A request for the account's own key, put together by hand since no library gives the key away.
fn account_key_request(device: &Device) -> Vec<u8> {
    let jwk = device.key().jwk();
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    const EC_KEY_ON_P256: &[u8] = &[
        0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
        0x3d, 0x03, 0x01, 0x07,
    ];
    const ECDSA_WITH_SHA256: &[u8] =
        &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    let key_info = tlv(0x30, &[EC_KEY_ON_P256, &tlv(0x03, &[&[0], &point])]);
    let names = tlv(0x30, &[&tlv(0x82, &[NAME.as_bytes()])]);
    let extension = tlv(0x30, &[&[0x06, 0x03, 0x55, 0x1d, 0x11], &tlv(0x04, &[&names])]);
    let request_oid: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e];
    let attribute = tlv(0x30, &[request_oid, &tlv(0x31, &[&tlv(0x30, &[&extension])])]);
    let info = tlv(0x30, &[&[0x02, 0x01, 0x00], &tlv(0x30, &[]), &key_info, &tlv(0xa0, &[&attribute])]);
    let signature = ecdsa_der(&device.key().sign(&info));
    tlv(0x30, &[&info, ECDSA_WITH_SHA256, &tlv(0x03, &[&[0], &signature])])
}

/// One element of DER.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = match content.len() {
        short @ 0..=127 => vec![u8::try_from(short).unwrap()],
        long @ 128..=255 => vec![0x81, u8::try_from(long).unwrap()],
        long => [vec![0x82], u16::try_from(long).unwrap().to_be_bytes().to_vec()].concat(),
    };
    [vec![tag], length, content].concat()
}

/// r‖s as JWS has it, in the DER that certificates have.
fn ecdsa_der(fixed: &[u8]) -> Vec<u8> {
    let integer = |half: &[u8]| {
        let mut number: Vec<u8> = half.iter().copied().skip_while(|octet| *octet == 0).collect();
        if number.first().is_none_or(|octet| octet & 0x80 != 0) {
            number.insert(0, 0);
        }
        tlv(0x02, &[&number])
    };
    let (r, s) = fixed.split_at(32);
    tlv(0x30, &[&integer(r), &integer(s)])
}

#[tokio::test]
async fn every_bad_request_is_refused_with_what_is_wrong_and_the_order_stays_ready() {
    let (ca, alice, order) = ready().await;
    let before = ca.snapshot().await;
    for (csr, what, word) in cases(&alice) {
        let problem = alice.post(order.finalize(), &json!({"csr": csr})).await.problem();
        assert_eq!((problem.status, problem.kind.as_str()), (400, "badCSR"), "{what}: {}", problem.document);
        assert!(problem.detail.contains(word), "{what}: {:?} does not speak of {word:?}", problem.detail);
        assert_helpful(&alice, &problem, what).await;
    }
    assert_unchanged(&ca, &before, "a refused request").await;
    assert_eq!(alice.seen(&order).await.status(), "ready");
    assert_eq!(ca.audit().await.count("intent"), 0);
    let (_, good) = order.csr();
    assert_eq!(alice.finalize(&order, &good).await.unwrap().status(), "valid");
}

#[tokio::test]
async fn the_key_of_another_account_is_refused_too() {
    let (ca, alice, order) = ready().await;
    let bob = ca.register("bob").await;
    let problem = alice.finalize_once(&order, &account_key_request(&bob)).await.problem();
    assert_eq!(problem.kind, "badCSR");
    assert!(problem.detail.contains("account key"), "{}", problem.detail);
}

#[tokio::test]
async fn of_the_request_the_key_is_taken_and_nothing_else() {
    let (_ca, alice, order) = ready().await;
    let (key, csr) = order.csr();
    let order = alice.finalize(&order, &csr).await.unwrap();
    let chain = alice.download(order.certificate().unwrap()).await;
    assert_eq!(PublicKey::of_certificate(&chain[0]).unwrap(), *key.public());
}

#[tokio::test]
async fn finalize_payloads_of_a_wrong_shape_are_malformed() {
    let (_ca, alice, order) = ready().await;
    for payload in [json!({}), json!({"csr": null}), json!({"csr": 7}), json!({"csr": ["x"]})] {
        let problem = alice.post(order.finalize(), &payload).await.problem();
        assert_eq!((problem.status, problem.kind.as_str()), (400, "malformed"), "{payload}");
    }
}
