//! Certificate keys and signing requests (RFC 2986).
//!
//! The request names exactly the names of the order and nothing else; the authority takes no more than its public key.

use certs::key::{KeyError, RequestError, sign_request};
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, SanType};
use tokens::TokenError;
use zeroize::Zeroizing;

use super::keys::{HeldKey, apart};
use crate::{
    acme::{Identifier, IdentifierType},
    state::KeyType,
};

/// Why a key or request could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CsrError {
    /// The cryptographic library refused.
    #[error("cannot make a key or signing request: {0}")]
    Crypto(#[from] rcgen::Error),
    /// The key cannot be read, or does not sign.
    #[error("cannot use the key: {0}")]
    Key(#[from] KeyError),
    /// The key is in a token, and cannot be made or used there.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// An identifier of a type that this agent orders no certificates for.
    #[error("no signing request can be made for {0}")]
    Identifier(Identifier),
}

impl From<RequestError> for CsrError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Encoder(error) => error.into(),
            RequestError::Key(error) => error.into(),
        }
    }
}

/// A new private key as PKCS#8 PEM.
pub(super) fn new_key(kind: KeyType) -> Result<Zeroizing<String>, CsrError> {
    let algorithm = match kind {
        KeyType::P256 => &PKCS_ECDSA_P256_SHA256,
    };
    Ok(Zeroizing::new(KeyPair::generate_for(algorithm)?.serialize_pem()))
}

/// A signing request (DER) for these identifiers with this key: PEM, or the URI of one in a token, for which it waits.
pub fn signing_request(identifiers: &[Identifier], key: &str) -> Result<Vec<u8>, CsrError> {
    let key = HeldKey::open(key)?;
    let mut parameters = CertificateParams::default();
    for identifier in identifiers {
        let value = identifier.value.as_str();
        parameters.subject_alt_names.push(match identifier.kind {
            IdentifierType::Dns => SanType::DnsName(value.try_into()?),
            IdentifierType::Email => SanType::Rfc822Name(value.try_into()?),
            IdentifierType::Ip | IdentifierType::Other(_) => {
                return Err(CsrError::Identifier(identifier.clone()));
            }
        });
    }
    parameters.distinguished_name = DistinguishedName::new();
    Ok(sign_request(&parameters, key.signer())?)
}

/// The same, on a thread that may wait for a token.
pub(super) async fn request(identifiers: &[Identifier], key: &str) -> Result<Vec<u8>, CsrError> {
    let (identifiers, key) = (identifiers.to_vec(), Zeroizing::new(key.to_owned()));
    apart(move || signing_request(&identifiers, &key)).await
}

/// The public half of a private key, as a SubjectPublicKeyInfo.
pub(super) fn public_key_der(key: &str) -> Result<Vec<u8>, CsrError> {
    Ok(HeldKey::open(key)?.public().spki_der().to_vec())
}

#[cfg(test)]
mod tests {
    use certs::csr::Csr;

    use super::*;

    #[test]
    fn a_request_names_the_identifiers_of_the_order_and_nothing_else() {
        let key = new_key(KeyType::P256).unwrap();
        let wanted = [Identifier::dns("room-1.test"), Identifier::email("bob@example.com")];
        let request = Csr::parse(&signing_request(&wanted, &key).unwrap()).unwrap();
        let named: Vec<String> =
            request.identifiers().iter().map(certs::identifier::Identifier::value).collect();
        assert_eq!(named, ["room-1.test", "bob@example.com"]);
        let other = Identifier { kind: IdentifierType::Ip, value: "127.0.0.1".to_owned() };
        assert!(matches!(signing_request(&[other], &key), Err(CsrError::Identifier(_))));
    }
}
