//! The folder of a test authority: keys and certificates made once for the process, policy as shipped, and `ca.toml`.
//!
//! All times are fixed, so that nothing expires while a test runs or years later.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::OnceLock;

use ca_server::config::Config;
use certs::authority::{AuthorityRequest, AuthorityUrls, intermediate, root};
use certs::issuer::Issuer;
use certs::key::{KeyKind, SigningKey};
use certs::leaf::Validity;
use certs::name::DnsName;
use certs::serial::Serial;
use rustls::pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};

/// The host of a test authority.
pub const HOST: &str = "ca.test";
/// What its clock shows at first, in seconds since 1970.
pub const START: i64 = 1_790_000_000;

/// What is the same for every authority of this process, all PEM.
pub(super) struct Files {
    pub(super) root: String,
    root_key: SigningKey,
    pub(super) second_root: String,
    intermediate: String,
    key: String,
    /// The same intermediate, signed by the second root.
    cross: String,
    pub(super) tls_certificate: String,
    pub(super) tls_key: String,
}

pub(super) fn files() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(make)
}

fn make() -> Files {
    let key = || SigningKey::generate(KeyKind::P256).expect("a key can be made");
    let (first_key, second_key, issuing_key) = (key(), key(), key());
    let first = root(&request("Test root", 1, 3650), &first_key).expect("a root can be made");
    let second = root(&request("Second test root", 2, 3650), &second_key).expect("a root can be made");
    let below = |root: &CertificateDer<'static>, root_key: &SigningKey, serial: u8| {
        let issuer = Issuer::from_chain(vec![root.clone()]).expect("the root is an issuer");
        let (request, urls) = (request("Test issuing", serial, 1800), AuthorityUrls::default());
        intermediate(&request, &urls, issuing_key.public(), &issuer, root_key).expect("an intermediate")
    };
    let tls = rcgen::generate_simple_self_signed(vec![HOST.to_owned()]).expect("a TLS certificate");
    Files {
        intermediate: pem(&below(&first, &first_key, 3)),
        cross: pem(&below(&second, &second_key, 4)),
        root: pem(&first),
        second_root: pem(&second),
        key: issuing_key.to_pem().expect("the key has a PEM form").to_string(),
        tls_certificate: tls.cert.pem(),
        tls_key: tls.signing_key.serialize_pem(),
        root_key: first_key,
    }
}

/// Another issuing certificate below the first root, PEM.
pub(super) fn below_first_root(key: &SigningKey, name: &str) -> String {
    let made = files();
    let issuer = Issuer::from_pem(&made.root).expect("the root is an issuer");
    let serial = Serial::from_entropy(key.public().key_identifier());
    let request = AuthorityRequest { serial, ..request(name, 5, 1800) };
    pem(&intermediate(&request, &AuthorityUrls::default(), key.public(), &issuer, &made.root_key)
        .expect("an intermediate"))
}

fn request(name: &str, serial: u8, days: i64) -> AuthorityRequest {
    let begin = OffsetDateTime::from_unix_timestamp(START - 30 * 86_400).expect("the start is a time");
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

/// Fills the folder of an authority that may certify names under `domains`.
pub(super) fn write(folder: &Path, domains: &[String]) {
    let made = files();
    put(folder, "root.pem", &made.root);
    put(folder, "issuing.pem", &made.intermediate);
    put(folder, "issuing.key", &made.key);
    put(folder, "cross.pem", &made.cross);
    put(folder, "tls/fullchain.pem", &made.tls_certificate);
    put(folder, "tls/key.pem", &made.tls_key);
    for (name, text) in policies::profiles::SHIPPED {
        put(folder, &format!("policy/profiles/{name}"), text);
    }
    for (name, text) in policies::rules::SHIPPED {
        put(folder, &format!("policy/rules/{name}"), text);
    }
    let domains: Vec<_> =
        domains.iter().map(|text| DnsName::parse(text).expect("the domain is a name")).collect();
    put(folder, "policy/rules/domains.cedar", &policies::rules::shipped_rules_for_domains(&domains));
}

/// Writes one file below `folder`.
pub(super) fn put(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).expect("a folder can be made");
    }
    std::fs::write(path, text).expect("a file can be written");
}

/// The configuration, which asks the resolver at `dns`.
///
/// `external` offers everything, `closed` wants terms and an external binding, `unbound` takes none, `plain` has no alternate chain.
pub(super) fn config(folder: &Path, dns: SocketAddr) -> Config {
    let issuer = "certificate = \"issuing.pem\"\nkey = \"issuing.key\"\nroot = \"root.pem\"\n";
    let text = format!(
        r#"
listen = "127.0.0.1:0"
url = "https://{HOST}"
[tls]
mode = "files"
[store]
url = "memory:"
[dns]
resolvers = ["{dns}"]
[limits]
accounts_per_hour = 0
orders_per_hour = 0
account_changes_per_hour = 0
[authority.external]
{issuer}alternate_chains = ["cross.pem"]
profiles = ["device", "server", "user"]
[authority.closed]
{issuer}external_account_binding = "required"
terms_of_service = "https://{HOST}/terms"
[authority.unbound]
{issuer}external_account_binding = "off"
"#
    );
    let mut config: Config = toml::from_str(&text).expect("the configuration can be read");
    folder.clone_into(&mut config.folder);
    config
}
