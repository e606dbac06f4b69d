//! PKCS#7 that holds certificates and signs nothing: the "certs-only" answer of EST (RFC 7030 §4.1.3, RFC 5652 §5.1, RFC 5272 §4.1).
//!
//! Only written, never read. Trusts its caller to give certificates: what is no DER is carried as it is.

use rustls_pki_types::CertificateDer;

use crate::asn1::{SEQUENCE, object_identifier, tlv};

const INTEGER: u8 = 0x02;
const SET: u8 = 0x31;
/// `[0]`, constructed: the content of a ContentInfo, and the certificates of SignedData.
const CONTEXT_0: u8 = 0xa0;

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
    tlv(SEQUENCE, &[&object_identifier(&[1, 2, 840, 113_549, 1, 7, 2]), &tlv(CONTEXT_0, &[&signed_data])])
}

#[cfg(test)]
mod tests {
    use super::*;

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
