//! `ca-server check`: everything that is wrong at once, each with its key and a hint.

use std::path::Path;

use certs::authority::{self, AuthorityRequest, AuthorityUrls};
use certs::issuer::Issuer;
use certs::key::{KeyKind, SigningKey};
use certs::leaf::Validity;
use certs::serial::Serial;
use time::{Duration, OffsetDateTime};

use crate::program::{ca_server, init};

const BAD: &str = r#"
listen = "nowhere"
url = "ca.corp.test"
colour = "green"

[store]
url = "postgres://localhost"

[dns]
resolvers = ["127.0.0.1"]
timeout = "soon"
dnssec = "maybe"

[challenge]
offer = ["dns-01", "http-01"]
atempts = 3

[authority.external]
certificate = "missing.pem"
key = "missing.key"
root = "missing.root"
"#;

#[test]
fn a_bad_file_is_told_whole() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("ca.toml");
    std::fs::write(&path, BAD).unwrap();
    let ran = ca_server(&["check", "--config", path.to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!("check-bad", ran.stdout.replace(place.path().to_str().unwrap(), "DIR"));
    for key in
        ["listen", "url", "colour", "dns.timeout", "dns.dnssec", "challenge.offer", "challenge.atempts"]
    {
        assert!(ran.stdout.contains(key), "{key} is not in {}", ran.stdout);
    }
    let hints = ran.stdout.lines().filter(|line| line.trim_start().starts_with("hint: ")).count();
    assert_eq!(hints * 2, ran.stdout.lines().count(), "each problem has its hint: {}", ran.stdout);
    let json = ca_server(&["check", "--json", "--config", path.to_str().unwrap()]);
    let problems: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(problems.as_array().unwrap().len(), hints);
}

#[cfg(not(feature = "otel"))]
#[test]
fn an_endpoint_for_spans_is_refused_by_a_program_that_cannot_send_them() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("ca");
    assert_eq!(init(&folder, "https://ca.corp.test:14000", &[]).code, 0);
    let config = folder.join("ca.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let endpoint = "[traces]\nendpoint = \"http://127.0.0.1:4318/v1/traces\"\n";
    std::fs::write(&config, text.replace("[traces]\n", endpoint)).unwrap();
    let ran = ca_server(&["check", "--config", config.to_str().unwrap()]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(
        ran.stdout.contains("traces.endpoint: this program was built without the feature `otel`"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("cargo build --features otel"), "{}", ran.stdout);
}

#[test]
fn files_that_do_not_fit_together_are_told() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("ca");
    assert_eq!(init(&folder, "https://ca.corp.test:14000", &[]).code, 0);
    let other = place.path().join("other");
    assert_eq!(init(&other, "https://ca.corp.test:14000", &[]).code, 0);
    let key = "authorities/external/intermediate.key.pem";
    std::fs::copy(other.join(key), folder.join(key)).unwrap();
    std::fs::write(folder.join("policy/rules/bad.cedar"), "permit (").unwrap();
    let config = folder.join("ca.toml");
    let ran = ca_server(&["check", "--config", config.to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    for part in ["external", "bad.cedar"] {
        assert!(ran.stdout.contains(part), "{part} is not in {}", ran.stdout);
    }
    let served = ca_server(&["serve", "--config", config.to_str().unwrap()]);
    assert_eq!(served.code, 1, "a server must not start on it: {}", served.stderr);
}

#[test]
fn a_file_that_is_not_there_is_told_with_the_command_that_makes_one() {
    for command in [&["check"][..], &["serve"], &["status"], &["log", "verify"]] {
        let mut arguments = command.to_vec();
        arguments.extend(["--config", "/nowhere/ca.toml"]);
        let ran = ca_server(&arguments);
        let (error, hint) = ran.error();
        assert!(error.contains("/nowhere/ca.toml"), "{command:?}: {error}");
        assert!(hint.contains("ca-server init"), "{command:?}: {hint}");
    }
}

#[test]
fn a_server_that_does_not_run_is_told_with_the_command_that_starts_it() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("ca");
    assert_eq!(init(&folder, "https://ca.corp.test:14000", &[]).code, 0);
    let config = folder.join("ca.toml");
    let ran = ca_server(&["status", "--config", config.to_str().unwrap()]);
    let (_, hint) = ran.error();
    assert!(hint.contains("ca-server serve"), "{hint}");
}

/// A folder made by `init`, with one thing replaced in `ca.toml`, refused by `check` with this key, and by `serve`.
fn assert_refused_by_both(folder: &Path, (from, to): (&str, &str), key: &str) {
    let config = folder.join("ca.toml");
    let good = std::fs::read_to_string(&config).unwrap();
    assert!(good.contains(from), "{from}");
    std::fs::write(&config, good.replace(from, to)).unwrap();
    let ran = ca_server(&["check", "--json", "--config", config.to_str().unwrap()]);
    let problems: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let keys: Vec<_> =
        problems.as_array().unwrap().iter().map(|problem| problem["key"].as_str().unwrap()).collect();
    assert_eq!((ran.code, keys.as_slice()), (1, &[key][..]), "{to}: {}", ran.stdout);
    assert!(!problems.pointer("/0/hint").unwrap().as_str().unwrap().is_empty());
    let served = ca_server(&["serve", "--config", config.to_str().unwrap()]);
    assert_eq!(served.code, 1, "{to}: {}", served.stderr);
    std::fs::write(&config, good).unwrap();
}

#[test]
fn what_serve_would_refuse_is_told_by_check() {
    let place = tempfile::tempdir().unwrap();
    let (folder, other) = (place.path().join("ca"), place.path().join("other"));
    for folder in [&folder, &other] {
        assert_eq!(init(folder, "https://ca.corp.test:14000", &[]).code, 0);
    }
    let path = |name: &str| other.join(name).display().to_string();
    let pair = format!(
        "mode = \"files\"\ncertificate = \"{}\"\nkey = \"{}\"",
        path("authorities/external/intermediate.pem"),
        path("authorities/internal/intermediate.key.pem"),
    );
    std::fs::write(folder.join("anchors.txt"), "corp.test. DNSKEY nonsense").unwrap();
    let anchors = "dnssec = \"require\"\ntrust_anchors = \"anchors.txt\"\nresolvers = []";
    let alternate = format!("alternate_chains = [\"{}\"]", path("ca.toml"));
    for (from, to, key) in [
        ("https://ca.corp.test:14000", "https://192.168.1.10:14000", "url"),
        ("https://ca.corp.test:14000", "https://my_ca:14000", "url"),
        ("acme = true", "acme = false", "tls.authority"),
        ("#mode = \"own\"", &*pair, "tls.key"),
        ("#mode = \"own\"", "mode = \"files\"", "tls.certificate"),
        ("resolvers = []", anchors, "dns.trust_anchors"),
        ("#timeout = \"5s\"", "timeout = \"0s\"", "dns.timeout"),
        ("#timeout = \"10s\"", "timeout = \"0s\"", "challenge.timeout"),
        ("#request_timeout = \"30s\"", "request_timeout = \"0s\"", "limits.request_timeout"),
        ("#idle_timeout = \"60s\"", "idle_timeout = \"0s\"", "limits.idle_timeout"),
        ("#body = 65536", "body = 0", "limits.body"),
        ("#domain_grace = \"2days\"", "domain_grace = \"6h\"", "internal.domain_grace"),
        (
            "#activation_code_lifetime = \"7days\"",
            "activation_code_lifetime = \"60days\"",
            "internal.activation_code_lifetime",
        ),
        (
            "#origins = [\"https://meet.example.com\"]",
            "origins = [\"https://meet.example.com/\"]",
            "internal.origins",
        ),
        ("#url = \"http://ca.example.com:14080\"", "url = \"ldap://ca.corp.test\"", "revocation.url"),
        ("#url = \"http://ca.example.com:14080\"", "url = \"http://ca.corp.test/?a\"", "revocation.url"),
        ("#ocsp_lifetime = \"12h\"", "ocsp_lifetime = \"1s\"", "revocation.ocsp_lifetime"),
        ("#ocsp_cache_mib = 16", "ocsp_cache_mib = 0", "revocation.ocsp_cache_mib"),
        ("#list_lifetime = \"24h\"", "list_lifetime = \"365days\"", "revocation.list_lifetime"),
        (
            "#keep_expired_certificates = \"365days\"",
            "keep_expired_certificates = \"1h\"",
            "store.keep_expired_certificates",
        ),
        ("#list_entries = 10000", "list_entries = 0", "revocation.list_entries"),
        ("acme = true", &*format!("acme = true\n{alternate}"), "authority.external.alternate_chains"),
    ] {
        assert_refused_by_both(&folder, (from, to), key);
    }
    let profile = folder.join("policy/profiles/server.toml");
    let text = std::fs::read_to_string(&profile).unwrap();
    std::fs::write(&profile, text.replace("\"server-auth\"", "\"client-auth\"")).unwrap();
    assert_refused_by_both(&folder, ("acme = true", "acme = true"), "policy/profiles/server.toml");
}

#[test]
fn an_issuer_that_has_expired_is_told() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("ca");
    assert_eq!(init(&folder, "https://ca.corp.test:14000", &[]).code, 0);
    let begin = OffsetDateTime::UNIX_EPOCH + Duration::days(10_000);
    let request = |name: &str, days| AuthorityRequest {
        common_name: name.to_owned(),
        organization: None,
        serial: Serial::from_entropy([7; 20]),
        validity: Validity { not_before: begin, not_after: begin + Duration::days(days) },
    };
    let (root_key, key) =
        (SigningKey::generate(KeyKind::P256).unwrap(), SigningKey::generate(KeyKind::P256).unwrap());
    let root = authority::root(&request("root", 36_500), &root_key).unwrap();
    let issuer = Issuer::from_chain(vec![root.clone()]).unwrap();
    let urls = AuthorityUrls::default();
    let old =
        authority::intermediate(&request("old", 1000), &urls, key.public(), &issuer, &root_key).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("roots/external.pem", &certs::pem::encode_chain(&[&root]));
    write("authorities/external/intermediate.pem", &certs::pem::encode_chain(&[&old]));
    write("authorities/external/intermediate.key.pem", &key.to_pem().unwrap());
    assert_refused_by_both(&folder, ("acme = true", "acme = true"), "authority.external.certificate");
}
