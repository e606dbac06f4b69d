//! PEM text (RFC 7468), as `certs` takes it apart for chains, requests and `inspect`.

use certs::inspect::{Inspected, inspect_pem};
use certs::pem::{Label, encode, parse_blocks, parse_certificates, parse_many};

use super::Outcome;
use super::support::{accepted_if, is_tame};

const LABELS: [Label; 6] = [
    Label::Certificate,
    Label::CertificateRequest,
    Label::Crl,
    Label::PrivateKey,
    Label::EncryptedPrivateKey,
    Label::PublicKey,
];

/// Every block that begins is read or the whole text is refused; blocks read the same when written again; keys are never looked
/// into; and nothing but certificates is a list of certificates.
pub fn check(input: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(input) else { return Outcome::Refused };
    let Ok(blocks) = parse_blocks(text) else {
        assert!(parse_certificates(text).is_err() && inspect_pem(text).is_err());
        return Outcome::Refused;
    };
    assert_eq!(blocks.len(), text.matches("-----BEGIN ").count(), "a block was passed over");
    for label in LABELS {
        let only = !blocks.is_empty()
            && blocks.iter().all(|(found, _)| {
                found == label.as_str()
                    || label == Label::CertificateRequest && found == "NEW CERTIFICATE REQUEST"
            });
        assert_eq!(parse_many(text, label).is_ok(), only, "{label}");
    }
    let known: Vec<(Label, &Vec<u8>)> = blocks
        .iter()
        .filter_map(|(found, der)| {
            LABELS.into_iter().find(|label| label.as_str() == found).map(|label| (label, der))
        })
        .collect();
    let written: String = known.iter().map(|(label, der)| encode(*label, der)).collect();
    let again = parse_blocks(&written).unwrap_or_default();
    assert_eq!(
        again,
        known.iter().map(|(label, der)| (label.as_str().to_owned(), (*der).clone())).collect::<Vec<_>>()
    );
    check_inspected(text, &blocks);
    accepted_if(!blocks.is_empty())
}

fn check_inspected(text: &str, blocks: &[(String, Vec<u8>)]) {
    let Ok(inspected) = inspect_pem(text) else { return };
    assert_eq!(inspected.len(), blocks.len());
    for ((label, _), found) in blocks.iter().zip(&inspected) {
        assert!(found.to_string().lines().all(is_tame), "{found}");
        let shown = !matches!(found, Inspected::Other { .. });
        assert!(!(shown && label.contains("KEY")), "a key was looked into");
    }
}
