//! EST with clients as they are: strongSwan's `pki --estca` and `pki --est`, and openssl with curl, enrol a device and enrol it again.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certs::inspect::inspect_certificate;
use certs::pem::parse_certificates;
use rollcall_tests::foreign;
use rollcall_tests::load::process::Server;
use serde_json::Value;

use crate::local::{Local, ZONE};
use crate::setting::ask;

/// A run that must succeed; gives its standard output.
#[track_caller]
fn output(program: &Path, arguments: &[&str]) -> Vec<u8> {
    let done = Command::new(program).args(arguments).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

/// A device on paper: a folder for its files, its account's code, and whose clients it has.
struct Device<'a> {
    local: &'a Local,
    openssl: PathBuf,
    curl: PathBuf,
}

impl<'a> Device<'a> {
    async fn new(local: &'a Local) -> Option<Self> {
        let (openssl, curl) = (foreign::program("openssl")?, foreign::program("curl")?);
        let server = &local.server;
        ask(server, &["org", "create", "Corp"]);
        let claimed = ask(server, &["org", "domain", "add", "Corp", ZONE]);
        let claim = &claimed["domains"][0];
        local.dns.set_txt(claim["record_name"].as_str().unwrap(), &[claim["record"].as_str().unwrap()]);
        ask(server, &["org", "domain", "verify", "Corp", ZONE]);
        ask(server, &["org", "prefer", "Corp", ZONE]);
        Some(Self { local, openssl, curl })
    }

    fn path(&self, name: &str) -> String {
        self.local.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    /// The root that vouches for the server's TLS.
    fn tls_root(&self) -> String {
        self.local.server.root("external").to_str().unwrap().to_owned()
    }

    fn url(&self, operation: &str) -> String {
        format!("{}/.well-known/est/{operation}", self.local.server.url)
    }

    /// curl with the server's root; gives the body of an answer of success.
    fn curl(&self, arguments: &[&str]) -> Vec<u8> {
        let root = self.tls_root();
        output(
            &self.curl,
            &[&["-sS", "--fail-with-body", "--http1.1", "--cacert", &root], arguments].concat(),
        )
    }

    /// A new key as a PEM file.
    fn key(&self, name: &str) -> String {
        let path = self.path(name);
        let wanted = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &path];
        output(&self.openssl, &wanted);
        path
    }

    /// A request by a key, DER, for the subject that a device of this organisation has.
    fn request(&self, key: &str, name: &str) -> String {
        let path = self.path(name);
        let subject = format!("/CN={ZONE}");
        output(
            &self.openssl,
            &["req", "-new", "-key", key, "-subj", &subject, "-outform", "DER", "-out", &path],
        );
        path
    }

    /// Types the activation code: the account's token.
    fn token(&self, request: &str) -> String {
        let code = ask(&self.local.server, &["device", "activate-code", "--organisation", "Corp"]);
        let csr = STANDARD.encode(std::fs::read(request).unwrap());
        let body = serde_json::json!({"code": code["code"], "csr": csr}).to_string();
        let url = format!("{}/internal/devices/activate", self.local.server.url);
        let said = self.curl(&["-H", "Content-Type: application/json", "-d", &body, &url]);
        serde_json::from_slice::<Value>(&said).unwrap()["token"].as_str().unwrap().to_owned()
    }

    /// The internal authority's certificates, as openssl reads them out of `cacerts`: a file that holds root and intermediate.
    fn authorities(&self) -> String {
        let answer = self.curl(&[&self.url("cacerts")]);
        self.certificates(&answer, "cacerts.pem")
    }

    /// What is in a certs-only answer, as openssl reads it, as a PEM file.
    fn certificates(&self, answer: &[u8], name: &str) -> String {
        let der = self.write(&format!("{name}.p7"), STANDARD.decode(answer).unwrap());
        let pem = output(&self.openssl, &["pkcs7", "-inform", "DER", "-in", &der, "-print_certs"]);
        self.write(name, pem)
    }

    /// openssl and we believe the certificate; gives its serial.
    #[track_caller]
    fn believed(&self, certificate: &str, authorities: &str) -> String {
        output(
            &self.openssl,
            &["verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", authorities, certificate],
        );
        let pem = std::fs::read_to_string(certificate).unwrap();
        let leaf = inspect_certificate(&parse_certificates(&pem).unwrap()[0]).unwrap();
        assert!(leaf.names.contains(&format!("dns:{ZONE}")), "{:?}", leaf.names);
        leaf.serial
    }
}

fn status(server: &Server, serial: &str) -> String {
    ask(server, &["certificates", "show", serial])["status"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_and_openssl_enrol_a_device_and_enrol_it_again() {
    let local = Local::start().await;
    let Some(device) = Device::new(&local).await else { return };
    let authorities = device.authorities();
    let (key, new_key) = (device.key("key.pem"), device.key("new-key.pem"));
    let request = device.request(&key, "request.der");
    let token = device.token(&request);
    let body = device.write("request.b64", STANDARD.encode(std::fs::read(&request).unwrap()));
    let (url, data) = (device.url("simpleenroll"), format!("@{body}"));
    let typed = ["-H", "Content-Type: application/pkcs10", "--data-binary", &data, &url];
    let bearer = format!("Authorization: Bearer {token}");
    let user = format!(":{token}");
    let mut serials = Vec::new();
    for shown in [["-H", &bearer], ["-u", &user]] {
        let answer = device.curl(&[&shown[..], &typed[..]].concat());
        serials.push(device.believed(&device.certificates(&answer, "certificate.pem"), &authorities));
    }
    let request = device.request(&new_key, "new-request.der");
    let body = device.write("new-request.b64", STANDARD.encode(std::fs::read(&request).unwrap()));
    let (url, data) = (device.url("internal/simplereenroll"), format!("@{body}"));
    let certificate = device.path("certificate.pem");
    let typed = ["-H", "Content-Type: application/pkcs10", "--data-binary", &data, &url];
    for version in ["1.2", "1.3"] {
        let held = ["--cert", &certificate, "--key", &key, "--tls-max", version];
        let answer = device.curl(&[&held[..], &typed[..]].concat());
        serials.push(device.believed(&device.certificates(&answer, "new.pem"), &authorities));
    }
    serials.sort();
    serials.dedup();
    assert_eq!(serials.len(), 4, "four certificates");
    assert!(serials.iter().all(|serial| status(&local.server, serial) == "issued"));
}

#[tokio::test(flavor = "multi_thread")]
async fn strongswan_enrols_a_device_and_enrols_it_again() {
    let Some(pki) = foreign::program("pki") else { return };
    let local = Local::start().await;
    let Some(device) = Device::new(&local).await else { return };
    let (root, url) = (device.tls_root(), local.server.url.clone());
    // The authorities' certificates: one file each, beside the template.
    let template = device.path("ca.pem");
    output(&pki, &["--estca", "--url", &url, "--cacert", &root, "--caout", &template, "--outform", "pem"]);
    let authorities = device.authorities();
    let written: Vec<String> = std::fs::read_dir(local.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
        .filter(|path| path.contains("/ca") && path.ends_with(".pem") && !path.ends_with("cacerts.pem"))
        .collect();
    assert!(written.len() >= 2, "root and intermediate: {written:?}");
    let mut trusted = vec!["--cacert", &root];
    for path in &written {
        trusted.extend(["--cacert", path]);
    }
    // A key and a request of its own making.
    let new_request = |name: &str| {
        let key = device.write(
            &format!("{name}-key.pem"),
            output(&pki, &["--gen", "--type", "ecdsa", "--size", "256", "--outform", "pem"]),
        );
        let subject = format!("CN={ZONE}");
        let request = output(&pki, &["--req", "--in", &key, "--dn", &subject]);
        (key, device.write(&format!("{name}.der"), request))
    };
    let (key, request) = new_request("swan");
    let user = format!(":{}", device.token(&request));
    // Old clients know no labels: a path of the address stands before `/.well-known`.
    for url in [url.clone(), format!("{url}/internal")] {
        let enroll = ["--est", "--url", &url, "--in", &request, "--userpass", &user, "--outform", "pem"];
        let answer = output(&pki, &[&enroll[..], &trusted[..]].concat());
        let certificate = device.write("swan.pem", answer);
        device.believed(&certificate, &authorities);
    }
    let certificate = device.path("swan.pem");
    let (_, request) = new_request("swan-next");
    let again =
        ["--est", "--url", &url, "--in", &request, "--cert", &certificate, "--key", &key, "--outform", "pem"];
    let answer = output(&pki, &[&again[..], &trusted[..]].concat());
    let next = device.write("swan-next.pem", answer);
    let serial = device.believed(&next, &authorities);
    assert_eq!(status(&local.server, &serial), "issued");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_waits_until_the_administrator_approves() {
    let local = Local::start().await;
    let Some(device) = Device::new(&local).await else { return };
    demand_approval(&local);
    let authorities = device.authorities();
    let request = device.request(&device.key("key.pem"), "request.der");
    let user = format!(":{}", device.token(&request));
    let body = device.write("request.b64", STANDARD.encode(std::fs::read(&request).unwrap()));
    let (url, data) = (device.url("simpleenroll"), format!("@{body}"));
    let typed = ["-u", &user, "-H", "Content-Type: application/pkcs10", "--data-binary", &data, &url];
    let head = device.curl(&[&["-D", "-", "-o", "/dev/null"][..], &typed[..]].concat());
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 202") && head.contains("retry-after: 120"), "{head}");
    let waiting = ask(&local.server, &["approvals", "list"]);
    let id = waiting["items"][0]["id"].as_str().unwrap();
    assert_eq!(ask(&local.server, &["approvals", "approve", id])["decision"], "approved");
    let answer = device.curl(&typed);
    let serial = device.believed(&device.certificates(&answer, "certificate.pem"), &authorities);
    assert_eq!(ask(&local.server, &["approvals", "list"])["items"][0]["issued"], serial);
    // The same request again is the same certificate.
    let again = device.curl(&typed);
    assert_eq!(device.believed(&device.certificates(&again, "again.pem"), &authorities), serial);
}

/// Certificates of devices wait for an administrator from now on.
fn demand_approval(local: &Local) {
    let profile = local.server.folder.join("policy/profiles/internal-device.toml");
    let text = std::fs::read_to_string(&profile).unwrap();
    std::fs::write(&profile, text.replace("needs-approval = false", "needs-approval = true")).unwrap();
    ask(&local.server, &["policy", "reload"]);
}

/// A client that was told to wait, and does.
struct Waiting {
    child: Child,
    said: BufReader<std::process::ChildStderr>,
}

impl Waiting {
    /// Starts strongSwan's client and reads on until it says that it waits.
    #[track_caller]
    fn start(pki: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(pki);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut told = String::new();
        while !told.contains("request pending, polling every 1 second") {
            assert!(said.read_line(&mut told).unwrap() > 0, "it ended before it waited:\n{told}");
        }
        Self { child, said }
    }

    /// Whether it ended well, what it wrote, and what it said.
    fn end(mut self) -> (bool, Vec<u8>, String) {
        let (mut written, mut told) = (Vec::new(), String::new());
        self.said.read_to_string(&mut told).unwrap();
        self.child.stdout.take().unwrap().read_to_end(&mut written).unwrap();
        (self.child.wait().unwrap().success(), written, told)
    }
}

/// strongSwan asks no sooner than the server says, so the server says a second.
#[tokio::test(flavor = "multi_thread")]
async fn strongswan_asks_again_by_itself_until_the_administrator_has_decided() {
    let Some(pki) = foreign::program("pki") else { return };
    let local = Local::start_with(&[("#approval_poll = \"2min\"", "approval_poll = \"1s\"")]).await;
    let Some(device) = Device::new(&local).await else { return };
    demand_approval(&local);
    let authorities = device.authorities();
    let (root, url) = (device.tls_root(), local.server.url.clone());
    let mut trusted = vec!["--cacert", &root];
    let split: Vec<String> = std::fs::read_to_string(&authorities)
        .unwrap()
        .split_inclusive("-----END CERTIFICATE-----\n")
        .enumerate()
        .map(|(number, pem)| device.write(&format!("authority-{number}.pem"), pem))
        .collect();
    split.iter().filter(|path| std::fs::read_to_string(path).unwrap().contains("BEGIN")).for_each(|path| {
        trusted.extend(["--cacert", path.as_str()]);
    });
    for (decision, patience, serves) in
        [("approve", "120", true), ("deny", "120", false), ("approvals are too late", "2", false)]
    {
        let request = device.request(&device.key("key.pem"), "request.der");
        let user = format!(":{}", device.token(&request));
        let asking = ["--est", "--url", &url, "--in", &request, "--userpass", &user, "--outform", "pem"];
        let polling = ["--interval", "1", "--maxpolltime", patience];
        let waiting = Waiting::start(&pki, &[&asking[..], &polling, &trusted].concat());
        let items = ask(&local.server, &["approvals", "list"])["items"].clone();
        let pending = items.as_array().unwrap().iter().find(|item| item["decision"] == "pending").unwrap();
        let id = pending["id"].as_str().unwrap();
        if patience == "120" {
            ask(&local.server, &["approvals", decision, id]);
        }
        let (success, written, told) = waiting.end();
        assert_eq!(success, serves, "{decision}: {told}");
        if serves {
            let serial = device.believed(&device.write("polled.pem", written), &authorities);
            assert_eq!(status(&local.server, &serial), "issued");
        } else {
            assert!(written.is_empty(), "{decision}: {told}");
        }
    }
}
