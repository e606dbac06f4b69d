//! A downloaded chain (`application/pem-certificate-chain`, RFC 8555 §9.1), as `acme-client` reads it before it keeps it.

use acme_client::acme::certificate::parse_chain;
use acme_client::state::Issued;
use certs::pem::{encode_chain, parse_certificates};
use rustls_pki_types::CertificateDer;

use super::Outcome;

/// A chain that is taken is kept as it came, has one to sixteen certificates, holds no key, and is read alike by the strict reader
/// of `certs`, which judges it later.
pub fn check(input: &[u8]) -> Outcome {
    let Ok((text, chain)) = parse_chain(input) else { return Outcome::Refused };
    assert_eq!(text.as_bytes(), input, "kept as it came");
    assert!((1..=16).contains(&chain.len()));
    assert!(!text.contains("PRIVATE KEY-----\n"), "a key among certificates must be refused");
    let written = encode_chain(&chain);
    assert_eq!(parse_chain(written.as_bytes()).map(|(_, again)| again).as_ref(), Ok(&chain));
    if let Ok(strict) = parse_certificates(&text) {
        assert_eq!(strict, chain, "two readers, two chains");
    }
    check_split(&text, &chain);
    Outcome::Accepted
}

/// The agent keeps the leaf and the rest in two files; together they are the chain that was downloaded.
fn check_split(text: &str, chain: &[CertificateDer<'static>]) {
    let Some(issued) = Issued::from_chain(text, String::new().into()) else {
        unreachable!("a chain that has a certificate has a leaf");
    };
    let read = |part: &str| parse_chain(part.as_bytes()).map(|(_, found)| found).unwrap_or_default();
    let (leaf, rest) = (read(issued.certificate()), read(issued.chain()));
    assert_eq!((leaf.len(), [leaf, rest].concat()), (1, chain.to_vec()), "the leaf is the first certificate");
}
