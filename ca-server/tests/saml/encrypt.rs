//! An encrypter that can encrypt wrongly.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::parties::KEYS;

const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";

/// How to encrypt. Every default is what an honest provider does.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Envelope {
    /// Whose key.
    pub to: String,
    pub content: String,
    pub wrapping: String,
    /// XML inside the key's `EncryptionMethod`.
    pub parameters: String,
    /// How many wrapped keys are stated.
    pub keys: usize,
    /// `inside` the content's `KeyInfo`, or `beside` the content.
    pub place: String,
    pub r#type: String,
    /// Octets of the content key that is really wrapped.
    pub key_length: usize,
    /// Octets kept of the ciphertext.
    pub keep: usize,
    /// Which octet of the ciphertext is changed, from its end.
    pub flip: Option<usize>,
    /// Which octet of the wrapped key is changed.
    pub flip_key: Option<usize>,
    /// A reference instead of the ciphertext.
    pub reference: String,
    /// What is encrypted instead of the assertion.
    pub plaintext: String,
}

impl Default for Envelope {
    fn default() -> Self {
        let owned = str::to_owned;
        Self {
            to: owned("decryption"),
            content: owned("http://www.w3.org/2009/xmlenc11#aes256-gcm"),
            wrapping: owned("http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"),
            parameters: String::new(),
            keys: 1,
            place: owned("inside"),
            r#type: owned("http://www.w3.org/2001/04/xmlenc#Element"),
            key_length: 0,
            keep: usize::MAX,
            flip: None,
            flip_key: None,
            reference: String::new(),
            plaintext: String::new(),
        }
    }
}

/// An `EncryptedAssertion` around the text of an assertion.
pub fn encrypt(assertion: &str, style: &Envelope) -> String {
    let plaintext = if style.plaintext.is_empty() { assertion } else { &style.plaintext };
    let (cipher, length) =
        if style.content.contains("128") { (&AES_128_GCM, 16) } else { (&AES_256_GCM, 32) };
    let secret = vec![7; length];
    let sealer = LessSafeKey::new(UnboundKey::new(cipher, &secret).unwrap());
    let mut content = plaintext.as_bytes().to_vec();
    let nonce = Nonce::assume_unique_for_key([9; 12]);
    sealer.seal_in_place_append_tag(nonce, Aad::empty(), &mut content).unwrap();
    let mut ciphertext = [vec![9; 12], content].concat();
    if let Some(from_end) = style.flip {
        let at = ciphertext.len() - 1 - from_end;
        ciphertext[at] ^= 1;
    }
    ciphertext.truncate(style.keep);
    let wrapped = wrap(&secret, style);
    let key = format!(
        "<xenc:EncryptedKey><xenc:EncryptionMethod Algorithm=\"{}\">{}</xenc:EncryptionMethod><xenc:CipherData>\
         <xenc:CipherValue>{wrapped}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey>",
        style.wrapping, style.parameters
    )
    .repeat(style.keys);
    let (inside, beside) = if style.place == "inside" { (key, String::new()) } else { (String::new(), key) };
    let cipher_data = if style.reference.is_empty() {
        format!("<xenc:CipherValue>{}</xenc:CipherValue>", STANDARD.encode(ciphertext))
    } else {
        format!("<xenc:CipherReference URI=\"{}\"/>", style.reference)
    };
    format!(
        "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"><xenc:EncryptedData xmlns:xenc=\"{XENC}\" Type=\"{}\">\
         <xenc:EncryptionMethod Algorithm=\"{}\"/><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">{inside}</ds:KeyInfo>\
         <xenc:CipherData>{cipher_data}</xenc:CipherData></xenc:EncryptedData>{}</saml:EncryptedAssertion>",
        style.r#type,
        style.content,
        beside.replace("<xenc:EncryptedKey>", &format!("<xenc:EncryptedKey xmlns:xenc=\"{XENC}\">")),
    )
}

fn wrap(secret: &[u8], style: &Envelope) -> String {
    let public = PublicEncryptingKey::from_der(&KEYS.by_name(&style.to).spki).unwrap();
    let key = OaepPublicEncryptingKey::new(public).unwrap();
    let secret = if style.key_length == 0 { secret.to_vec() } else { vec![7; style.key_length] };
    let digest =
        if style.parameters.contains("sha256") { &OAEP_SHA256_MGF1SHA256 } else { &OAEP_SHA1_MGF1SHA1 };
    let mut wrapped = vec![0; key.ciphertext_size()];
    let wrapped = key.encrypt(digest, &secret, &mut wrapped, None).unwrap();
    if let Some(at) = style.flip_key {
        wrapped[at] ^= 1;
    }
    STANDARD.encode(wrapped)
}
