//! Dynamic updates against a real BIND 9 with TSIG, started on loopback in a temporary folder.
//!
//! Skipped loudly where `named` is not installed.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use hickory_proto::rr::RData;

use super::super::*;

const SECRETS: [(&str, &str); 3] = [
    ("hmac-sha256", "c2VjcmV0IG9mIHRoZSBkZXZpY2UgZm9yIHNoYTI1NiE="),
    ("hmac-sha384", "c2VjcmV0IG9mIHRoZSBkZXZpY2UgZm9yIHNoYTM4NCE="),
    ("hmac-sha512", "c2VjcmV0IG9mIHRoZSBkZXZpY2UgZm9yIHNoYTUxMiE="),
];

struct Bind {
    process: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Drop for Bind {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Bind {
    /// `None` where `named` is not installed.
    async fn start() -> Option<Self> {
        let program = ["/usr/sbin/named", "/usr/local/sbin/named", "/usr/bin/named"]
            .into_iter()
            .find(|path| Path::new(path).exists());
        let Some(program) = program else {
            eprintln!("SKIPPED: BIND 9 (`named`) is not installed, dynamic updates are not tested here");
            return None;
        };
        // Another test may take the port between our choosing it and BIND's binding it.
        for _ in 0..5 {
            let bind = Self::launch(program);
            if bind.comes_up().await {
                return Some(bind);
            }
        }
        panic!("named does not start on any port");
    }

    fn launch(program: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        fs::write(folder.path().join("named.conf"), configuration(folder.path(), port)).unwrap();
        let zone = "$TTL 60\n@ IN SOA ns1 admin 1 60 60 60 60\n@ IN NS ns1\nns1 IN A 127.0.0.1\n\
                    _acme-challenge.alias IN CNAME proofs.example.com.\n";
        fs::write(folder.path().join("example.com.zone"), zone).unwrap();
        let process = Command::new(program)
            .args(["-g", "-c", "named.conf", "-n", "1"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("named.log")).unwrap())
            .spawn()
            .unwrap();
        Self { process, address: SocketAddr::from(([127, 0, 0, 1], port)), folder }
    }

    /// Whether BIND got its port and answers for the zone.
    async fn comes_up(&self) -> bool {
        let begun = Instant::now();
        let log = || fs::read_to_string(self.folder.path().join("named.log")).unwrap_or_default();
        while !log().contains(" running\n") {
            if begun.elapsed() > Duration::from_secs(60) {
                panic!("named does not start: {}", log());
            }
            tokio::task::yield_now().await;
        }
        let name = absolute("example.com").unwrap();
        let answer = exchange::ask(self.address, &name, RecordType::SOA, false).await;
        let updates = tokio::net::TcpStream::connect(self.address).await;
        answer.is_ok_and(|answer| !answer.answers.is_empty()) && updates.is_ok()
    }

    fn provider(&self, algorithm: &str, secret: &str) -> Rfc2136Provider {
        let name = format!("device-{algorithm}");
        let key =
            TsigKey::parse(&format!("key \"{name}\" {{ algorithm {algorithm}; secret \"{secret}\"; }};"))
                .unwrap();
        Rfc2136Provider::new(self.address.to_string(), None, Some(key))
    }

    async fn values(&self, name: &Name) -> Vec<String> {
        let answer = exchange::ask(self.address, name, RecordType::TXT, false).await.unwrap();
        let mut values: Vec<String> = answer
            .answers
            .iter()
            .filter_map(|record| match &record.data {
                RData::TXT(text) => {
                    Some(text.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect::<String>())
                }
                _ => None,
            })
            .collect();
        values.sort();
        values
    }
}

fn configuration(folder: &Path, port: u16) -> String {
    let keys: String = SECRETS
        .iter()
        .map(|(algorithm, secret)| {
            format!("key \"device-{algorithm}\" {{ algorithm {algorithm}; secret \"{secret}\"; }};\n")
        })
        .collect();
    let grants: String =
        SECRETS.iter().map(|(algorithm, _)| format!("grant device-{algorithm} zonesub TXT; ")).collect();
    let folder = folder.display();
    format!(
        "{keys}options {{ directory \"{folder}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n\
         pid-file none; session-keyfile none; recursion no; dnssec-validation no; }};\ncontrols {{ }};\n\
         zone \"example.com\" {{ type primary; file \"example.com.zone\"; update-policy {{ {grants} }}; }};\n"
    )
}

fn record(name: &str, value: &str) -> ChallengeRecord {
    ChallengeRecord::new("room-1.example.com", name, value.to_owned(), 60).unwrap()
}

#[tokio::test]
async fn values_are_added_and_removed_one_by_one_with_every_algorithm() {
    let Some(bind) = Bind::start().await else { return };
    for (algorithm, secret) in SECRETS {
        let provider = bind.provider(algorithm, secret);
        let mine = record("_acme-challenge.room-1.example.com", "mine");
        let theirs = record("_acme-challenge.room-1.example.com", "theirs");
        provider.present(&theirs).await.unwrap();
        provider.present(&mine).await.unwrap();
        provider.present(&mine).await.unwrap();
        assert_eq!(bind.values(&mine.name).await, ["mine", "theirs"]);
        provider.cleanup(&mine).await.unwrap();
        assert_eq!(bind.values(&mine.name).await, ["theirs"], "{algorithm}: another's value was touched");
        provider.cleanup(&mine).await.unwrap();
        provider.cleanup(&theirs).await.unwrap();
        assert!(bind.values(&mine.name).await.is_empty());
    }
}

#[tokio::test]
async fn a_long_value_arrives_whole() {
    let Some(bind) = Bind::start().await else { return };
    let provider = bind.provider(SECRETS[0].0, SECRETS[0].1);
    let long = record("_validation-persist.room-1.example.com", &"x".repeat(600));
    provider.present(&long).await.unwrap();
    assert_eq!(bind.values(&long.name).await.concat(), long.value);
}

#[tokio::test]
async fn a_wrong_secret_is_refused_and_the_refusal_says_so() {
    let Some(bind) = Bind::start().await else { return };
    let provider = bind.provider("hmac-sha256", SECRETS[1].1);
    let error = provider.present(&record("_acme-challenge.room-1.example.com", "x")).await.unwrap_err();
    let DnsError::UpdateRefused { tsig: Some(TsigError::BadSig), .. } = error else { panic!("{error}") };
}

#[tokio::test]
async fn a_name_outside_the_servers_zones_is_an_error_not_an_update() {
    let Some(bind) = Bind::start().await else { return };
    let provider = bind.provider(SECRETS[0].0, SECRETS[0].1);
    let error = provider.present(&record("_acme-challenge.room-1.example.org", "x")).await.unwrap_err();
    assert!(matches!(error, DnsError::Answer { .. } | DnsError::NoZone(_)), "{error}");
    let zone = Some(absolute("example.com").unwrap());
    let fixed = Rfc2136Provider::new(bind.address.to_string(), zone, None);
    let error = fixed.present(&record("_acme-challenge.room-1.example.org", "x")).await.unwrap_err();
    assert!(matches!(error, DnsError::OutsideZone { .. }), "{error}");
}

#[tokio::test]
async fn an_unsigned_update_is_refused() {
    let Some(bind) = Bind::start().await else { return };
    let provider = Rfc2136Provider::new(bind.address.to_string(), None, None);
    let error = provider.present(&record("_acme-challenge.room-1.example.com", "x")).await.unwrap_err();
    assert!(matches!(error, DnsError::UpdateRefused { code: ResponseCode::Refused, .. }), "{error}");
}

#[tokio::test]
async fn a_record_at_an_alias_is_put_at_its_end_and_seen_there() {
    let Some(bind) = Bind::start().await else { return };
    let provider = bind.provider(SECRETS[0].0, SECRETS[0].1);
    let mut settings = DnsSettings::of(ProviderKind::Rfc2136);
    settings.resolver = Some(bind.address);
    let propagation = Propagation::from_settings(&settings).unwrap();
    let placed = propagation.placed(record("_acme-challenge.alias.example.com", "v")).await.unwrap();
    assert_eq!(placed.name, absolute("proofs.example.com").unwrap());
    assert!(!propagation.is_served(&placed).await);
    provider.present(&placed).await.unwrap();
    propagation.wait(&placed, &crate::progress::Silent).await.unwrap();
}

#[tokio::test]
async fn the_zone_and_its_servers_are_found_from_below() {
    let Some(bind) = Bind::start().await else { return };
    let resolvers = Resolvers::one(bind.address);
    let zone = zone::zone_of(&resolvers, &absolute("_acme-challenge.deep.below.example.com").unwrap())
        .await
        .unwrap();
    assert_eq!(zone, absolute("example.com").unwrap());
    let servers = zone::authoritative_servers(&resolvers, &zone).await.unwrap();
    assert_eq!(servers, [SocketAddr::from(([127, 0, 0, 1], 53))]);
}
