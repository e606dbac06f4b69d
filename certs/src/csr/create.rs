//! Making a request, for clients: the names as subject alternative names, an empty subject, signed by the key.
//!
//! Nothing else is asked for, since the authority's profile decides everything else.

use rcgen::{CertificateParams, DistinguishedName};

use crate::identifier::Identifier;
use crate::key::SigningKey;
use crate::leaf::alternative_name;

/// The DER of a request for these identifiers.
pub fn create_csr(key: &SigningKey, identifiers: &[Identifier]) -> Result<Vec<u8>, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names =
        identifiers.iter().map(alternative_name).collect::<Result<_, rcgen::Error>>()?;
    Ok(params.serialize_request(key)?.der().to_vec())
}
