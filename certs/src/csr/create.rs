//! Making a request, for clients: the names as subject alternative names, an empty subject, signed by the key; or subject and names of a certificate as they are.
//!
//! Nothing else is asked for, since the authority's profile decides everything else.

use rcgen::{CertificateParams, DistinguishedName};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer as _;

use crate::asn1::{BIT_STRING, OCTET_STRING, SEQUENCE, object_identifier, tlv};
use crate::identifier::Identifier;
use crate::key::{KeyError, KeyKind, Signer, SigningKey};
use crate::leaf::alternative_name;

const SET: u8 = 0x31;
const BOOLEAN_TRUE: [u8; 3] = [1, 1, 0xff];
const INTEGER_0: [u8; 3] = [2, 1, 0];
/// `[0]`, constructed: the attributes of a request.
const CONTEXT_0: u8 = 0xa0;
const EXTENSION_REQUEST: [u64; 7] = [1, 2, 840, 113_549, 1, 9, 14];
const SUBJECT_ALTERNATIVE_NAME: [u64; 4] = [2, 5, 29, 17];

/// The DER of a request for these identifiers.
pub fn create_csr(key: &SigningKey, identifiers: &[Identifier]) -> Result<Vec<u8>, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names =
        identifiers.iter().map(alternative_name).collect::<Result<_, rcgen::Error>>()?;
    Ok(params.serialize_request(key)?.der().to_vec())
}

/// Why no request continues a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContinueError {
    /// It cannot be read.
    #[error("the certificate in use cannot be read")]
    Certificate,
    /// The new key does not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The DER of a request by `key` with the subject and the alternative names of a certificate, octet for octet (RFC 7030 §4.2.2).
///
/// # Errors
/// [`ContinueError`]
pub fn create_continuing_csr(key: &dyn Signer, certificate: &[u8]) -> Result<Vec<u8>, ContinueError> {
    let Ok(([], certificate)) = X509Certificate::from_der(certificate) else {
        return Err(ContinueError::Certificate);
    };
    let names = certificate
        .extensions()
        .iter()
        .find(|extension| matches!(extension.parsed_extension(), ParsedExtension::SubjectAlternativeName(_)));
    let attributes = names.map(|names| {
        let critical: &[u8] = if names.critical { &BOOLEAN_TRUE } else { &[] };
        let oid = object_identifier(&SUBJECT_ALTERNATIVE_NAME);
        let extension = tlv(SEQUENCE, &[&oid, critical, &tlv(OCTET_STRING, &[names.value])]);
        let requested = tlv(SET, &[&tlv(SEQUENCE, &[&extension])]);
        tlv(SEQUENCE, &[&object_identifier(&EXTENSION_REQUEST), &requested])
    });
    let information = tlv(
        SEQUENCE,
        &[
            &INTEGER_0,
            certificate.subject().as_raw(),
            key.public().spki_der(),
            &tlv(CONTEXT_0, &[attributes.as_deref().unwrap_or_default()]),
        ],
    );
    let algorithm: [u64; 7] = match key.public().kind() {
        KeyKind::P256 => [1, 2, 840, 10_045, 4, 3, 2],
        KeyKind::P384 => [1, 2, 840, 10_045, 4, 3, 3],
    };
    let signature = tlv(BIT_STRING, &[&[0], &key.sign(&information)?]);
    Ok(tlv(SEQUENCE, &[&information, &tlv(SEQUENCE, &[&object_identifier(&algorithm)]), &signature]))
}

#[cfg(test)]
mod tests {
    use rcgen::{DnType, IsCa, SanType};

    use super::*;
    use crate::csr::{Csr, continues};

    fn certificate(names: Vec<SanType>, common_name: Option<&str>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        if let Some(text) = common_name {
            params.distinguished_name.push(DnType::CommonName, text);
        }
        params.subject_alt_names = names;
        params.is_ca = IsCa::NoCa;
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn a_request_that_continues_a_certificate_has_its_names_and_the_new_key() {
        let urn = "urn:uuid:6fa2ed60-3f0b-4c6c-9f3c-2f6f2f0c9a11";
        for (names, subject) in [
            (
                vec![SanType::URI(urn.try_into().unwrap()), SanType::DnsName("a.test".try_into().unwrap())],
                Some("a.test"),
            ),
            (vec![SanType::URI(urn.try_into().unwrap())], None),
        ] {
            let held = certificate(names, subject);
            let key = SigningKey::generate(KeyKind::P256).unwrap();
            let request = create_continuing_csr(&key, &held).unwrap();
            let named = continues(&request, &held).unwrap();
            let (read, claimed) = Csr::parse_claiming(&request).unwrap();
            assert_eq!(read.identifiers(), named);
            assert_eq!(read.public_key().point(), key.public().point());
            assert_eq!(claimed.common_names, subject.into_iter().collect::<Vec<_>>());
        }
        let bare = certificate(Vec::new(), Some("nobody"));
        let key = SigningKey::generate(KeyKind::P256).unwrap();
        let request = create_continuing_csr(&key, &bare).unwrap();
        assert_eq!(continues(&request, &bare).unwrap(), []);
        assert_eq!(create_continuing_csr(&key, b"nonsense"), Err(ContinueError::Certificate));
    }
}
