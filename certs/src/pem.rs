//! PEM text (RFC 7468): certificates, requests and revocation lists in and out. Keys have their own code in [`crate::key`].
//!
//! Decides which blocks of a file are taken. Text that is not PEM, or a block of another kind, is an error with its label, so that a key
//! pasted where a chain belongs is noticed and not skipped.

use std::fmt;

use pem::{EncodeConfig, LineEnding, Pem};
use rustls_pki_types::CertificateDer;

/// Why a text could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// A block is broken.
    #[error("broken PEM: {detail}")]
    Broken {
        /// What the parser says.
        detail: String,
    },
    /// No block at all.
    #[error("no PEM block found; expected \"-----BEGIN {expected}-----\"")]
    Nothing {
        /// The label that was looked for.
        expected: Label,
    },
    /// A block of another kind.
    #[error("found a PEM block {found:?} where {expected} was expected")]
    Unexpected {
        /// The label in the file.
        found: String,
        /// The label that was looked for.
        expected: Label,
    },
}

/// The kinds of block that this product writes and reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Label {
    /// A certificate.
    Certificate,
    /// A PKCS#10 request.
    CertificateRequest,
    /// A revocation list.
    Crl,
    /// An unencrypted PKCS#8 key.
    PrivateKey,
    /// An encrypted PKCS#8 key.
    EncryptedPrivateKey,
    /// A public key.
    PublicKey,
}

impl Label {
    /// The text between `BEGIN` and the dashes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "CERTIFICATE",
            Self::CertificateRequest => "CERTIFICATE REQUEST",
            Self::Crl => "X509 CRL",
            Self::PrivateKey => "PRIVATE KEY",
            Self::EncryptedPrivateKey => "ENCRYPTED PRIVATE KEY",
            Self::PublicKey => "PUBLIC KEY",
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const BEGIN: &str = "-----BEGIN ";

/// One block.
pub fn encode(label: Label, der: &[u8]) -> String {
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
    pem::encode_config(&Pem::new(label.as_str(), der), config)
}

/// A chain, in the order given; ACME wants the leaf first (RFC 8555 §9.1).
pub fn encode_chain<C: AsRef<[u8]>>(chain: &[C]) -> String {
    chain.iter().map(|certificate| encode(Label::Certificate, certificate.as_ref())).collect()
}

/// Every certificate of a text; at least one, and nothing else.
pub fn parse_certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, PemError> {
    Ok(parse_many(text, Label::Certificate)?.into_iter().map(CertificateDer::from).collect())
}

/// Every block of one kind; at least one, and nothing else.
pub fn parse_many(text: &str, expected: Label) -> Result<Vec<Vec<u8>>, PemError> {
    let blocks = parse_blocks(text)?;
    if blocks.is_empty() {
        return Err(PemError::Nothing { expected });
    }
    blocks
        .into_iter()
        .map(|(found, der)| {
            let same = found == expected.as_str()
                || (expected == Label::CertificateRequest && found == "NEW CERTIFICATE REQUEST");
            if same { Ok(der) } else { Err(PemError::Unexpected { found, expected }) }
        })
        .collect()
}

/// Every block with its label, in order; text between blocks is skipped. May be empty.
pub fn parse_blocks(text: &str) -> Result<Vec<(String, Vec<u8>)>, PemError> {
    let blocks = pem::parse_many(text).map_err(|fault| PemError::Broken { detail: fault.to_string() })?;
    // Other readers pass over a BEGIN within a line, and would see another chain (RFC 7468 §3).
    let within = |at: &usize| {
        text.get(..*at).is_some_and(|before| !before.is_empty() && !before.ends_with(['\n', '\r']))
    };
    if text.match_indices(BEGIN).any(|(at, _)| within(&at)) {
        return Err(PemError::Broken { detail: "a block begins within a line".to_owned() });
    }
    // The parser stops silently at a BEGIN without END.
    let begun = text.matches(BEGIN).count();
    if begun != blocks.len() {
        return Err(PemError::Broken {
            detail: format!("{begun} blocks begin, {} are complete", blocks.len()),
        });
    }
    Ok(blocks.into_iter().map(|block| (block.tag().to_owned(), block.into_contents())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_round_trips_in_order() {
        let text = encode_chain(&[vec![1u8; 70], vec![2u8; 3]]);
        assert_eq!(text.matches("-----BEGIN CERTIFICATE-----\n").count(), 2);
        assert!(!text.contains('\r'));
        let back = parse_certificates(&format!("a comment\n{text}")).unwrap();
        assert_eq!(back.iter().map(|c| c.to_vec()).collect::<Vec<_>>(), [vec![1u8; 70], vec![2u8; 3]]);
    }

    #[test]
    fn a_key_among_certificates_is_an_error() {
        let text = encode(Label::Certificate, &[1]) + &encode(Label::PrivateKey, &[2]);
        let expected = PemError::Unexpected { found: "PRIVATE KEY".into(), expected: Label::Certificate };
        assert_eq!(parse_certificates(&text), Err(expected));
    }

    #[test]
    fn nothing_and_half_a_block_are_errors() {
        assert_eq!(parse_certificates("hello"), Err(PemError::Nothing { expected: Label::Certificate }));
        let text = encode(Label::Certificate, &[1; 100]);
        let cut = &text[..text.len() - 20];
        assert!(matches!(parse_certificates(cut), Err(PemError::Broken { .. })));
    }

    #[test]
    fn a_block_that_begins_within_a_line_is_an_error() {
        let block = encode(Label::Certificate, &[1]);
        for text in [format!("x{block}"), format!("{block} {block}")] {
            assert!(matches!(parse_certificates(&text), Err(PemError::Broken { .. })), "{text}");
        }
        assert_eq!(parse_certificates(&format!("x\r\n{}", block.replace('\n', "\r\n"))).unwrap().len(), 1);
    }

    #[test]
    fn the_old_request_label_is_accepted() {
        let text = encode(Label::CertificateRequest, &[9]).replace("CERTIFICATE REQ", "NEW CERTIFICATE REQ");
        assert_eq!(parse_many(&text, Label::CertificateRequest).unwrap(), [vec![9]]);
    }
}
