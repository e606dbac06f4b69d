//! An EST client of the bare minimum (RFC 7030), as old ones are: HTTP/1.1 over TLS, one request for each connection, perhaps a client certificate.
//!
//! Gives the answer's head as it came over the wire, since clients with small buffers depend on it. For tests only.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a harness whose own set-up is wrong must stop at once"
)]

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, DnType, IsCa, KeyPair, SanType};
use rustls::client::{ResolvesClientCert, WantsClientCert};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ConfigBuilder, SignatureScheme};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::InternalCa;

/// The type of a request's body.
pub const PKCS10: (&str, &str) = ("Content-Type", "application/pkcs10");

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// The head, up to and with the empty line.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The value of a header, the first of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let line = |line: &&str| line.split(':').next().is_some_and(|word| word.eq_ignore_ascii_case(name));
        self.head.lines().find(line).and_then(|line| line.split_once(": ")).map(|(_, value)| value)
    }

    /// The certificates of a certs-only PKCS#7.
    ///
    /// # Panics
    /// If the body is none.
    #[must_use]
    pub fn certificates(&self) -> Vec<CertificateDer<'static>> {
        let der = STANDARD.decode(&self.body).expect("the body is base64 in one line");
        // ContentInfo: type, [0] SignedData: version, digests, content, [0] certificates, signers.
        let content = parts(parts(&der)[0].1)[1].1;
        let signed = parts(parts(content)[0].1);
        assert_eq!((signed.len(), signed[4].1.len()), (5, 0), "no signers and no lists");
        parts(signed[3].1).iter().map(|part| CertificateDer::from(part.0.to_vec())).collect()
    }
}

/// The elements of a DER sequence's content: whole, and their content.
fn parts(mut input: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut found = Vec::new();
    while !input.is_empty() {
        let first = usize::from(input[1]);
        let (length, header) = match first {
            0..0x80 => (first, 2),
            _ => {
                let octets = &input[2..2 + (first & 0x7f)];
                (octets.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)), 2 + octets.len())
            }
        };
        found.push((&input[..header + length], &input[header..header + length]));
        input = &input[header + length..];
    }
    found
}

/// What a client shows of itself in TLS.
pub struct Identity<'a> {
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    /// Its key.
    pub key: &'a KeyPair,
}

/// A client without a certificate that keeps what it was asked for.
#[derive(Debug, Default)]
struct Hints(Mutex<Vec<Vec<u8>>>);

impl ResolvesClientCert for Hints {
    fn resolve(&self, hints: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        *self.0.lock().expect("nobody panicked") = hints.iter().map(|hint| hint.to_vec()).collect();
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// What a request says beside its key.
#[derive(Default)]
pub struct Wanted<'a> {
    /// The common name.
    pub common_name: Option<&'a str>,
    /// DNS names, and URNs.
    pub names: &'a [&'a str],
    /// Asks to be an authority.
    pub authority: bool,
    /// The challenge password.
    pub challenge_password: Option<&'a str>,
    /// An extension with this OID, critical.
    pub critical: Option<&'a [u64]>,
}

/// A fresh key.
///
/// # Panics
/// If none can be made.
#[must_use]
pub fn key() -> KeyPair {
    KeyPair::generate().expect("a key can be made")
}

/// A request, DER.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn request(key: &KeyPair, wanted: &Wanted<'_>) -> Vec<u8> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    if let Some(name) = wanted.common_name {
        parameters.distinguished_name.push(DnType::CommonName, name);
    }
    parameters.subject_alt_names = wanted
        .names
        .iter()
        .map(|name| match name.strip_prefix("urn:") {
            Some(_) => SanType::URI((*name).try_into().expect("ASCII")),
            None => SanType::DnsName((*name).try_into().expect("ASCII")),
        })
        .collect();
    if wanted.authority {
        parameters.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    }
    if let Some(oid) = wanted.critical {
        let mut extension = CustomExtension::from_oid_content(oid, vec![5, 0]);
        extension.set_criticality(true);
        parameters.custom_extensions.push(extension);
    }
    let attributes = wanted.challenge_password.map(|password| {
        let text = [&[0x0c, u8::try_from(password.len()).expect("short")], password.as_bytes()].concat();
        let values = [&[0x31, u8::try_from(text.len()).expect("short")], &text[..]].concat();
        rcgen::Attribute { oid: &[1, 2, 840, 113_549, 1, 9, 7], values }
    });
    let made = parameters.serialize_request_with_attributes(key, attributes.into_iter().collect());
    made.expect("a request can be made").der().to_vec()
}

impl InternalCa {
    /// Makes a machine account and activates it with `key`: its id and its token.
    ///
    /// # Panics
    /// If that does not succeed.
    pub async fn activated_for_est(&self, organisation: &str, key: &KeyPair) -> (String, String) {
        let code = self.device_code(organisation).await;
        let csr = STANDARD.encode(request(key, &Wanted::default()));
        let reply = self.post("devices/activate", None, &json!({"code": code["code"], "csr": csr})).await;
        assert_eq!(reply.status, 201, "{reply}");
        let answer = reply.json();
        let text = |key: &str| answer[key].as_str().expect("a text").to_owned();
        (text("account"), text("token"))
    }

    /// One request on a connection of its own.
    ///
    /// # Panics
    /// If the exchange breaks.
    pub async fn est(
        &self,
        identity: Option<&Identity<'_>>,
        line: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let builder = self.tls();
        let tls = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key.serialize_der()));
                builder.with_client_auth_cert(vec![identity.certificate.clone()], key).expect("they fit")
            }
        };
        let host = self.ca.host();
        let mut stream = self.connected(tls).await;
        let mut head = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        stream.write_all(&[head.as_bytes(), body].concat()).await.expect("it is sent");
        let mut read = Vec::new();
        // A server that refuses a long body early may cut the connection off; what it said before counts.
        let _ = stream.read_to_end(&mut read).await;
        let text = String::from_utf8(read).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("an answer");
        let status = head.get(9..12).and_then(|digits| digits.parse().ok()).expect("a status");
        Answer { status, head: format!("{head}\r\n\r\n"), body: body.to_owned() }
    }

    fn tls(&self) -> ConfigBuilder<ClientConfig, WantsClientCert> {
        let mut roots = rustls::RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(self.ca.tls_pem().as_bytes()).expect("PEM");
        roots.add(root).expect("a certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions are supported")
            .with_root_certificates(roots)
    }

    async fn connected(&self, tls: ClientConfig) -> TlsStream<TcpStream> {
        let tcp = TcpStream::connect(self.ca.running().address()).await.expect("the server listens");
        let name = ServerName::try_from(self.ca.host()).expect("a name");
        TlsConnector::from(Arc::new(tls)).connect(name, tcp).await.expect("TLS")
    }

    /// The names (DER) of which the server asks for a certificate in TLS.
    ///
    /// # Panics
    /// If there is no connection.
    pub async fn asked_for(&self) -> Vec<Vec<u8>> {
        let hints = Arc::new(Hints::default());
        let tls = self.tls().with_client_cert_resolver(hints.clone());
        drop(self.connected(tls).await);
        hints.0.lock().expect("nobody panicked").clone()
    }

    /// Posts a request for a certificate.
    pub async fn enroll(
        &self,
        identity: Option<&Identity<'_>>,
        operation: &str,
        authorization: Option<&str>,
        request: &[u8],
    ) -> Answer {
        let line = format!("POST /.well-known/est/{operation}");
        let mut headers = vec![PKCS10];
        headers.extend(authorization.map(|value| ("Authorization", value)));
        self.est(identity, &line, &headers, STANDARD.encode(request).as_bytes()).await
    }
}
