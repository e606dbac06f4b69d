//! `Security Certificates Services Show` and `WebexIdentity Show`: what is there, never a key.

use aws_lc_rs::rsa::PublicEncryptingKey;
use certs::inspect::inspect_certificate;
use device_jwe::Fingerprint;
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::material::spki;
use super::store::sha256_hex;
use super::{Entry, Vault};
use crate::room::xapi::schema::{Command, PURPOSES};
use crate::room::xapi::{Node, Refusal};

/// `Aug 08 03:04:26 2023 GMT`, as OpenSSL prints it.
const MOMENT: &[BorrowedFormatItem<'_>] =
    format_description!("[month repr:short] [day] [hour]:[minute]:[second] [year] GMT");

/// `Services Show`.
///
/// # Errors
/// None at present.
pub fn show(vault: &Vault, command: &Command) -> Result<Node, Refusal> {
    let filter = command.choice("Filter");
    let sha256 = command.choice("FingerprintAlgorithm") == Some("SHA-256");
    let pem = command.choice("Format") == Some("PEM");
    let wanted = |entry: &&Entry| filter.is_none_or(|purpose| entry.purposes.contains(purpose));
    let details = vault.entries().map(|(_, entry)| entry).filter(wanted).filter_map(|entry| {
        let mut details = if pem { in_pem(&entry.chain, sha256)? } else { in_words(entry.leaf()?, sha256)? };
        let used: Vec<_> = PURPOSES.iter().filter(|purpose| entry.purposes.contains(**purpose)).collect();
        let used = used.iter().map(|purpose| shown_purpose(purpose)).collect::<Vec<_>>().join(", ");
        details.push("UsedFor", Node::leaf(used));
        Some(details)
    });
    Ok(listed(details, pem))
}

/// `WebexIdentity Show`: the roots that are trusted for identities.
#[must_use]
pub fn roots<'a>(
    roots: impl Iterator<Item = (&'a str, &'a CertificateDer<'static>)>,
    command: &Command,
) -> Node {
    let filter = command.choice("Filter");
    let pem = command.choice("Format") == Some("PEM");
    let wanted = roots.filter(|(kind, _)| filter.is_none_or(|filter| filter == *kind));
    let details = wanted.filter_map(|(kind, root)| {
        let mut details =
            if pem { in_pem(std::slice::from_ref(root), false)? } else { in_words(root, false)? };
        details.push("Kind", Node::leaf(kind));
        Some(details)
    });
    listed(details, pem)
}

fn listed(details: impl Iterator<Item = Node>, pem: bool) -> Node {
    let details: Vec<_> = details.collect();
    let mut node = Node::empty();
    if !details.is_empty() {
        node.push("Details", Node::list(details));
    }
    node.push("Format", Node::leaf(if pem { "PEM" } else { "Text" }));
    node
}

/// As the devices spell it in this one place.
fn shown_purpose<'a>(purpose: &'a &'a str) -> &'a str {
    if *purpose == "HTTPS" { "HTTPS server" } else { purpose }
}

fn fingerprint(der: &[u8], sha256: bool) -> String {
    if sha256 { sha256_hex(der) } else { Fingerprint::of(der).to_string() }
}

fn in_pem(chain: &[CertificateDer<'static>], sha256: bool) -> Option<Node> {
    Some(Node::leaves([
        ("Certificate", certs::pem::encode_chain(chain)),
        ("Fingerprint", fingerprint(chain.first()?, sha256)),
    ]))
}

fn in_words(der: &CertificateDer<'_>, sha256: bool) -> Option<Node> {
    let report = inspect_certificate(der).ok()?;
    Some(Node::leaves([
        ("Fingerprint", fingerprint(der, sha256)),
        ("HashingAlgorithm", report.signature_algorithm.clone()),
        ("IssuerName", slashed(&report.issuer)),
        ("PublicKeySize", key_size(&report.key, der)),
        ("SerialNumber", report.serial.to_ascii_uppercase()),
        ("SignatureAlgorithm", key_algorithm(&report.key).to_owned()),
        ("SubjectName", slashed(&report.subject)),
        ("Version", "3".to_owned()),
        ("notAfter", moment(report.not_after)),
        ("notBefore", moment(report.not_before)),
    ]))
}

/// What the status says of one certificate of a chain.
#[must_use]
pub fn certificate_fields(der: &CertificateDer<'_>, validity: &str) -> Option<Node> {
    let report = inspect_certificate(der).ok()?;
    let primary =
        report.names.first().and_then(|name| name.split_once(':')).map(|(_, value)| value.to_owned());
    let names =
        report.names.iter().filter_map(|name| name.split_once(':')).map(|(_, value)| value.to_owned());
    let mut subjects: Vec<String> = names.collect();
    if subjects.is_empty() && !report.subject.is_empty() {
        subjects.push(report.subject.clone());
    }
    let mut node = Node::leaves([
        ("Fingerprint", Fingerprint::of(der).to_string()),
        ("NotAfter", moment(report.not_after)),
        ("NotBefore", moment(report.not_before)),
        ("PrimaryName", primary.unwrap_or_else(|| report.subject.clone())),
        ("PublicKeyAlgorithm", key_algorithm(&report.key).to_owned()),
        ("SerialNumber", report.serial.to_ascii_uppercase()),
        ("SignatureAlgorithm", report.signature_algorithm.clone()),
    ]);
    node.push("Subject", Node::list(subjects.into_iter().map(|name| Node::leaves([("Name", name)]))));
    node.push("Validity", Node::leaf(validity));
    Some(node)
}

/// `/C=US/O=Example/CN=host`.
fn slashed(name: &str) -> String {
    name.split(", ").filter(|part| !part.is_empty()).map(|part| format!("/{part}")).collect()
}

/// In bits; nothing for a key of a kind that nobody here reads.
fn key_size(key: &str, der: &CertificateDer<'_>) -> String {
    match key {
        "ECDSA P-256" | "Ed25519" => "256".to_owned(),
        "ECDSA P-384" => "384".to_owned(),
        "ECDSA P-521" => "521".to_owned(),
        "RSA" => {
            let read = spki(der).and_then(|spki| PublicEncryptingKey::from_der(&spki).ok());
            read.map(|key| key.key_size_bits().to_string()).unwrap_or_default()
        }
        _ => String::new(),
    }
}

fn key_algorithm(key: &str) -> &str {
    match key {
        "RSA" => "rsaEncryption",
        ecdsa if ecdsa.starts_with("ECDSA") => "id-ecPublicKey",
        other => other,
    }
}

fn moment(at: OffsetDateTime) -> String {
    at.to_offset(time::UtcOffset::UTC).format(MOMENT).unwrap_or_default()
}
