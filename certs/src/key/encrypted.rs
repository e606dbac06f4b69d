//! Encrypted key files (RFC 5958, RFC 8018 PBES2): written with scrypt and AES-256-CBC, read with any PBES2 scheme over AES.
//!
//! The cost is scrypt N = 2^14, r = 8, p = 1 (16 MiB), the largest that OpenSSL opens with its default memory limit. A wrong passphrase and a
//! damaged file cannot be told apart, and are not. Other secrets than keys are sealed in the same envelope, with their digest in front.

use pkcs8::der::{Decode as _, Encode as _, SecretDocument};
use pkcs8::pkcs5::{EncryptionScheme, pbes2, scrypt};
use pkcs8::{EncryptedPrivateKeyInfo, PrivateKeyInfo};
use zeroize::Zeroizing;

use super::{KeyError, Secret};
use crate::asn1::sha256;

const LOG_N: u8 = 14;
const BLOCK_SIZE: u32 = 8;
const PARALLEL: u32 = 1;

/// Random octets for one encryption: salt and initialisation vector. Never use the same ones twice.
#[derive(Clone, Copy)]
pub struct EncryptionEntropy {
    salt: [u8; 16],
    initialisation_vector: [u8; 16],
}

impl EncryptionEntropy {
    /// Takes the two halves of 32 random octets.
    pub fn new(octets: [u8; 32]) -> Self {
        let mut parts = Self { salt: [0; 16], initialisation_vector: [0; 16] };
        let (salt, vector) = octets.split_at(16);
        parts.salt.copy_from_slice(salt);
        parts.initialisation_vector.copy_from_slice(vector);
        parts
    }
}

pub(super) fn encrypt(
    pkcs8: &[u8],
    passphrase: &Secret,
    entropy: &EncryptionEntropy,
) -> Result<SecretDocument, KeyError> {
    if passphrase.is_empty() {
        return Err(KeyError::EmptyPassphrase);
    }
    let info = PrivateKeyInfo::from_der(pkcs8).map_err(|_| KeyError::NotPrivateKey)?;
    let failed = |_| KeyError::Library { act: "encrypt a key" };
    info.encrypt_with_params(scheme(entropy)?, passphrase.expose()).map_err(failed)
}

/// How everything is encrypted.
fn scheme(entropy: &EncryptionEntropy) -> Result<pbes2::Parameters<'_>, KeyError> {
    let failed = || KeyError::Library { act: "set up an encryption" };
    // 32 octets is the length of an AES-256 key; the parameter is not written to the file.
    let cost = scrypt::Params::new(LOG_N, BLOCK_SIZE, PARALLEL, 32).map_err(|_| failed())?;
    pbes2::Parameters::scrypt_aes256cbc(cost, &entropy.salt, &entropy.initialisation_vector)
        .map_err(|_| failed())
}

/// Encrypts any secret octets: the envelope of an encrypted key (RFC 5958), with the SHA-256 of the octets and the octets inside.
///
/// # Errors
/// If the passphrase is empty, or the library fails.
pub fn seal(octets: &[u8], passphrase: &Secret, entropy: &EncryptionEntropy) -> Result<Vec<u8>, KeyError> {
    if passphrase.is_empty() {
        return Err(KeyError::EmptyPassphrase);
    }
    let failed = || KeyError::Library { act: "encrypt a secret" };
    let inside = Zeroizing::new([sha256(octets).as_slice(), octets].concat());
    let scheme = scheme(entropy)?;
    let encrypted = scheme.encrypt(passphrase.expose(), &inside).map_err(|_| failed())?;
    let envelope =
        EncryptedPrivateKeyInfo { encryption_algorithm: scheme.into(), encrypted_data: &encrypted };
    envelope.to_der().map_err(|_| failed())
}

/// Opens what [`seal`] made.
///
/// # Errors
/// If the passphrase is another one or the octets are damaged, which cannot be told apart.
pub fn unseal(der: &[u8], passphrase: &Secret) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let envelope = EncryptedPrivateKeyInfo::from_der(der).map_err(|_| KeyError::Encryption)?;
    check_cost(&envelope.encryption_algorithm)?;
    let opened = envelope.encryption_algorithm.decrypt(passphrase.expose(), envelope.encrypted_data);
    let inside = Zeroizing::new(opened.map_err(|_| KeyError::WrongPassphrase)?);
    let (digest, octets) = inside.split_first_chunk::<32>().ok_or(KeyError::WrongPassphrase)?;
    if sha256(octets).as_slice() == digest {
        Ok(Zeroizing::new(octets.to_vec()))
    } else {
        Err(KeyError::WrongPassphrase)
    }
}

pub(super) fn decrypt(der: &[u8], passphrase: &Secret) -> Result<SecretDocument, KeyError> {
    let info = EncryptedPrivateKeyInfo::from_der(der).map_err(|_| KeyError::Encryption)?;
    check_cost(&info.encryption_algorithm)?;
    info.decrypt(passphrase.expose()).map_err(|_| KeyError::WrongPassphrase)
}

/// A key file is an operator's own, yet one with absurd cost parameters should not take the machine down.
fn check_cost(scheme: &EncryptionScheme<'_>) -> Result<(), KeyError> {
    let EncryptionScheme::Pbes2(parameters) = scheme else {
        return Err(KeyError::Encryption);
    };
    let acceptable = match &parameters.kdf {
        pbes2::Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count <= 10_000_000,
        pbes2::Kdf::Scrypt(scrypt) => {
            scrypt.cost_parameter <= 1 << 20
                && u64::from(scrypt.block_size) * u64::from(scrypt.parallelization) <= 64
        }
        _ => false,
    };
    if acceptable { Ok(()) } else { Err(KeyError::Encryption) }
}
