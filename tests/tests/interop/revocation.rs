//! OpenSSL as a relying party that looks certificates up: `openssl ocsp`, and `openssl verify -crl_check_all` with a list that is split into shards.

use std::path::{Path, PathBuf};
use std::process::Command;

use certs::chain::{RevocationList, TrustSets};
use certs::crl::{CrlRequest, assemble_crl, crl_tbs};
use certs::inspect::{CertificateReport, inspect_certificate};
use certs::issuer::Issuer;
use certs::key::{Secret, SigningKey};
use certs::pem::{Label, encode, parse_certificates};
use certs::tbs::TwinKey;
use certs::verdict::{Reason, verdict};
use rollcall_tests::dns::FakeDns;
use rollcall_tests::foreign;
use rollcall_tests::load::flow::Flow;
use rollcall_tests::load::process::Server;
use rollcall_tests::load::session::Target;
use rollcall_tests::revocation::fill;
use time::{Duration, OffsetDateTime};

use crate::setting::ask;

/// A server whose lists are split, and one certificate from it.
struct Scene {
    server: Server,
    folder: tempfile::TempDir,
    openssl: PathBuf,
    leaf: CertificateReport,
    chain: String,
}

impl Scene {
    async fn start(openssl: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dns = FakeDns::start().await;
        dns.add_zone("corp.test");
        let program = Path::new(env!("CARGO_BIN_EXE_harness-ca-server"));
        let home = folder.path().join("ca");
        let url = Server::init(program, &home, "corp.test", dns.address()).unwrap();
        fill::serve_relying_parties(&home).unwrap();
        let file = home.join("ca.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, text.replace("\n#list_entries = 10000", "\nlist_entries = 100")).unwrap();
        fill::folder(&home, 0, 101).await.unwrap();
        let (server, _) = Server::start(program, &home, &url).unwrap();
        let root = std::fs::read_to_string(server.root("external")).unwrap();
        let target = Target::new(&server.url, "external", &root).unwrap();
        let mut flow = Flow::register(&target, dns.into()).await.unwrap();
        let chain = flow.run("room-1.corp.test").await.unwrap().chain;
        let leaf = inspect_certificate(&parse_certificates(&chain).unwrap()[0]).unwrap();
        let scene = Self { server, folder, openssl, leaf, chain: chain.clone() };
        scene.write("chain.pem", chain);
        scene.write("root.crl", scene.root_list());
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// What the root says of its intermediates, signed where the root's key is kept: nothing is revoked.
    fn root_list(&self) -> String {
        let root = std::fs::read_to_string(self.server.root("external")).unwrap();
        let issuer = Issuer::from_pem(&root).unwrap();
        let read = |name: &str| std::fs::read_to_string(self.server.folder.join(name)).unwrap();
        let passphrase = Secret::from_file_text(read("offline/passphrase"));
        let key = SigningKey::load(&read("offline/external.root.key.pem"), Some(&passphrase)).unwrap();
        let now = OffsetDateTime::now_utc() - Duration::minutes(1);
        let request = CrlRequest {
            number: 1,
            this_update: now,
            next_update: now + Duration::days(1),
            revoked: &[],
            distribution_points: &[],
        };
        let tbs = crl_tbs(&request, &issuer, &TwinKey::generate().unwrap()).unwrap();
        let list = assemble_crl(tbs.der(), &key.sign(tbs.der()).unwrap(), key.public()).unwrap();
        encode(Label::Crl, &list)
    }

    async fn fetch(url: &str) -> Vec<u8> {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.get(url).send().await.unwrap().error_for_status().unwrap().bytes().await.unwrap().to_vec()
    }

    fn run(&self, arguments: &[&str]) -> foreign::Said {
        let mut command = Command::new(&self.openssl);
        command.current_dir(self.folder.path()).args(arguments);
        foreign::run(&mut command).unwrap()
    }

    /// `openssl ocsp` about the certificate.
    fn ocsp(&self, more: &[&str]) -> String {
        let (home, root) = (self.server.folder.clone(), self.server.root("external"));
        let issuer = home.join("authorities/external/intermediate.pem");
        let issuer = issuer.to_str().unwrap();
        let base = [
            "ocsp",
            "-issuer",
            issuer,
            "-verify_other",
            issuer,
            "-CAfile",
            root.to_str().unwrap(),
            "-cert",
            "chain.pem",
            "-url",
            &self.leaf.ocsp_urls[0],
        ];
        let said = self.run(&[&base[..], more].concat());
        assert!(said.success && said.text.contains("Response verify OK"), "{}", said.text);
        said.text
    }

    /// `openssl verify` of the whole chain, each certificate held against a list.
    async fn verify(&self) -> foreign::Said {
        let der = Self::fetch(&self.leaf.crl_urls[0]).await;
        let lists = format!("{}{}", encode(Label::Crl, &der), self.root_list());
        self.write("lists.pem", lists);
        let root = self.server.root("external");
        self.run(&[
            "verify",
            "-x509_strict",
            "-crl_check_all",
            "-CRLfile",
            "lists.pem",
            "-CAfile",
            root.to_str().unwrap(),
            "-untrusted",
            "chain.pem",
            "chain.pem",
        ])
    }

    /// What rustls-webpki says with the same list.
    async fn webpki(&self) -> Option<Reason> {
        let list = RevocationList::from_der(&Self::fetch(&self.leaf.crl_urls[0]).await).unwrap();
        let root = std::fs::read_to_string(self.server.root("external")).unwrap();
        let mut trust = TrustSets::new();
        trust.insert_pem("devices".parse().unwrap(), &root).unwrap();
        let chain = parse_certificates(&self.chain).unwrap();
        verdict(&chain, &trust, None, &[list], OffsetDateTime::now_utc()).reason
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_ocsp_openssl_verify_and_webpki_agree_before_and_after_a_revocation() {
    let Some(openssl) = foreign::program("openssl") else { return };
    let scene = Scene::start(openssl).await;
    assert!(scene.leaf.crl_urls[0].contains("-of-16.crl"), "{:?}", scene.leaf.crl_urls);
    for more in [&[][..], &["-no_nonce"], &["-sha256", "-cert", "chain.pem"]] {
        let said = scene.ocsp(more);
        assert!(said.contains("chain.pem: good"), "{said}");
    }
    let said = scene.verify().await;
    assert!(said.success, "{}", said.text);
    assert_eq!(scene.webpki().await, None);

    ask(&scene.server, &["certificates", "revoke", &scene.leaf.serial, "--reason", "keyCompromise"]);
    let said = scene.ocsp(&[]);
    assert!(said.contains("chain.pem: revoked") && said.contains("Reason: keyCompromise"), "{said}");
    let said = scene.verify().await;
    assert!(!said.success && said.text.contains("certificate revoked"), "{}", said.text);
    assert_eq!(scene.webpki().await, Some(Reason::Revoked));

    let whole = format!("{}.crl", scene.leaf.crl_urls[0].rsplit_once('/').unwrap().0);
    scene.write("whole.der", Scene::fetch(&whole).await);
    let shown = scene.run(&["crl", "-inform", "DER", "-in", "whole.der", "-noout", "-text"]);
    assert_eq!(shown.text.matches("Serial Number:").count(), 102, "{}", shown.text);
    let shard = Scene::fetch(&scene.leaf.crl_urls[0]).await;
    scene.write("shard.der", shard);
    let shown = scene.run(&["crl", "-inform", "DER", "-in", "shard.der", "-noout", "-text"]);
    assert!(shown.text.contains("Issuing Distribution Point: critical"), "{}", shown.text);
}
