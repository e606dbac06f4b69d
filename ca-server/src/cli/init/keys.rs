//! The keys and certificates above the leaves: a P-384 root, encrypted, and a P-256 intermediate below it.

use certs::authority::{AuthorityRequest, AuthorityUrls, intermediate, root};
use certs::issuer::Issuer;
use certs::key::{EncryptionEntropy, KeyKind, Secret, SigningKey};
use certs::leaf::Validity;
use certs::pem;
use certs::serial::Serial;
use data_encoding::HEXLOWER;
use time::{Duration, OffsetDateTime};

use super::super::key_store::{self, KeyStore};
use super::{Draft, Failure, years};
use crate::ids::{AuthorityName, random_bytes};
use crate::sign::IssuerKey;

/// The file with an issuing key.
const IN_FILE: &str = "intermediate.key.pem";
/// The file with the name of one in a token.
const IN_TOKEN: &str = "intermediate.key.uri";
const ROOT_YEARS: i64 = 20;
const INTERMEDIATE_YEARS: i64 = 10;

/// The file that stands for an issuing key of this store.
pub(super) fn issuing_file(store: &KeyStore) -> &'static str {
    match store {
        KeyStore::File => IN_FILE,
        KeyStore::Token(_) | KeyStore::Unusable(_) => IN_TOKEN,
    }
}

/// What one authority is made from.
pub(super) struct Plan<'a> {
    pub(super) authority: &'a AuthorityName,
    pub(super) organisation: String,
    pub(super) now: OffsetDateTime,
}

/// Makes root and intermediate of one authority; gives the root's SHA-256.
pub(super) fn make(
    plan: &Plan<'_>,
    draft: &Draft,
    root_passphrase: &Secret,
    (key, passphrase): (&IssuerKey, Option<&Secret>),
) -> Result<String, Failure> {
    let name = plan.authority;
    let failed = |what: &str, error: &dyn std::fmt::Display| Failure::Making {
        what: format!("the {what} of authority {name}"),
        reason: error.to_string(),
    };
    let root_key = SigningKey::generate(KeyKind::P384).map_err(|error| failed("root key", &error))?;
    let root_der =
        root(&request(plan, "root", ROOT_YEARS)?, &root_key).map_err(|error| failed("root", &error))?;
    let issuer = Issuer::from_chain(vec![root_der.clone()]).map_err(|error| failed("root", &error))?;
    let issuing = intermediate(
        &request(plan, "issuing", INTERMEDIATE_YEARS)?,
        &AuthorityUrls::default(),
        key.public(),
        &issuer,
        &root_key,
    )
    .map_err(|error| failed("issuing certificate", &error))?;
    let encrypted = |key: &SigningKey, secret: &Secret| {
        let entropy = EncryptionEntropy::new(random_bytes().map_err(|error| failed("key file", &error))?);
        key.to_encrypted_pem(secret, entropy).map_err(|error| failed("key file", &error))
    };
    draft.file(&format!("roots/{name}.pem"), pem::encode_chain(&[&root_der]))?;
    draft
        .secret(&format!("offline/{name}.root.key.pem"), encrypted(&root_key, root_passphrase)?.as_bytes())?;
    draft.file(&format!("authorities/{name}/intermediate.pem"), pem::encode_chain(&[&issuing]))?;
    let (file, text) = match (key, passphrase) {
        (IssuerKey::File(key), Some(secret)) => (IN_FILE, encrypted(key, secret)?),
        (IssuerKey::File(key), None) => (IN_FILE, key.to_pem().map_err(|error| failed("key file", &error))?),
        (IssuerKey::Token(key), _) => (IN_TOKEN, key_store::uri_text(key.uri())),
    };
    draft.secret(&format!("authorities/{name}/{file}"), text.as_bytes())?;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &root_der);
    Ok(HEXLOWER.encode(digest.as_ref()))
}

fn request(plan: &Plan<'_>, what: &str, lifetime: i64) -> Result<AuthorityRequest, Failure> {
    let serial = random_bytes()
        .map_err(|error| Failure::Making { what: "a serial".into(), reason: error.to_string() })?;
    let organisation: String = plan.organisation.chars().take(64).collect();
    let short: String = organisation.chars().take(40).collect();
    Ok(AuthorityRequest {
        common_name: format!("{short} {} {what}", plan.authority).chars().take(64).collect(),
        organization: Some(organisation),
        serial: Serial::new(plan.now, serial),
        validity: Validity {
            not_before: plan.now.saturating_sub(Duration::minutes(5)),
            not_after: years(plan.now, lifetime),
        },
    })
}
