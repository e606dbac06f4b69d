//! Encrypted key files (RFC 5958, RFC 8018 PBES2): written with scrypt and AES-256-CBC, read with any PBES2 scheme over AES.
//!
//! The cost is scrypt N = 2^14, r = 8, p = 1 (16 MiB), the largest that OpenSSL opens with its default memory limit. A wrong passphrase and a
//! damaged file cannot be told apart, and are not.

use pkcs8::der::{Decode as _, SecretDocument};
use pkcs8::pkcs5::{EncryptionScheme, pbes2, scrypt};
use pkcs8::{EncryptedPrivateKeyInfo, PrivateKeyInfo};

use super::{KeyError, Secret};

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
    let failed = || KeyError::Library { act: "encrypt a key" };
    // 32 octets is the length of an AES-256 key; the parameter is not written to the file.
    let cost = scrypt::Params::new(LOG_N, BLOCK_SIZE, PARALLEL, 32).map_err(|_| failed())?;
    let scheme = pbes2::Parameters::scrypt_aes256cbc(cost, &entropy.salt, &entropy.initialisation_vector)
        .map_err(|_| failed())?;
    let info = PrivateKeyInfo::from_der(pkcs8).map_err(|_| KeyError::NotPrivateKey)?;
    info.encrypt_with_params(scheme, passphrase.expose()).map_err(|_| failed())
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
