//! What this crate makes, read by OpenSSL; what OpenSSL makes, read by this crate.
//!
//! Each test says so and passes without checking anything where there is no `openssl` program; with `ROLLCALL_INTEROP=require`, as
//! `.ci/interop` sets it, that is a failure.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may")]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use certs::authority::{self, AuthorityRequest, AuthorityUrls};
use certs::crl::{CrlRequest, RevocationReason, Revoked, assemble_crl, crl_tbs};
use certs::csr::{Csr, create_csr};
use certs::identifier::Identifier;
use certs::issuer::Issuer;
use certs::key::{EncryptionEntropy, KeyKind, Secret, SigningKey};
use certs::leaf::{LeafProfile, LeafRequest, LeafUrls, Proof, Validity, leaf_tbs};
use certs::pem::{Label, encode, encode_chain, parse_many};
use certs::serial::Serial;
use certs::tbs::{TwinKey, assemble};
use tempfile::TempDir;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);

fn openssl(arguments: &[&str]) -> Option<Output> {
    match Command::new("openssl").args(arguments).output() {
        Ok(output) => Some(output),
        Err(_) => {
            let required = std::env::var("ROLLCALL_INTEROP").is_ok_and(|value| value == "require");
            assert!(!required, "openssl is not on this machine, but interop is required");
            // Not `eprintln!`: the test harness would keep it back with whatever else a test that passes says.
            let _ = writeln!(std::io::stderr(), "skipped: openssl is not on this machine");
            None
        }
    }
}

#[track_caller]
fn succeeds(output: Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    format!("{out}{err}")
}

fn write(dir: &Path, name: &str, text: &str) -> String {
    let path: PathBuf = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

struct Authority {
    root: String,
    issuer: Issuer,
    key: SigningKey,
    twin: TwinKey,
}

fn authority(root_kind: KeyKind, kind: KeyKind) -> Authority {
    let request = |name: &str, serial: u8, days: i64| AuthorityRequest {
        common_name: name.to_owned(),
        organization: Some("Example".to_owned()),
        serial: Serial::from_entropy([serial; 20]),
        validity: Validity { not_before: NOW - Duration::days(1), not_after: NOW + Duration::days(days) },
    };
    let (root_key, key) = (SigningKey::generate(root_kind).unwrap(), SigningKey::generate(kind).unwrap());
    let root = authority::root(&request("Example root", 1, 3650), &root_key).unwrap();
    let root_issuer = Issuer::from_chain(vec![root.clone()]).unwrap();
    let urls = AuthorityUrls::default();
    let issuing = request("Example issuing", 2, 1000);
    let issuing = authority::intermediate(&issuing, &urls, key.public(), &root_issuer, &root_key).unwrap();
    let issuer = Issuer::from_chain(vec![issuing, root.clone()]).unwrap();
    Authority { root: encode_chain(&[root]), issuer, key, twin: TwinKey::generate().unwrap() }
}

fn profile(usages: &[&str], kind: &str, proof: &str, subject: &str) -> LeafProfile {
    serde_json::from_value(serde_json::json!({
        "name": "sample", "description": "A sample", "lifetime": "7days", "max-lifetime": "30days",
        "extended-key-usages": usages, "identifiers": [kind], "proofs": [proof], "subject": subject,
        "wildcards": true,
    }))
    .unwrap()
}

fn leaf(ca: &Authority, profile: &LeafProfile, name: &str) -> String {
    let key = SigningKey::generate(KeyKind::P256).unwrap();
    let proofs: BTreeSet<Proof> = profile.proofs.clone();
    let urls = LeafUrls {
        crl: "http://ca.example/crl".parse().unwrap(),
        ca_issuers: "http://ca.example/issuer".parse().unwrap(),
        ocsp: Some("http://ca.example/ocsp".parse().unwrap()),
    };
    let identifiers: [Identifier; 1] = [name.parse().unwrap()];
    let request = LeafRequest {
        profile,
        identifiers: &identifiers,
        public_key: key.public(),
        serial: Serial::from_entropy([7; 20]),
        validity: profile.validity(NOW, None, None).unwrap(),
        proofs: &proofs,
        preferred_domain: None,
        urls: &urls,
    };
    let tbs = leaf_tbs(&request, &ca.issuer, &ca.twin).unwrap();
    let signature = ca.key.sign(tbs.der()).unwrap();
    encode_chain(&[assemble(tbs.der(), &signature, ca.issuer.public_key()).unwrap()])
}

fn crl(ca: &Authority, revoked: &[Revoked]) -> String {
    let request = CrlRequest {
        number: 1,
        this_update: NOW,
        next_update: NOW + Duration::days(1),
        revoked,
        distribution_points: &[],
    };
    let tbs = crl_tbs(&request, &ca.issuer, &ca.twin).unwrap();
    let list = assemble_crl(tbs.der(), &ca.key.sign(tbs.der()).unwrap(), ca.issuer.public_key()).unwrap();
    encode(Label::Crl, &list)
}

#[test]
fn openssl_verifies_every_kind_of_leaf_strictly() {
    let cases = [
        (
            profile(&["client-auth"], "dns", "dns-01", "first-name-if-fits"),
            "dns:room-1.example.com",
            "sslclient",
        ),
        (profile(&["client-auth"], "dns", "dns-persist-01", "none"), "dns:*.example.com", "sslclient"),
        (profile(&["server-auth"], "dns", "dns-01", "first-name-if-fits"), "dns:ca.example.com", "sslserver"),
        (
            profile(&["client-auth", "email-protection"], "email", "sso-01", "first-name-if-fits"),
            "email:alice@example.com",
            "smimesign",
        ),
        (
            profile(&["client-auth"], "uri", "anonymous", "none"),
            "uri:urn:uuid:abababab-abab-abab-abab-abababababab",
            "sslclient",
        ),
    ];
    let kinds = [(KeyKind::P384, KeyKind::P256), (KeyKind::P256, KeyKind::P384)];
    let dir = TempDir::new().unwrap();
    let at = NOW.unix_timestamp().to_string();
    for (root_kind, kind) in kinds {
        let ca = authority(root_kind, kind);
        let root = write(dir.path(), "root.pem", &ca.root);
        let chain = write(dir.path(), "chain.pem", &encode_chain(ca.issuer.chain()));
        let list = write(dir.path(), "list.pem", &crl(&ca, &[]));
        for (profile, name, purpose) in &cases {
            let leaf = write(dir.path(), "leaf.pem", &leaf(&ca, profile, name));
            let proof = profile.proofs.first().unwrap().oid();
            let arguments = [
                "verify",
                "-x509_strict",
                "-check_ss_sig",
                "-policy_check",
                "-explicit_policy",
                "-policy",
                &proof,
                "-crl_check",
                "-CRLfile",
                &list,
                "-attime",
                &at,
                "-purpose",
                purpose,
                "-CAfile",
                &root,
                "-untrusted",
                &chain,
                &leaf,
            ];
            let Some(output) = openssl(&arguments) else { return };
            succeeds(output);
        }
    }
}

#[test]
fn openssl_sees_a_revocation() {
    let ca = authority(KeyKind::P256, KeyKind::P256);
    let dir = TempDir::new().unwrap();
    let revoked = Revoked {
        serial: Serial::from_entropy([7; 20]),
        at: NOW - Duration::hours(1),
        reason: RevocationReason::KeyCompromise,
    };
    let root = write(dir.path(), "root.pem", &ca.root);
    let chain = write(dir.path(), "chain.pem", &encode_chain(ca.issuer.chain()));
    let list = write(dir.path(), "list.pem", &crl(&ca, &[revoked]));
    let device = profile(&["client-auth"], "dns", "dns-01", "none");
    let leaf = write(dir.path(), "leaf.pem", &leaf(&ca, &device, "dns:a.example"));
    let at = NOW.unix_timestamp().to_string();
    let arguments = [
        "verify",
        "-crl_check",
        "-CRLfile",
        &list,
        "-attime",
        &at,
        "-CAfile",
        &root,
        "-untrusted",
        &chain,
        &leaf,
    ];
    let Some(output) = openssl(&arguments) else { return };
    let text =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && text.contains("certificate revoked"), "{text}");
}

#[test]
fn openssl_opens_our_encrypted_keys_and_refuses_a_wrong_passphrase() {
    let dir = TempDir::new().unwrap();
    for kind in [KeyKind::P256, KeyKind::P384] {
        let key = SigningKey::generate(kind).unwrap();
        let secret = Secret::new("correct horse".to_owned());
        let sealed = key.to_encrypted_pem(&secret, EncryptionEntropy::new([8; 32])).unwrap();
        let file = write(dir.path(), "key.pem", &sealed);
        let Some(output) = openssl(&["pkey", "-in", &file, "-passin", "pass:correct horse"]) else { return };
        let opened = succeeds(output);
        assert_eq!(SigningKey::from_pem(&opened).unwrap().public(), key.public());
        let wrong = openssl(&["pkey", "-in", &file, "-passin", "pass:wrong"]).unwrap();
        assert!(!wrong.status.success());
    }
}

#[test]
fn keys_by_openssl_are_read_in_every_usual_form() {
    let dir = TempDir::new().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (sec1, plain, pbkdf2, scrypt) = (path("sec1"), path("plain"), path("pbkdf2"), path("scrypt"));
    for curve in ["prime256v1", "secp384r1"] {
        let Some(made) = openssl(&["ecparam", "-name", curve, "-genkey", "-out", &sec1]) else { return };
        succeeds(made);
        succeeds(openssl(&["pkcs8", "-topk8", "-nocrypt", "-in", &sec1, "-out", &plain]).unwrap());
        let v2 =
            ["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:x", "-in", &sec1, "-out", &pbkdf2];
        succeeds(openssl(&v2).unwrap());
        let scrypted = ["pkcs8", "-topk8", "-scrypt", "-passout", "pass:x", "-in", &sec1, "-out", &scrypt];
        succeeds(openssl(&scrypted).unwrap());
        let secret = Secret::new("x".to_owned());
        let keys: Vec<SigningKey> = [&sec1, &plain, &pbkdf2, &scrypt]
            .into_iter()
            .map(|file| SigningKey::load(&std::fs::read_to_string(file).unwrap(), Some(&secret)).unwrap())
            .collect();
        assert!(keys.iter().all(|key| key.public() == keys[0].public()));
    }
}

#[test]
fn requests_are_understood_in_both_directions() {
    let dir = TempDir::new().unwrap();
    let key = SigningKey::generate(KeyKind::P256).unwrap();
    let names: [Identifier; 2] =
        ["dns:room-1.example.com".parse().unwrap(), "email:alice@example.com".parse().unwrap()];
    let ours = create_csr(&key, &names).unwrap();
    let file = write(dir.path(), "ours.pem", &encode(Label::CertificateRequest, &ours));
    let Some(output) = openssl(&["req", "-verify", "-noout", "-text", "-in", &file]) else { return };
    let text = succeeds(output);
    assert!(text.contains("DNS:room-1.example.com, email:alice@example.com"), "{text}");

    let key_file = write(dir.path(), "key.pem", &key.to_pem().unwrap());
    for digest in ["-sha256", "-sha384"] {
        let arguments = [
            "req",
            "-new",
            digest,
            "-key",
            &key_file,
            "-subj",
            "/CN=room-1.example.com",
            "-addext",
            "subjectAltName=DNS:room-1.example.com,email:alice@example.com",
            "-addext",
            "keyUsage=critical,digitalSignature",
        ];
        let theirs = String::from_utf8(openssl(&arguments).unwrap().stdout).unwrap();
        let der = parse_many(&theirs, Label::CertificateRequest).unwrap().remove(0);
        let csr = Csr::parse(&der).unwrap();
        csr.check_identifiers(&names).unwrap();
        assert_eq!(csr.public_key(), key.public());
    }
}
