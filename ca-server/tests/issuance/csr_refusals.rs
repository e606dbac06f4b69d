//! Requests that are not certified: each is `badCSR`, says what to do, and leaves the order ready.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certs::key::{KeyKind, SigningKey};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use serde_json::json;

use crate::device::{Device, acts, csr, csr_by};
use crate::support::{Ca, Key};

/// Long, so that a shortened request keeps lengths of the same form.
const NAME: &str = "room-1.in-a-building-that-has-quite-a-long-name-of-its-own.corp.test";

fn by_rcgen(
    algorithm: &'static rcgen::SignatureAlgorithm,
    change: impl FnOnce(&mut CertificateParams),
) -> Vec<u8> {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    change(&mut params);
    params.serialize_request(&key).unwrap().der().to_vec()
}

/// A good request with its point compressed; the signature does not matter, the key is looked at first.
fn compressed() -> Vec<u8> {
    let mut der = csr(&[NAME]);
    let marker = [0x03, 0x42, 0x00, 0x04];
    let at = der.windows(4).position(|window| window == marker).unwrap();
    // BIT STRING of 34 octets: unused bits, 02 or 03, x. Every length around it shrinks by 32.
    der[at + 1] = 0x22;
    der[at + 3] = 0x02 + (der[at + 67] & 1);
    der.drain(at + 36..at + 68);
    shrink(&mut der, at)
}

/// Corrects the lengths of the SEQUENCEs around the key after 32 octets were taken out.
fn shrink(der: &mut [u8], bit_string: usize) -> Vec<u8> {
    // SubjectPublicKeyInfo: 30 59 30 13 … BIT STRING, 23 octets before it.
    der[bit_string - 22] -= 32;
    // The request and its info carry two-octet or one-octet lengths at the very beginning.
    let mut out = der.to_vec();
    let mut at = 0;
    for _ in 0..2 {
        let header = match out[at + 1] {
            0x82 => {
                let length = u16::from_be_bytes([out[at + 2], out[at + 3]]) - 32;
                out[at + 2..at + 4].copy_from_slice(&length.to_be_bytes());
                4
            }
            0x81 => {
                out[at + 2] -= 32;
                3
            }
            _ => {
                out[at + 1] -= 32;
                2
            }
        };
        at += header;
    }
    out
}

#[tokio::test]
async fn requests_that_are_not_certified_are_bad_csr_and_leave_the_order_ready() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (url, order) = device.ready(&ca, &[NAME]).await;
    let good = csr(&[NAME]);
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let p384 = csr_by(&SigningKey::generate(KeyKind::P384).unwrap(), &[NAME]);
    let cases: [(&str, Vec<u8>, &str); 9] = [
        ("other name", csr(&["room-2.corp.test"]), "extra dns:room-2.corp.test"),
        ("extra name", csr(&[NAME, "room-2.corp.test"]), "missing none, extra dns:room-2.corp.test"),
        ("P-384", p384, "P-256"),
        ("RSA", by_rcgen(&rcgen::PKCS_RSA_SHA256, |_| {}), "only ECDSA keys"),
        ("Ed25519", by_rcgen(&rcgen::PKCS_ED25519, |_| {}), "only ECDSA keys"),
        ("compressed point", compressed(), "compressed"),
        (
            "CA:TRUE",
            by_rcgen(&rcgen::PKCS_ECDSA_P256_SHA256, |params| {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            }),
            "CA certificate",
        ),
        ("foreign signature", flipped, "signature"),
        ("garbage", b"garbage".to_vec(), "PKCS#10"),
    ];
    for (what, csr, says) in &cases {
        let reply = device.finalize(&ca, &order, csr).await;
        assert_eq!(reply.problem(), "badCSR", "{what}: {reply:?}");
        let detail = reply.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(says), "{what}: {detail}");
        assert_eq!(device.read(&ca, &url).await.json()["status"], "ready", "{what}");
    }
    assert_eq!(acts(&ca, "intent").await, 0);
    assert_eq!(device.finalize(&ca, &order, &good).await.json()["status"], "valid");
}

#[tokio::test]
async fn a_request_that_is_not_base64url_is_bad_csr() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (_, order) = device.ready(&ca, &[NAME]).await;
    let url = order["finalize"].as_str().unwrap();
    let padded = format!("{}==", URL_SAFE_NO_PAD.encode(b"x"));
    for text in ["-----BEGIN CERTIFICATE REQUEST-----", "a+b/", &padded] {
        let reply = device.post(&ca, url, &json!({"csr": text})).await;
        assert_eq!(reply.problem(), "badCSR", "{text}");
    }
    assert_eq!(device.post(&ca, url, &json!({})).await.problem(), "malformed");
}

#[tokio::test]
async fn an_account_key_is_never_certified_neither_ones_own_nor_anothers() {
    let ca = Ca::start().await;
    for own in [true, false] {
        let signing = SigningKey::generate(KeyKind::P256).unwrap();
        let pkcs8 = signing.to_pkcs8_der().unwrap();
        let pair = aws_lc_rs::signature::EcdsaKeyPair::from_pkcs8(
            &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            &pkcs8,
        )
        .unwrap();
        let key = Key::P256(pair);
        let account = ca.register(&key).await;
        let device = if own { Device { key, account } } else { Device::register(&ca).await };
        let (_, order) = device.ready(&ca, &[NAME]).await;
        let reply = device.finalize(&ca, &order, &csr_by(&signing, &[NAME])).await;
        assert_eq!(reply.problem(), "badCSR", "{reply:?}");
        assert!(reply.json()["detail"].as_str().unwrap().contains("account key"), "{reply:?}");
    }
}
