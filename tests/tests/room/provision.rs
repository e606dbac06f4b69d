//! The whole way through each face: secret, add, show, activate, another in its place, deactivate, delete, and back to nothing.

use rustls_pki_types::CertificateDer;

use crate::faces::Face;
use crate::material::{Authority, Identity, Sealer};
use crate::setting::Room;

const PURPOSE: (&str, &str) = ("Purpose", "WebexIdentity");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_is_provisioned_from_nothing_and_back_through_each_face() {
    for number in 0..3 {
        let room = Room::start().await;
        let mut face = room.face(number).await;
        walk(&room.authority, &mut face).await;
    }
}

async fn walk(authority: &Authority, face: &mut Face) {
    let (secret, next) = (Sealer::new(), Sealer::new());
    let (old, new) =
        (authority.identity(&["room-1.example.com"]), authority.identity(&["room-1.example.com"]));
    assert_eq!(face.external("Valid").await, "False");
    face.command("Security ClientSecret Populate", &[("Secret", &secret.text())], None).await.unwrap();
    face.command("Security ClientSecret Populate", &[("Secret", &secret.populate(Some(&next)))], None)
        .await
        .unwrap();

    let encrypted = &[("IsEncrypted", "True")];
    face.command("Security Certificates Services Add", encrypted, Some(&next.add(&old.pem()))).await.unwrap();
    let shown = face.command("Security Certificates Services Show", &[], None).await.unwrap();
    let details = &shown["Details"][0];
    assert_eq!((&shown["Format"], &details["id"]), (&"Text".into(), &"1".into()));
    assert_eq!(details["Fingerprint"], old.fingerprint().as_str());
    assert_eq!(
        (&details["SubjectName"], &details["UsedFor"]),
        (&"/CN=room-1.example.com".into(), &"".into())
    );
    assert_eq!(details["notAfter"], "Dec 20 14:13:20 2026 GMT");
    assert_eq!(face.external("Status").await, "", "what is there is not yet in use");

    let blob = next.activate(&old.fingerprint());
    face.command("Security Certificates Services Activate", &[("Fingerprint", &blob), PURPOSE], None)
        .await
        .unwrap();
    assert_eq!(face.external("Status").await, "valid");
    assert_eq!(face.external("Identity").await, "room-1.example.com");
    let first = "CertificateChain/Certificate[1]/Fingerprint";
    assert_eq!(face.external(first).await, old.fingerprint().as_str());

    // The other one takes its place; adding it again changes nothing.
    for _ in 0..2 {
        face.command("Security Certificates Services Add", encrypted, Some(&next.add(&new.pem())))
            .await
            .unwrap();
    }
    let blob = next.activate(&new.fingerprint());
    face.command("Security Certificates Services Activate", &[("Fingerprint", &blob), PURPOSE], None)
        .await
        .unwrap();
    assert_eq!(face.external(first).await, new.fingerprint().as_str());
    let filter = &[("Filter", "WebexIdentity"), ("FingerprintAlgorithm", "SHA-256"), ("Format", "PEM")];
    let shown = face.command("Security Certificates Services Show", filter, None).await.unwrap();
    assert_eq!(shown["Details"].as_array().map(Vec::len), Some(1));
    assert_eq!(shown["Details"][0]["Certificate"].as_str().unwrap().trim(), new.chain_pem.trim());
    assert_eq!(shown["Details"][0]["Fingerprint"].as_str().map(str::len), Some(64));

    take_away(face, &next, &old, &new).await;
    // The next secret comes in the clear again.
    face.command("Security ClientSecret Populate", &[("Secret", &secret.text())], None).await.unwrap();
}

/// Takes everything away: the certificate that is not in use, the one that is, and the secret.
async fn take_away(face: &mut Face, secret: &Sealer, old: &Identity, new: &Identity) {
    let fingerprint = old.fingerprint();
    face.command("Security Certificates Services Delete", &[("Fingerprint", fingerprint.as_str())], None)
        .await
        .unwrap();
    let fingerprint = new.fingerprint();
    let delete = &[("Fingerprint", fingerprint.as_str())];
    let refused = face.command("Security Certificates Services Delete", delete, None).await.unwrap_err();
    assert_eq!(refused.code, "in-use");
    let blob = secret.deactivate(&fingerprint);
    face.command("Security Certificates Services Deactivate", &[("Fingerprint", &blob), PURPOSE], None)
        .await
        .unwrap();
    assert_eq!(face.external("Valid").await, "False");
    face.command("Security Certificates Services Delete", delete, None).await.unwrap();
    let shown = face.command("Security Certificates Services Show", &[], None).await.unwrap();
    assert!(shown.get("Details").is_none(), "{shown}");

    // An empty payload takes the secret away.
    face.command("Security ClientSecret Populate", &[("Secret", &secret.populate(None))], None)
        .await
        .unwrap();
}

/// The public half of a key that is not here.
struct OnDevice(Vec<u8>);

impl rcgen::PublicKeyData for OnDevice {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

/// The certificate for a request that names this device.
pub(crate) fn certified(room: &Room, request: &str, name: &str) -> CertificateDer<'static> {
    let (_, der) = certs::pem::parse_blocks(request).unwrap().remove(0);
    let (request, claimed) = certs::csr::Csr::parse_claiming(&der).unwrap();
    assert_eq!(claimed.common_names, [name]);
    let key = OnDevice(request.public_key().point().to_vec());
    room.authority.certify(&[name], &key, room.now(), room.now() + time::Duration::days(9))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_was_made_on_the_device_gets_its_certificate_linked() {
    for number in 0..3 {
        let room = Room::start().await;
        let mut face = room.face(number).await;
        let refused = face.command("Security Certificates CSR Link", &[], Some("x")).await.unwrap_err();
        assert_eq!(refused.code, "no-request");
        let wanted =
            &[("CommonName", "room-1.example.com"), ("SanDns", "room-1.example.com"), ("CountryName", "DE")];
        let made = face.command("Security Certificates CSR Create", wanted, None).await.unwrap();
        let pem = made["CSR"].as_str().unwrap();
        assert!(certs::inspect::inspect_pem(pem).is_ok(), "{pem}");
        let leaf = certified(&room, pem, "room-1.example.com");
        let other = room.authority.identity(&["room-1.example.com"]);
        let refused =
            face.command("Security Certificates CSR Link", &[], Some(&other.chain_pem)).await.unwrap_err();
        assert_eq!(refused.code, "key-mismatch");
        let pem = certs::pem::encode_chain(std::slice::from_ref(&leaf));
        let linked = face.command("Security Certificates CSR Link", &[], Some(&pem)).await.unwrap();
        let fingerprint = linked["Fingerprint"].as_str().unwrap();
        assert_eq!(fingerprint, device_jwe::Fingerprint::of(&leaf).as_str());
        let activate = &[("Fingerprint", fingerprint), ("Purpose", "HTTPS")];
        face.command("Security Certificates Services Activate", activate, None).await.unwrap();
        let shown =
            face.command("Security Certificates Services Show", &[("Filter", "HTTPS")], None).await.unwrap();
        assert_eq!(shown["Details"][0]["UsedFor"], "HTTPS server");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_other_kinds_serve_other_purposes_and_may_have_a_password() {
    let room = Room::start().await;
    let mut face = room.face(0).await;
    let (from, to) = (room.now(), room.now() + time::Duration::days(9));
    let rsa = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_3072).unwrap();
    let edwards = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    for (at, (key, algorithm, size)) in
        [(rsa, "rsaEncryption", "3072"), (edwards, "Ed25519", "256")].into_iter().enumerate()
    {
        let identity = room.authority.issue(&["room-1.example.com"], &key, from, to);
        face.command("Security Certificates Services Add", &[], Some(&identity.pem())).await.unwrap();
        let shown = face.command("Security Certificates Services Show", &[], None).await.unwrap();
        let details = &shown["Details"][at];
        assert_eq!(
            (&details["SignatureAlgorithm"], &details["PublicKeySize"]),
            (&algorithm.into(), &size.into())
        );
    }

    let key = crate::material::key();
    let pair = rcgen::KeyPair::try_from(key.to_pkcs8_der().unwrap().as_slice()).unwrap();
    let identity = room.authority.issue(&["room-2.example.com"], &pair, from, to);
    let password = certs::key::Secret::new("open sesame".to_owned());
    let entropy = certs::key::EncryptionEntropy::new([7; 32]);
    let locked = key.to_encrypted_pem(&password, entropy).unwrap();
    let pem = format!("{}{}", identity.chain_pem, locked.as_str());
    for (given, code) in [(None, "key-password"), (Some("wrong"), "key-password"), (Some("open sesame"), "")]
    {
        let parameters: Vec<_> = given.map(|given| ("PrivateKeyPassword", given)).into_iter().collect();
        let said = face.command("Security Certificates Services Add", &parameters, Some(&pem)).await;
        assert_eq!(said.err().map(|refused| refused.code).unwrap_or_default(), code);
    }
}
