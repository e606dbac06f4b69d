//! The provider's keys: RSA and EC for ID tokens, the RSA key again, in a certificate, for assertions.
//!
//! The first RSA key is made once for the process, since that takes long.

use std::io;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA384,
    RsaEncoding,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};

use super::faults::Signing;

/// The keys of one generation.
pub(super) struct KeyRing {
    generation: u32,
    rsa: Arc<RsaKey>,
    ec: EcdsaKeyPair,
    /// Never published.
    other: EcdsaKeyPair,
}

/// The RSA key, and a certificate that carries it.
struct RsaKey {
    key: RsaKeyPair,
    certificate: Vec<u8>,
}

fn failed(what: &'static str) -> io::Error {
    io::Error::other(what)
}

impl RsaKey {
    fn generate() -> io::Result<Self> {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| failed("no RSA key"))?;
        let pkcs8: Pkcs8V1Der<'_> = key.as_der().map_err(|_| failed("no form of the RSA key"))?;
        let der = PrivatePkcs8KeyDer::from(pkcs8.as_ref().to_vec());
        let signer = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_RSA_SHA256);
        let certified = signer.and_then(|signer| {
            let params = rcgen::CertificateParams::new(vec!["identity-provider.invalid".to_owned()])?;
            params.self_signed(&signer)
        });
        let certificate = certified.map_err(io::Error::other)?.der().to_vec();
        Ok(Self { key, certificate })
    }

    fn first() -> io::Result<Arc<Self>> {
        static FIRST: OnceLock<Arc<RsaKey>> = OnceLock::new();
        if let Some(made) = FIRST.get() {
            return Ok(Arc::clone(made));
        }
        let made = Arc::new(Self::generate()?);
        Ok(Arc::clone(FIRST.get_or_init(|| made)))
    }
}

impl KeyRing {
    pub(super) fn first() -> io::Result<Self> {
        Self::of(1, RsaKey::first()?)
    }

    /// Other keys under other ids.
    pub(super) fn next(&self) -> io::Result<Self> {
        Self::of(self.generation + 1, Arc::new(RsaKey::generate()?))
    }

    fn of(generation: u32, rsa: Arc<RsaKey>) -> io::Result<Self> {
        let ec = || EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| failed("no EC key"));
        Ok(Self { generation, rsa, ec: ec()?, other: ec()? })
    }

    /// The key set, with a weak key if that is to be used.
    pub(super) fn published(&self, signing: Signing) -> Value {
        let public = self.rsa.key.public_key();
        let (n, e) = (public.modulus(), public.exponent());
        let n = URL_SAFE_NO_PAD.encode(n.big_endian_without_leading_zero());
        let e = URL_SAFE_NO_PAD.encode(e.big_endian_without_leading_zero());
        let rsa = json!({"kty": "RSA", "use": "sig", "kid": self.rsa_id(), "n": n, "e": e});
        // An uncompressed point: one octet 4, then 32 each.
        let point = self.ec.public_key().as_ref();
        let x = URL_SAFE_NO_PAD.encode(point.get(1..33).unwrap_or_default());
        let y = URL_SAFE_NO_PAD.encode(point.get(33..).unwrap_or_default());
        let ec = json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.ec_id(), "x": x, "y": y});
        let mut keys = vec![rsa, ec];
        if signing == Signing::WeakKey {
            let weak = URL_SAFE_NO_PAD.encode([0xAD; 128]);
            keys.push(json!({"kty": "RSA", "use": "sig", "kid": "weak", "n": weak, "e": "AQAB"}));
        }
        json!({ "keys": keys })
    }

    /// A compact JWS over `claims`.
    pub(super) fn sign(&self, signing: Signing, claims: &Value) -> io::Result<String> {
        let (algorithm, kid) = match signing {
            Signing::Rs256 | Signing::Altered => ("RS256", self.rsa_id()),
            Signing::Ps384 => ("PS384", self.rsa_id()),
            Signing::Es256 | Signing::OtherKey => ("ES256", self.ec_id()),
            Signing::None => ("none", self.rsa_id()),
            Signing::MacWithPublicKey => ("HS256", self.rsa_id()),
            Signing::UnpublishedKey => ("ES256", "unpublished".to_owned()),
            Signing::WeakKey => ("RS256", "weak".to_owned()),
        };
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = encode(&json!({"alg": algorithm, "kid": kid, "typ": "JWT"}));
        let mut input = format!("{header}.{}", encode(claims));
        let signature = match signing {
            Signing::Rs256 | Signing::Altered => self.rsa(&RSA_PKCS1_SHA256, input.as_bytes())?,
            Signing::Ps384 => self.rsa(&RSA_PSS_SHA384, input.as_bytes())?,
            Signing::Es256 => ecdsa(&self.ec, input.as_bytes())?,
            Signing::OtherKey | Signing::UnpublishedKey => ecdsa(&self.other, input.as_bytes())?,
            Signing::None => Vec::new(),
            Signing::MacWithPublicKey => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, self.public_pem()?.as_bytes());
                hmac::sign(&key, input.as_bytes()).as_ref().to_vec()
            }
            Signing::WeakKey => vec![1; 128],
        };
        if signing == Signing::Altered {
            let mut altered = claims.clone();
            if let Some(claims) = altered.as_object_mut() {
                claims.insert("altered".to_owned(), Value::Bool(true));
            }
            input = format!("{header}.{}", encode(&altered));
        }
        Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// A signature over part of an assertion: RSA-SHA256.
    pub(super) fn sign_octets(&self, octets: &[u8]) -> io::Result<Vec<u8>> {
        self.rsa(&RSA_PKCS1_SHA256, octets)
    }

    /// The certificate of the key for assertions, base64 without line breaks.
    pub(super) fn assertion_certificate(&self) -> String {
        STANDARD.encode(&self.rsa.certificate)
    }

    fn rsa_id(&self) -> String {
        format!("rsa-{}", self.generation)
    }

    fn ec_id(&self) -> String {
        format!("ec-{}", self.generation)
    }

    fn rsa(&self, how: &'static dyn RsaEncoding, message: &[u8]) -> io::Result<Vec<u8>> {
        let mut signature = vec![0; self.rsa.key.public_modulus_len()];
        let signed = self.rsa.key.sign(how, &SystemRandom::new(), message, &mut signature);
        signed.map(|()| signature).map_err(|_| failed("no RSA signature"))
    }

    /// The form in which people take public keys along, and which careless verifiers use as the key of a MAC.
    fn public_pem(&self) -> io::Result<String> {
        let der: PublicKeyX509Der<'_> =
            self.rsa.key.public_key().as_der().map_err(|_| failed("no form of the public key"))?;
        Ok(format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der.as_ref())
        ))
    }
}

fn ecdsa(key: &EcdsaKeyPair, message: &[u8]) -> io::Result<Vec<u8>> {
    let signature = key.sign(&SystemRandom::new(), message).map_err(|_| failed("no EC signature"))?;
    Ok(signature.as_ref().to_vec())
}
