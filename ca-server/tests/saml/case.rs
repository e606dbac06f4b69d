//! One case of the corpus: an honest response, what is done to it, and what must come of it. Read from a data file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_server::sso::person::Person;
use ca_server::sso::saml::{
    AttributeNames, Expected, SamlIdentityProvider, SamlRefusal, ServiceProvider, verify,
};
use serde::Deserialize;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::encrypt::{Envelope, encrypt};
use crate::parties::{ACS, IDP, NOW, PROVIDER, REQUEST, SP, identity_provider, service_provider};
use crate::pieces::Pieces;
use crate::sign::{Style, sign};

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

/// One case.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Case {
    pub name: String,
    /// Which product's response, a file in `shapes/`.
    shape: String,
    /// Values of the response; a time is written as seconds from now (`+300`).
    set: BTreeMap<String, String>,
    /// Changes of the text before it is signed.
    before: Vec<Edit>,
    /// What is signed, `assertion` before `response`; by default the assertion.
    sign: Option<Vec<String>>,
    signature: Style,
    /// Where the response's signature differs from the assertion's.
    response_signature: Option<Style>,
    encrypt: Option<Envelope>,
    /// Changes of the text after it is signed.
    after: Vec<Edit>,
    /// The whole document, made of pieces of the signed one.
    document: String,
    /// How it is sent: base64 of UTF-8, unless something else is said.
    wire: String,
    /// Whose keys the provider's metadata names.
    metadata_keys: Option<Vec<String>>,
    metadata_valid_until: Option<String>,
    /// The attribute that holds the address.
    email_attribute: Option<String>,
    contexts: Vec<String>,
    /// Whether this side cannot decrypt.
    no_decryption_key: bool,
    /// What the response must be an answer to, if not to the usual request.
    outstanding: String,
    /// What must come of it.
    pub reason: String,
    /// Set for a case that must be accepted.
    pub person: Option<Wanted>,
}

/// A change of text.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    find: String,
    with: String,
    /// Write `with` so often.
    #[serde(default = "once")]
    times: usize,
}

fn once() -> usize {
    1
}

/// What an accepted response says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    pub email: String,
    #[serde(default)]
    pub groups: Vec<String>,
    pub display_name: Option<String>,
    pub context: Option<String>,
    pub subject: Option<String>,
}

/// Whom a case is about.
pub struct Relying {
    pub idp: SamlIdentityProvider,
    pub sp: ServiceProvider,
}

/// Where a response may not reach: addresses that this machine would notice.
#[derive(Clone, Debug, Default)]
pub struct Canaries {
    pub url: String,
    pub file: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/saml")
}

/// All cases of the files in a folder of the corpus.
pub fn read(name: &str) -> Vec<Case> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder().join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let parse = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        toml::from_str::<File>(&text).unwrap_or_else(|fault| panic!("{}: {fault}", path.display())).case
    };
    files.into_iter().flat_map(parse).collect()
}

impl Case {
    /// The value of the form field.
    pub fn form(&self, canaries: &Canaries) -> Vec<u8> {
        let unsigned = edited(&self.filled(canaries), &self.before, &Pieces::default());
        let mut text = self.signed(&unsigned);
        let pieces = Pieces::of(&text, &unsigned);
        if !self.document.is_empty() {
            text = pieces.fill(&self.document);
        }
        let text = canaries.fill(&edited(&text, &self.after, &pieces));
        on_the_wire(&text, &self.wire)
    }

    /// What the server makes of it.
    pub fn verify(&self, form: &[u8]) -> Result<Person, SamlRefusal> {
        let relying = self.relying();
        self.verify_as(form, &relying)
    }

    /// Provider and service provider of this case.
    pub fn relying(&self) -> Relying {
        let keys =
            self.metadata_keys.clone().unwrap_or_else(|| vec!["rsa".into(), "p256".into(), "p384".into()]);
        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
        let attributes = AttributeNames { email: self.email_attribute.clone(), ..AttributeNames::default() };
        let valid_until = self.metadata_valid_until.as_deref().map(instant);
        Relying {
            idp: identity_provider(&keys, valid_until.as_deref(), attributes),
            sp: service_provider(!self.no_decryption_key),
        }
    }

    /// What a server that knows these parties makes of it.
    pub fn verify_as(&self, form: &[u8], relying: &Relying) -> Result<Person, SamlRefusal> {
        let outstanding = if self.outstanding.is_empty() { REQUEST } else { &self.outstanding };
        let expected = Expected {
            provider: PROVIDER,
            request_id: outstanding,
            now: NOW,
            requested: NOW - Duration::seconds(90),
            skew: Duration::seconds(60),
            contexts: &self.contexts,
        };
        verify(form, &relying.idp, &relying.sp, &expected)
    }

    fn filled(&self, canaries: &Canaries) -> String {
        let shape = if self.shape.is_empty() { "plain" } else { &self.shape };
        let mut text =
            std::fs::read_to_string(folder().join("shapes").join(shape).with_extension("xml")).unwrap();
        text.truncate(text.trim_end().len());
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in DEFAULTS {
            values.insert((*name).to_owned(), (*value).to_owned());
        }
        for (name, value) in &self.set {
            assert!(values.insert(name.clone(), value.clone()).is_some(), "{}: no value {name}", self.name);
        }
        for (name, value) in &values {
            text = text.replace(&format!("${{{name}}}"), &instant(value));
        }
        canaries.fill(&text)
    }

    fn signed(&self, unsigned: &str) -> String {
        let signed = self.sign.clone().unwrap_or_else(|| vec!["assertion".into()]);
        let has = |name: &str| signed.iter().any(|one| one == name);
        let id = |name: &str| self.set.get(name).cloned().unwrap_or_else(|| default(name).to_owned());
        let mut text = unsigned.to_owned();
        if has("assertion") {
            text = sign(&text, &id("assertion_id"), &self.signature);
        }
        if let Some(envelope) = &self.encrypt {
            let assertion = Pieces::of(&text, unsigned).fill("{{assertion}}");
            text = text.replacen(&assertion, &encrypt(&assertion, envelope), 1);
        }
        if has("response") {
            let style = self.response_signature.as_ref().unwrap_or(&self.signature);
            text = sign(&text, &id("response_id"), style);
        }
        text
    }
}

impl Canaries {
    fn fill(&self, text: &str) -> String {
        text.replace("{{canary-url}}", &self.url).replace("{{canary-file}}", &self.file)
    }
}

/// What an honest response says.
const DEFAULTS: &[(&str, &str)] = &[
    ("response_id", "_8e8dc5f69a98cc4c1ff3427e5ce34606fd672f91e6"),
    ("assertion_id", "_d71a3a8e9fcc45c9e9d248ef7049393fc8f04e5f75"),
    ("request_id", REQUEST),
    ("confirmed_request_id", REQUEST),
    ("destination", ACS),
    ("recipient", ACS),
    ("audience", SP),
    ("issuer", IDP),
    ("response_issuer", IDP),
    ("status", "urn:oasis:names:tc:SAML:2.0:status:Success"),
    ("format", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"),
    ("name_id", "alice@example.com"),
    ("mail", "alice@example.com"),
    ("method", "urn:oasis:names:tc:SAML:2.0:cm:bearer"),
    ("issued", "-1"),
    ("issued_ms", "-1"),
    ("not_before", "-31"),
    ("not_on_or_after", "+299"),
    ("confirmation_end", "+299"),
    ("authn_instant", "-3"),
    ("session_end", "+28800"),
    ("context", "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"),
];

fn default(name: &str) -> &'static str {
    DEFAULTS.iter().find(|(known, _)| *known == name).map(|(_, value)| *value).unwrap()
}

/// `+300` as a time; anything else as it is.
fn instant(value: &str) -> String {
    let seconds =
        value.strip_prefix('+').or_else(|| value.strip_prefix('-')).and_then(|n| n.parse::<i64>().ok());
    let Some(seconds) = seconds else { return value.to_owned() };
    let offset = if value.starts_with('-') { -seconds } else { seconds };
    let time: OffsetDateTime = NOW + Duration::seconds(offset);
    time.format(&Rfc3339).unwrap()
}

fn edited(text: &str, edits: &[Edit], pieces: &Pieces) -> String {
    let mut text = text.to_owned();
    for edit in edits {
        let find = pieces.fill(&edit.find);
        assert!(text.contains(&find), "nothing to change: {}", find.get(..200).unwrap_or(&find));
        text = text.replacen(&find, &pieces.fill(&edit.with).repeat(edit.times), 1);
    }
    text
}

fn on_the_wire(text: &str, wire: &str) -> Vec<u8> {
    let utf16 = |text: &str| -> Vec<u8> {
        [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
    };
    let octets = match wire {
        "" => text.as_bytes().to_vec(),
        "raw" => return text.as_bytes().to_vec(),
        "lines" => {
            let base64 = STANDARD.encode(text);
            let lines: Vec<_> =
                base64.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
            return lines.join("\r\n").into_bytes();
        }
        "utf-16" => utf16(text),
        "utf-8 mark" => format!("\u{feff}{text}").into_bytes(),
        "latin-1" => [b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>", text.as_bytes()].concat(),
        "bad octet" => text
            .replace("alice@", "al\u{1}ice@")
            .bytes()
            .map(|octet| if octet == 1 { 0xc0 } else { octet })
            .collect(),
        "nul" => text.replacen("alice@", "alice\0@", 1).into_bytes(),
        "deflated" => deflated(text.as_bytes()),
        "deflate bomb" => deflated(&vec![b' '; 64 * 1024 * 1024]),
        other => panic!("no wire {other}"),
    };
    STANDARD.encode(octets).into_bytes()
}

fn deflated(octets: &[u8]) -> Vec<u8> {
    use std::io::Write as _;

    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}
