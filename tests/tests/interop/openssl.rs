//! OpenSSL as a relying party: every chain and every revocation list that the server hands out is read strictly.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use certs::identifier::Identifier;
use certs::inspect::inspect_certificate;
use certs::issuer::Issuer;
use certs::key::{KeyKind, SigningKey};
use certs::leaf::{ExtendedKeyUsage, LeafProfile, LeafRequest, LeafUrls, Proof, leaf_tbs};
use certs::pem::{Label, encode, parse_certificates};
use certs::serial::Serial;
use certs::tbs::{TwinKey, assemble};
use policies::profiles::{Profiles, SHIPPED};
use rollcall_tests::foreign;
use rollcall_tests::load::flow::Flow;
use rollcall_tests::load::session::Target;
use time::OffsetDateTime;

use crate::local::Local;
use crate::setting::ask;

/// A run of openssl that must succeed; gives what it said.
#[track_caller]
fn openssl(program: &Path, arguments: &[&str]) -> String {
    let said = foreign::run(Command::new(program).args(arguments)).unwrap();
    assert!(said.success, "{arguments:?}: {}", said.text);
    said.text
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn write(local: &Local, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = local.folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// `openssl verify`, strict, for a purpose; with a policy that the chain must be valid for, and a list that it must not be on.
fn verify(program: &Path, local: &Local, chain: &Path, purpose: &str, more: &[&str]) -> foreign::Said {
    let root = local.server.root("external");
    let base =
        ["verify", "-x509_strict", "-purpose", purpose, "-CAfile", text(&root), "-untrusted", text(chain)];
    foreign::run(Command::new(program).args(base).args(more).arg(chain)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_believes_a_device_by_its_proof_until_the_revocation_list_names_it() {
    let Some(program) = foreign::program("openssl") else { return };
    let local = Local::start().await;
    let root = std::fs::read_to_string(local.server.root("external")).unwrap();
    let target = Target::new(&local.server.url, "external", &root).unwrap();
    let mut flow = Flow::register(&target, local.dns.clone()).await.unwrap();
    let issued = flow.run("room-1.corp.test").await.unwrap();
    let chain = write(&local, "chain.pem", &issued.chain);
    let leaf = inspect_certificate(&parse_certificates(&issued.chain).unwrap()[0]).unwrap();
    let fetch_list = async || {
        let list = local.fetch(&leaf.crl_urls[0]).await;
        let der = write(&local, "list.der", list);
        let pem = local.folder.path().join("list.pem");
        let arguments =
            ["crl", "-inform", "DER", "-in", text(&der), "-out", text(&pem), "-CAfile", text(&chain)];
        assert!(openssl(&program, &arguments).contains("verify OK"), "the list's signature");
        pem
    };
    let list = fetch_list().await;
    let policy = Proof::Dns01.oid();
    let strictly =
        ["-policy_check", "-explicit_policy", "-policy", &policy, "-crl_check", "-CRLfile", text(&list)];
    let said = verify(&program, &local, &chain, "sslclient", &strictly);
    assert!(said.success, "{}", said.text);
    let said = verify(&program, &local, &chain, "sslserver", &strictly);
    assert!(!said.success, "a device's certificate serves as a server's: {}", said.text);
    ask(&local.server, &["certificates", "revoke", &leaf.serial, "--reason", "keyCompromise"]);
    let list = fetch_list().await;
    let shown = openssl(&program, &["crl", "-in", text(&list), "-noout", "-text"]);
    assert!(shown.contains(&leaf.serial.to_uppercase()) && shown.contains("Key Compromise"), "{shown}");
    let said = verify(&program, &local, &chain, "sslclient", &["-crl_check", "-CRLfile", text(&list)]);
    assert!(!said.success && said.text.contains("certificate revoked"), "{}", said.text);
    assert_eq!(local.certificates("room-1.corp.test")[0]["status"], "revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_believes_the_server_itself_and_finds_its_issuer_where_the_certificate_says() {
    let Some(program) = foreign::program("openssl") else { return };
    let local = Local::start().await;
    let chain = local.server.folder.join("tls/fullchain.pem");
    let said = verify(&program, &local, &chain, "sslserver", &["-verify_hostname", "localhost"]);
    assert!(said.success, "{}", said.text);
    let certificates = parse_certificates(&std::fs::read_to_string(&chain).unwrap()).unwrap();
    let leaf = inspect_certificate(&certificates[0]).unwrap();
    let issuer = local.fetch(&leaf.ca_issuers_urls[0]).await;
    assert_eq!(issuer, certificates[1].as_ref(), "caIssuers leads to another certificate");
    let address = local.server.url.trim_start_matches("https://").to_owned();
    let root = local.server.root("external");
    let shown = openssl(
        &program,
        &[
            "s_client",
            "-connect",
            &address,
            "-CAfile",
            text(&root),
            "-verify_return_error",
            "-brief",
            "-no_ign_eof",
        ],
    );
    assert!(shown.contains("Verification: OK"), "{shown}");
}

/// A leaf of this profile, signed with the issuing key that `init` made.
fn leaf_of(local: &Local, profile: &LeafProfile) -> String {
    let read = |name: &str| std::fs::read_to_string(local.server.folder.join(name)).unwrap();
    let above = read("authorities/external/intermediate.pem");
    let issuer = Issuer::from_pem(&format!("{above}\n{}", read("roots/external.pem"))).unwrap();
    let issuing = SigningKey::load(&read("authorities/external/intermediate.key.pem"), None).unwrap();
    let identifiers: Vec<Identifier> = profile
        .identifiers
        .iter()
        .map(|kind| {
            let (kind, value) = match kind.as_str() {
                "dns" => ("dns", "room-1.corp.test"),
                "email" => ("email", "alice@corp.test"),
                _ => ("uri", "urn:uuid:abababab-abab-abab-abab-abababababab"),
            };
            Identifier::from_parts(kind, value).unwrap()
        })
        .collect();
    let proofs: BTreeSet<Proof> = profile.proofs.iter().copied().take(1).collect();
    let own = SigningKey::generate(KeyKind::P256).unwrap();
    let request = LeafRequest {
        profile,
        identifiers: &identifiers,
        public_key: own.public(),
        serial: Serial::from_entropy([9; 20]),
        validity: profile.validity(OffsetDateTime::now_utc(), None, None).unwrap(),
        proofs: &proofs,
        preferred_domain: None,
        urls: &LeafUrls {
            crl: "http://ca.test/crl".parse().unwrap(),
            ca_issuers: "http://ca.test/issuer".parse().unwrap(),
            ocsp: None,
        },
    };
    let tbs = leaf_tbs(&request, &issuer, &TwinKey::generate().unwrap()).unwrap();
    let der = assemble(tbs.der(), &issuing.sign(tbs.der()).unwrap(), issuer.public_key()).unwrap();
    format!("{}{above}", encode(Label::Certificate, &der))
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_believes_every_shipped_profile_under_an_authority_as_init_makes_it() {
    let Some(program) = foreign::program("openssl") else { return };
    let local = Local::start().await;
    let profiles = Profiles::parse(SHIPPED).unwrap();
    let mut seen = 0;
    for profile in profiles.iter() {
        let chain = write(&local, "chain.pem", leaf_of(&local, profile));
        for usage in &profile.extended_key_usages {
            let purpose = match usage {
                ExtendedKeyUsage::ClientAuth => "sslclient",
                ExtendedKeyUsage::ServerAuth => "sslserver",
                ExtendedKeyUsage::EmailProtection => "smimesign",
                ExtendedKeyUsage::OcspSigning => "ocsphelper",
            };
            let said = verify(&program, &local, &chain, purpose, &[]);
            assert!(said.success, "{} for {purpose}: {}", profile.name, said.text);
            seen += 1;
        }
    }
    assert!(seen >= SHIPPED.len(), "{seen} purposes of {} profiles", SHIPPED.len());
}
