use super::*;

fn p256() -> SigningKey {
    SigningKey::generate(KeyKind::P256).unwrap()
}

fn passphrase(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

#[test]
fn signatures_verify_under_the_own_key_only() {
    for kind in [KeyKind::P256, KeyKind::P384] {
        let (key, other) = (SigningKey::generate(kind).unwrap(), SigningKey::generate(kind).unwrap());
        let signature = key.sign(b"message").unwrap();
        key.public().verify(b"message", &signature).unwrap();
        assert_eq!(key.public().verify(b"massage", &signature), Err(KeyError::BadSignature));
        assert_eq!(other.public().verify(b"message", &signature), Err(KeyError::BadSignature));
        assert_eq!(key.public().verify(b"message", &[]), Err(KeyError::BadSignature));
    }
}

#[test]
fn private_keys_round_trip_plain_and_encrypted() {
    for kind in [KeyKind::P256, KeyKind::P384] {
        let key = SigningKey::generate(kind).unwrap();
        let plain = key.to_pem().unwrap();
        assert!(plain.starts_with("-----BEGIN PRIVATE KEY-----\n"));
        assert_eq!(SigningKey::from_pem(&plain).unwrap().public(), key.public());
        let entropy = EncryptionEntropy::new([5; 32]);
        let sealed = key.to_encrypted_pem(&passphrase("correct horse"), entropy).unwrap();
        assert!(sealed.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
        let opened = SigningKey::from_encrypted_pem(&sealed, &passphrase("correct horse")).unwrap();
        assert_eq!(opened.public(), key.public());
        let wrong = SigningKey::from_encrypted_pem(&sealed, &passphrase("wrong horse"));
        assert_eq!(wrong.unwrap_err(), KeyError::WrongPassphrase);
        assert_eq!(SigningKey::from_pem(&sealed).unwrap_err(), KeyError::PassphraseNeeded);
        let empty = key.to_encrypted_pem(&passphrase(""), entropy);
        assert_eq!(empty.unwrap_err(), KeyError::EmptyPassphrase);
    }
}

#[test]
fn files_without_exactly_one_key_are_refused() {
    let key = p256().to_pem().unwrap();
    let twice = format!("{}{}", *key, *key);
    assert_eq!(SigningKey::from_pem(&twice).unwrap_err(), KeyError::KeyCount { count: 2 });
    assert_eq!(SigningKey::from_pem("hello").unwrap_err(), KeyError::KeyCount { count: 0 });
    let broken = key.replace("MIG", "AAA");
    assert_eq!(SigningKey::from_pem(&broken).unwrap_err(), KeyError::NotPrivateKey);
}

#[test]
fn public_keys_round_trip_and_have_one_encoding() {
    for kind in [KeyKind::P256, KeyKind::P384] {
        let key = SigningKey::generate(kind).unwrap();
        let public = key.public();
        assert_eq!(&PublicKey::from_spki_der(public.spki_der()).unwrap(), public);
        assert_eq!(&PublicKey::from_point(kind, public.point()).unwrap(), public);
        assert_eq!(public.point().len(), kind.point_length());
        let json = serde_json::to_string(public).unwrap();
        assert_eq!(&serde_json::from_str::<PublicKey>(&json).unwrap(), public);
        let mut longer = public.spki_der().to_vec();
        longer.push(0);
        assert!(PublicKey::from_spki_der(&longer).is_err());
    }
}

#[test]
fn compressed_and_false_points_are_told_apart() {
    let public = p256().public().clone();
    let mut compressed = vec![0x02 | (public.point()[64] & 1)];
    compressed.extend_from_slice(&public.point()[1..33]);
    assert_eq!(PublicKey::from_point(KeyKind::P256, &compressed), Err(KeyError::CompressedPoint));
    let mut off = public.point().to_vec();
    off[64] ^= 1;
    assert_eq!(PublicKey::from_point(KeyKind::P256, &off), Err(KeyError::NotOnCurve(KeyKind::P256)));
    let short = PublicKey::from_point(KeyKind::P256, &public.point()[..64]);
    assert_eq!(short, Err(KeyError::PointLength { length: 64, expected: 65 }));
    assert_eq!(
        PublicKey::from_point(KeyKind::P256, &[0]),
        Err(KeyError::PointLength { length: 1, expected: 65 })
    );
}

#[test]
fn a_compressed_key_in_its_structure_is_called_compressed() {
    let public = p256().public().clone();
    let algorithm = &public.spki_der()[2..23];
    let mut compressed = vec![0, 0x02 | (public.point()[64] & 1)];
    compressed.extend_from_slice(&public.point()[1..33]);
    let spki = crate::asn1::tlv(0x30, &[algorithm, &crate::asn1::tlv(0x03, &[&compressed])]);
    assert_eq!(PublicKey::from_spki_der(&spki), Err(KeyError::CompressedPoint));
}

#[test]
fn foreign_algorithms_and_curves_are_named() {
    let ed25519 = data_encoding::HEXLOWER
        .decode(b"302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
        .unwrap();
    assert_eq!(PublicKey::from_spki_der(&ed25519), Err(KeyError::Algorithm { algorithm: "Ed25519".into() }));
    let p521 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap();
    assert_eq!(
        PublicKey::from_spki_der(&rcgen::PublicKeyData::subject_public_key_info(&p521)),
        Err(KeyError::Curve { curve: "P-521".into(), accepted: "P-256 and P-384" })
    );
    assert_eq!(
        SigningKey::from_pem(&p521.serialize_pem()).unwrap_err(),
        KeyError::Curve { curve: "1.3.132.0.35".into(), accepted: "P-256 and P-384" }
    );
    assert!(matches!(PublicKey::from_spki_der(b"\x30\x00"), Err(KeyError::NotSpki { .. })));
}

#[test]
fn the_key_identifier_is_rfc_7093_method_1() {
    let public = p256().public().clone();
    let whole = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, public.point());
    assert_eq!(public.key_identifier(), whole.as_ref()[..20]);
}

#[test]
fn secrets_are_never_shown() {
    let secret = passphrase("hunter2");
    assert_eq!(format!("{secret:?}"), "Secret(…)");
    assert_eq!(secret, passphrase("hunter2"));
    assert_ne!(secret, passphrase("hunter3"));
    assert_eq!(Secret::from_file_text("hunter2\r\nrest\n".into()), secret);
    let key = p256();
    let shown = format!("{key:?}");
    assert!(shown.contains("P-256") && shown.len() < 120, "{shown}");
}

#[test]
fn absurd_encryption_costs_are_refused_before_they_are_paid() {
    use pkcs8::pkcs5::pbes2;
    use pkcs8::{PrivateKeyInfo, der::Decode as _};
    let key = p256().to_pkcs8_der().unwrap();
    let info = PrivateKeyInfo::from_der(&key).unwrap();
    let scheme = pbes2::Parameters::pbkdf2_sha256_aes256cbc(1, b"saltsalt", &[0; 16]).unwrap();
    let sealed = info.encrypt_with_params(scheme, "x").unwrap();
    let text = crate::pem::encode(crate::pem::Label::EncryptedPrivateKey, sealed.as_bytes());
    assert!(SigningKey::from_encrypted_pem(&text, &passphrase("x")).is_ok());
    // The same file with a hundred million iterations must come back at once.
    let info = pkcs8::EncryptedPrivateKeyInfo::from_der(sealed.as_bytes()).unwrap();
    let scheme = pbes2::Parameters::pbkdf2_sha256_aes256cbc(99_999_999, b"saltsalt", &[0; 16]).unwrap();
    let costly = pkcs8::EncryptedPrivateKeyInfo {
        encryption_algorithm: scheme.into(),
        encrypted_data: info.encrypted_data,
    };
    let der = pkcs8::der::Encode::to_der(&costly).unwrap();
    let text = crate::pem::encode(crate::pem::Label::EncryptedPrivateKey, &der);
    let refused = SigningKey::from_encrypted_pem(&text, &passphrase("x"));
    assert_eq!(refused.unwrap_err(), KeyError::Encryption);
}

#[test]
fn a_sealed_secret_opens_with_its_passphrase_alone_and_only_whole() {
    let secret = b"client secret".as_slice();
    let sealed = seal(secret, &passphrase("x"), &EncryptionEntropy::new([7; 32])).unwrap();
    assert!(!sealed.windows(secret.len()).any(|window| window == secret));
    assert_eq!(unseal(&sealed, &passphrase("x")).unwrap().as_slice(), secret);
    assert_eq!(unseal(&sealed, &passphrase("y")).unwrap_err(), KeyError::WrongPassphrase);
    let mut damaged = sealed.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(unseal(&damaged, &passphrase("x")).unwrap_err(), KeyError::WrongPassphrase);
    assert_eq!(unseal(b"nothing", &passphrase("x")).unwrap_err(), KeyError::Encryption);
    let empty = seal(secret, &passphrase(""), &EncryptionEntropy::new([7; 32]));
    assert_eq!(empty.unwrap_err(), KeyError::EmptyPassphrase);
}
