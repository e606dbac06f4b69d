//! A folder as `ca-server init` leaves it: two authorities (of one key), policy files, `ca.toml`.

use std::path::Path;

use ca_server::config::Config;
use certs::authority::{self, AuthorityRequest, AuthorityUrls};
use certs::issuer::Issuer;
use certs::key::{KeyKind, SigningKey};
use certs::leaf::Validity;
use certs::name::DnsName;
use certs::serial::Serial;
use rustls_pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};

/// A port for links only; the server listens on one that the system chooses.
pub fn free_port() -> u16 {
    8443
}

/// Fills `folder` and reads the configuration.
pub fn config(folder: &Path, base: &str, lines: &str) -> Config {
    authority_files(folder);
    policy_files(folder);
    let text = format!(
        r#"
        listen = "127.0.0.1:0"
        url = "{base}"
        {lines}
        [tls]
        mode = "off"
        [store]
        url = "memory:"
        [authority.external]
        certificate = "external.pem"
        key = "external.key"
        root = "root.pem"
        [authority.closed]
        certificate = "external.pem"
        key = "external.key"
        root = "root.pem"
        external_account_binding = "required"
        terms_of_service = "https://ca.test/terms"
        [authority.unbound]
        certificate = "external.pem"
        key = "external.key"
        root = "root.pem"
        external_account_binding = "off"
        "#
    );
    let mut config: Config = toml::from_str(&text).unwrap();
    config.folder = folder.to_owned();
    config
}

/// A certificate that signs itself, and its key, PEM: good enough for a TLS server that nobody verifies.
pub fn self_signed() -> (String, String) {
    let key = SigningKey::generate(KeyKind::P256).unwrap();
    (pem(&authority::root(&request("ca.test", 3, 10), &key).unwrap()), key.to_pem().unwrap().to_string())
}

fn authority_files(folder: &Path) {
    let (root_key, key) =
        (SigningKey::generate(KeyKind::P384).unwrap(), SigningKey::generate(KeyKind::P256).unwrap());
    let root = authority::root(&request("Test root", 1, 3650), &root_key).unwrap();
    let root_issuer = Issuer::from_chain(vec![root.clone()]).unwrap();
    let urls = AuthorityUrls::default();
    let intermediate = authority::intermediate(
        &request("Test issuing", 2, 1800),
        &urls,
        key.public(),
        &root_issuer,
        &root_key,
    )
    .unwrap();
    write(folder, "root.pem", &pem(&root));
    write(folder, "external.pem", &pem(&intermediate));
    write(folder, "external.key", &key.to_pem().unwrap());
    std::fs::create_dir(folder.join("tls")).unwrap();
    write(folder, "tls/fullchain.pem", &pem(&root));
    write(folder, "tls/key.pem", &root_key.to_pem().unwrap());
}

fn policy_files(folder: &Path) {
    let shipped = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/shipped"));
    for part in ["profiles", "rules"] {
        let to = folder.join("policy").join(part);
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(shipped.join(part)).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
    let domains = [DnsName::parse("corp.test").unwrap()];
    let rules = policies::rules::shipped_rules_for_domains(&domains);
    std::fs::write(folder.join("policy/rules/domains.cedar"), rules).unwrap();
}

fn request(name: &str, serial: u8, days: i64) -> AuthorityRequest {
    let begin = OffsetDateTime::from_unix_timestamp(1_770_000_000).unwrap();
    AuthorityRequest {
        common_name: name.to_owned(),
        organization: None,
        serial: Serial::from_entropy([serial; 20]),
        validity: Validity { not_before: begin, not_after: begin + Duration::days(days) },
    }
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    certs::pem::encode_chain(&[certificate])
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}
