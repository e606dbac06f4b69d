//! PKCS#7 that holds certificates and signs nothing: the "certs-only" answer of EST (RFC 7030 §4.1.3, RFC 5652 §5.1, RFC 5272 §4.1).
//!
//! The writer trusts its caller to give certificates: what is no DER is carried as it is. The reader trusts nobody, and gives octets of which it knows only
//! that they are DER sequences: what they say, and whether anybody vouches for them, is for others to see.

use rustls_pki_types::CertificateDer;

use crate::asn1::{Element, SEQUENCE, object_identifier, take_element, tlv};

/// Certificates that one message may hold: more than any authority has above a leaf.
const MOST: usize = 32;

const INTEGER: u8 = 0x02;
const SET: u8 = 0x31;
/// `[0]`, constructed: the content of a ContentInfo, and the certificates of SignedData.
const CONTEXT_0: u8 = 0xa0;

/// `[1]`: revocation lists of SignedData.
const CONTEXT_1: u8 = 0xa1;

const SIGNED_DATA: [u64; 7] = [1, 2, 840, 113_549, 1, 7, 2];

/// A SignedData with these certificates, in this order, without content and without signers.
#[must_use]
pub fn certs_only(certificates: &[CertificateDer<'_>]) -> Vec<u8> {
    let octets: Vec<&[u8]> = certificates.iter().map(AsRef::as_ref).collect();
    let signed_data = tlv(
        SEQUENCE,
        &[
            &tlv(INTEGER, &[&[1]]),
            &tlv(SET, &[]),
            &tlv(SEQUENCE, &[&object_identifier(&[1, 2, 840, 113_549, 1, 7, 1])]),
            &tlv(CONTEXT_0, &octets),
            &tlv(SET, &[]),
        ],
    );
    tlv(SEQUENCE, &[&object_identifier(&SIGNED_DATA), &tlv(CONTEXT_0, &[&signed_data])])
}

/// Why a message is no certs-only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Pkcs7Error {
    /// Lengths that are not said in front (X.690 §8.1.3.6).
    #[error("it is PKCS#7 in BER with indefinite lengths; only DER is read")]
    Indefinite,
    /// Another structure, or broken off.
    #[error("it is not a PKCS#7 SignedData")]
    NotSignedData,
    /// Something is signed.
    #[error("it is signed PKCS#7, not one that only carries certificates")]
    Signed,
    /// Something else stands where certificates belong.
    #[error("it carries something that is not an X.509 certificate")]
    NotCertificate,
    /// None is in it.
    #[error("it carries no certificate")]
    Empty,
    /// Too many are in it.
    #[error("it carries more than {MOST} certificates")]
    TooMany,
}

/// The certificates of a message that [`certs_only`] or anybody else wrote, in its order.
///
/// # Errors
/// [`Pkcs7Error`]
pub fn read_certs_only(der: &[u8]) -> Result<Vec<CertificateDer<'static>>, Pkcs7Error> {
    if let [SEQUENCE, 0x80, ..] = der {
        return Err(Pkcs7Error::Indefinite);
    }
    let (content_info, after) = expect(der, SEQUENCE)?;
    let (content_type, rest) = take(content_info.content)?;
    let (content, more) = expect(rest, CONTEXT_0)?;
    let (signed_data, beyond) = expect(content.content, SEQUENCE)?;
    let ended = after.is_empty() && more.is_empty() && beyond.is_empty();
    if !ended || content_type.whole != object_identifier(&SIGNED_DATA) {
        return Err(Pkcs7Error::NotSignedData);
    }
    let (_version, rest) = expect(signed_data.content, INTEGER)?;
    let (_digests, rest) = expect(rest, SET)?;
    let (_content, mut rest) = expect(rest, SEQUENCE)?;
    let mut certificates = Vec::new();
    loop {
        let (element, after) = take(rest)?;
        match element.tag {
            CONTEXT_0 => certificates = elements(element.content)?,
            CONTEXT_1 => {}
            SET if after.is_empty() && element.content.is_empty() => break,
            SET => return Err(Pkcs7Error::Signed),
            _ => return Err(Pkcs7Error::NotSignedData),
        }
        rest = after;
    }
    if certificates.is_empty() { Err(Pkcs7Error::Empty) } else { Ok(certificates) }
}

fn elements(mut input: &[u8]) -> Result<Vec<CertificateDer<'static>>, Pkcs7Error> {
    let mut found = Vec::new();
    while !input.is_empty() {
        let (element, rest) = take(input)?;
        if element.tag != SEQUENCE {
            return Err(Pkcs7Error::NotCertificate);
        }
        if found.len() == MOST {
            return Err(Pkcs7Error::TooMany);
        }
        found.push(CertificateDer::from(element.whole.to_vec()));
        input = rest;
    }
    Ok(found)
}

fn take(input: &[u8]) -> Result<(Element<'_>, &[u8]), Pkcs7Error> {
    take_element(input).ok_or(Pkcs7Error::NotSignedData)
}

fn expect(input: &[u8], tag: u8) -> Result<(Element<'_>, &[u8]), Pkcs7Error> {
    let (element, rest) = take(input)?;
    if element.tag == tag { Ok((element, rest)) } else { Err(Pkcs7Error::NotSignedData) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_everything_else_is_told_apart() {
        let many: Vec<CertificateDer<'_>> =
            (0..3u8).map(|n| CertificateDer::from(vec![0x30, 1, n])).collect();
        let written = certs_only(&many);
        assert_eq!(read_certs_only(&written).unwrap(), many);
        for cut in 0..written.len() {
            assert!(read_certs_only(&written[..cut]).is_err(), "cut at {cut}");
        }
        assert_eq!(read_certs_only(&[&written[..], &[0]].concat()), Err(Pkcs7Error::NotSignedData));
        assert_eq!(read_certs_only(&certs_only(&[])), Err(Pkcs7Error::Empty));
        assert_eq!(read_certs_only(&[0x30, 0x80, 0, 0]), Err(Pkcs7Error::Indefinite));
        let none = CertificateDer::from(vec![0xa1, 1, 0]);
        assert_eq!(read_certs_only(&certs_only(&[none])), Err(Pkcs7Error::NotCertificate));
        let crowd = vec![CertificateDer::from(vec![0x30, 0]); 33];
        assert_eq!(read_certs_only(&certs_only(&crowd)), Err(Pkcs7Error::TooMany));
        assert_eq!(read_certs_only(&many[0]), Err(Pkcs7Error::NotSignedData));
        let mut signed = certs_only(&many[..1]);
        // The empty set of signers becomes one with something in it, and every length above it grows by two.
        signed.extend([5, 0]);
        let end = signed.len() - 3;
        signed[end] = 2;
        for at in [1, 14, 16] {
            signed[at] += 2;
        }
        assert_eq!(read_certs_only(&signed), Err(Pkcs7Error::Signed));
    }

    #[test]
    fn the_shell_is_what_rfc_5652_says() {
        let one = CertificateDer::from(vec![0x30, 0x01, 0x55]);
        let written = certs_only(&[one]);
        let expected = [
            &[0x30, 0x28][..],
            &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02],
            &[0xa0, 0x1b, 0x30, 0x19, 0x02, 0x01, 0x01, 0x31, 0x00],
            &[0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01],
            &[0xa0, 0x03, 0x30, 0x01, 0x55, 0x31, 0x00],
        ]
        .concat();
        assert_eq!(written, expected);
    }

    #[test]
    fn every_certificate_stands_in_it_in_order() {
        let many: Vec<CertificateDer<'_>> =
            (0..3u8).map(|n| CertificateDer::from(vec![0x30, 1, n])).collect();
        let written = certs_only(&many);
        assert!(written.windows(9).any(|window| window == [0x30, 1, 0, 0x30, 1, 1, 0x30, 1, 2]));
    }
}
