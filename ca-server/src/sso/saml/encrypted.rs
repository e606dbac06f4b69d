//! Reading an encrypted assertion: RSA-OAEP and AES-GCM, nothing else (XML encryption §5.2.4, §5.5.2; check 16).
//!
//! Decryption says nothing about who encrypted; the signature does, inside or over it. Which algorithms are named is public, so each wrong
//! one has its own word. From the private key's use on there is one word for every failure, and a key that could not be unwrapped still
//! costs an attempt to open the content.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512,
    OaepAlgorithm, OaepPrivateDecryptingKey, PrivateDecryptingKey,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use zeroize::Zeroizing;

use super::refusal::shown;
use super::xml::{self, ENCRYPTION, ENCRYPTION_11, Element, SIGNATURE};

const ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";
const OAEP_MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const OAEP_11: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
const GCM_128: &str = "http://www.w3.org/2009/xmlenc11#aes128-gcm";
const GCM_256: &str = "http://www.w3.org/2009/xmlenc11#aes256-gcm";

const NONCE: usize = 12;

/// Why an encrypted assertion cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncryptionFault {
    /// This service provider has no key for that.
    #[error("this service provider has no decryption key")]
    NoKey,
    /// It has other parts than it should.
    #[error("{0:?} does not belong there, or is missing")]
    Shape(String),
    /// Not exactly one wrapped key.
    #[error("it has {0} wrapped keys")]
    WrappedKeys(usize),
    /// The ciphertext would have to be fetched.
    #[error("its content lies elsewhere")]
    Reference,
    /// The content is not encrypted with AES-GCM.
    #[error("its content is encrypted with {0:?}, not with AES-GCM")]
    ContentAlgorithm(Option<String>),
    /// The key is not wrapped with RSA-OAEP, or with digests that are not supported.
    #[error("its key is wrapped with {0:?}, not with RSA-OAEP as supported")]
    KeyAlgorithm(Option<String>),
    /// It could not be decrypted. Which step failed is not said.
    #[error("it could not be decrypted")]
    Failed,
}

impl EncryptionFault {
    /// The stable word.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoKey => "no-decryption-key",
            Self::Shape(_) => "encryption-shape",
            Self::WrappedKeys(_) => "wrapped-keys",
            Self::Reference => "cipher-reference",
            Self::ContentAlgorithm(_) => "content-algorithm",
            Self::KeyAlgorithm(_) => "key-algorithm",
            Self::Failed => "decryption",
        }
    }
}

/// Why a decryption key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecryptionKeyError {
    /// The private key is no RSA key in PKCS#8, or is too small.
    #[error("the decryption key is not an RSA key of at least 2048 bits in PKCS#8")]
    PrivateKey,
    /// The certificate is none.
    #[error("the decryption certificate is not an X.509 certificate")]
    Certificate,
    /// The certificate is for another key.
    #[error("the decryption certificate is for another key than the decryption key")]
    OtherKey,
}

/// The service provider's key, and the certificate that tells providers of it.
#[derive(Clone)]
pub struct DecryptionKey {
    private: Arc<OaepPrivateDecryptingKey>,
    certificate: Vec<u8>,
}

impl std::fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DecryptionKey(redacted)")
    }
}

impl DecryptionKey {
    /// Reads a private key and its certificate, both in PEM.
    pub fn from_pem(key: &[u8], certificate: &[u8]) -> Result<Self, DecryptionKeyError> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(key).map_err(|_| DecryptionKeyError::PrivateKey)?;
        let certificate =
            CertificateDer::from_pem_slice(certificate).map_err(|_| DecryptionKeyError::Certificate)?;
        Self::from_der(key.secret_pkcs8_der(), &certificate)
    }

    /// Takes a PKCS#8 key and its certificate, both in DER.
    pub fn from_der(key: &[u8], certificate: &[u8]) -> Result<Self, DecryptionKeyError> {
        use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};

        let private = PrivateDecryptingKey::from_pkcs8(key).map_err(|_| DecryptionKeyError::PrivateKey)?;
        let (_, parsed) =
            X509Certificate::from_der(certificate).map_err(|_| DecryptionKeyError::Certificate)?;
        let public: PublicKeyX509Der<'_> =
            private.public_key().as_der().map_err(|_| DecryptionKeyError::PrivateKey)?;
        if parsed.public_key().raw != public.as_ref() {
            return Err(DecryptionKeyError::OtherKey);
        }
        let private = OaepPrivateDecryptingKey::new(private).map_err(|_| DecryptionKeyError::PrivateKey)?;
        Ok(Self { private: Arc::new(private), certificate: certificate.to_vec() })
    }

    /// The certificate, in DER.
    pub(super) fn certificate(&self) -> &[u8] {
        &self.certificate
    }
}

/// What stands in the document, before any key is used.
struct Parts {
    wrapping: &'static OaepAlgorithm,
    wrapped_key: Vec<u8>,
    cipher: &'static Algorithm,
    ciphertext: Vec<u8>,
}

/// The text of the assertion inside an `EncryptedAssertion`.
pub(super) fn decrypt(
    encrypted: Element<'_>,
    key: Option<&DecryptionKey>,
) -> Result<Zeroizing<Vec<u8>>, EncryptionFault> {
    let key = key.ok_or(EncryptionFault::NoKey)?;
    let parts = parts(encrypted)?;
    open(key, parts).ok_or(EncryptionFault::Failed)
}

fn open(key: &DecryptionKey, parts: Parts) -> Option<Zeroizing<Vec<u8>>> {
    let mut buffer = Zeroizing::new(vec![0; key.private.min_output_size()]);
    let length = parts.cipher.key_len();
    let unwrapped = key.private.decrypt(parts.wrapping, &parts.wrapped_key, &mut buffer, None).ok();
    let unwrapped =
        unwrapped.filter(|secret| secret.len() == length).map(|secret| Zeroizing::new(secret.to_vec()));
    // Without a key the content is tried all the same, under a key of no meaning, so that both failures cost alike.
    let secret = unwrapped.clone().unwrap_or_else(|| Zeroizing::new(vec![0; length]));
    let content = open_content(parts.cipher, &secret, parts.ciphertext);
    unwrapped.and(content)
}

/// XML encryption 1.1 §5.2.4: nonce, ciphertext, tag.
fn open_content(
    cipher: &'static Algorithm,
    secret: &[u8],
    ciphertext: Vec<u8>,
) -> Option<Zeroizing<Vec<u8>>> {
    let mut content = Zeroizing::new(ciphertext);
    let (nonce, sealed) = content.split_at_mut_checked(NONCE)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let opener = LessSafeKey::new(UnboundKey::new(cipher, secret).ok()?);
    let length = opener.open_in_place(nonce, Aad::empty(), sealed).ok()?.len();
    content.truncate(NONCE + length);
    Some(Zeroizing::new(content.split_off(NONCE)))
}

fn parts(encrypted: Element<'_>) -> Result<Parts, EncryptionFault> {
    let data = only(encrypted, "EncryptedData")?;
    if let Some(other) = xml::elements(encrypted).find(|child| {
        !xml::is(*child, ENCRYPTION, "EncryptedData") && !xml::is(*child, ENCRYPTION, "EncryptedKey")
    }) {
        return Err(EncryptionFault::Shape(shown(other.tag_name().name())));
    }
    if !matches!(data.attribute("Type"), None | Some(ELEMENT)) {
        return Err(EncryptionFault::Shape("Type".to_owned()));
    }
    let wrapped = wrapped_key(encrypted, data)?;
    let content_method = only(data, "EncryptionMethod")?.attribute("Algorithm");
    let cipher = match content_method {
        Some(GCM_128) => &AES_128_GCM,
        Some(GCM_256) => &AES_256_GCM,
        other => return Err(EncryptionFault::ContentAlgorithm(other.map(shown))),
    };
    Ok(Parts {
        wrapping: wrapping(only(wrapped, "EncryptionMethod")?)?,
        wrapped_key: cipher_value(wrapped)?,
        cipher,
        ciphertext: cipher_value(data)?,
    })
}

fn only<'a>(parent: Element<'a>, name: &'static str) -> Result<Element<'a>, EncryptionFault> {
    xml::only(parent, ENCRYPTION, name).ok().flatten().ok_or_else(|| EncryptionFault::Shape(name.to_owned()))
}

/// The one wrapped key, in the content's `KeyInfo` or beside the content.
fn wrapped_key<'a>(encrypted: Element<'a>, data: Element<'a>) -> Result<Element<'a>, EncryptionFault> {
    let mut all = encrypted.descendants().filter(|node| xml::is(*node, ENCRYPTION, "EncryptedKey"));
    let first = all.next().ok_or(EncryptionFault::WrappedKeys(0))?;
    let others = all.count();
    if others > 0 {
        return Err(EncryptionFault::WrappedKeys(others + 1));
    }
    let parent = first.parent().ok_or(EncryptionFault::WrappedKeys(0))?;
    let in_key_info =
        xml::is(parent, SIGNATURE, "KeyInfo") && parent.parent().map(Element::id) == Some(data.id());
    if parent.id() == encrypted.id() || in_key_info {
        Ok(first)
    } else {
        Err(EncryptionFault::Shape("EncryptedKey".to_owned()))
    }
}

/// RSA-OAEP with one digest for both of its uses, as aws-lc-rs has it; the default of both is SHA-1, which is sound here.
fn wrapping(method: Element<'_>) -> Result<&'static OaepAlgorithm, EncryptionFault> {
    let algorithm = method.attribute("Algorithm");
    let refused = || EncryptionFault::KeyAlgorithm(algorithm.map(shown));
    let named = |namespace, name| {
        let child = xml::only(method, namespace, name).map_err(|_| refused())?;
        Ok::<_, EncryptionFault>(child.map(|child| child.attribute("Algorithm").unwrap_or_default()))
    };
    let digest = named(SIGNATURE, "DigestMethod")?.unwrap_or("http://www.w3.org/2000/09/xmldsig#sha1");
    let mask = named(ENCRYPTION_11, "MGF")?.unwrap_or("http://www.w3.org/2009/xmlenc11#mgf1sha1");
    let known = xml::elements(method)
        .all(|child| xml::is(child, SIGNATURE, "DigestMethod") || xml::is(child, ENCRYPTION_11, "MGF"));
    if !known || !matches!(algorithm, Some(OAEP_MGF1P | OAEP_11)) {
        return Err(refused());
    }
    match (digest, mask.strip_prefix("http://www.w3.org/2009/xmlenc11#")) {
        ("http://www.w3.org/2000/09/xmldsig#sha1", Some("mgf1sha1")) => Ok(&OAEP_SHA1_MGF1SHA1),
        ("http://www.w3.org/2001/04/xmlenc#sha256", Some("mgf1sha256")) => Ok(&OAEP_SHA256_MGF1SHA256),
        ("http://www.w3.org/2001/04/xmldsig-more#sha384", Some("mgf1sha384")) => Ok(&OAEP_SHA384_MGF1SHA384),
        ("http://www.w3.org/2001/04/xmlenc#sha512", Some("mgf1sha512")) => Ok(&OAEP_SHA512_MGF1SHA512),
        _ => Err(refused()),
    }
}

fn cipher_value(parent: Element<'_>) -> Result<Vec<u8>, EncryptionFault> {
    let data = only(parent, "CipherData")?;
    if xml::children(data, ENCRYPTION, "CipherReference").next().is_some() {
        return Err(EncryptionFault::Reference);
    }
    xml::base64(only(data, "CipherValue")?).ok_or_else(|| EncryptionFault::Shape("CipherValue".to_owned()))
}
