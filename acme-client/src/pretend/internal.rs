//! The internal authority in memory: tokens, one activation code, key proofs that are checked.

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey},
};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};
use time::Duration;
use x509_parser::{certification_request::X509CertificationRequest, prelude::FromDer};

use super::{CA, Ledger, endpoints::RequestKey};
use crate::acme::transport::{HttpRequest, HttpResponse};

const ACCOUNT: &str = "urn:uuid:6fa2ed60-3f0b-4c6c-9f3c-2f6f2f0c9a11";

/// What it knows.
#[derive(Default)]
pub(crate) struct PretendInternal {
    /// Access tokens of people that it takes.
    pub(crate) access_tokens: Vec<&'static str>,
    /// Codes that were not used.
    pub(crate) codes: Vec<&'static str>,
    /// The device's key, its point.
    pub(crate) device_key: Vec<u8>,
    /// Tokens of devices and guests, newest last.
    pub(crate) tokens: Vec<String>,
    /// The keys that were certified, as points.
    pub(crate) certified: Vec<Vec<u8>>,
    /// Refuses everything, and asks to be left alone for so many seconds.
    pub(crate) refuse: Option<(u16, u64)>,
}

/// The point of a signing request's key.
fn point(csr: &Value) -> Vec<u8> {
    let der = BASE64.decode(csr.as_str().unwrap().as_bytes()).unwrap();
    let (_, request) = X509CertificationRequest::from_der(&der).unwrap();
    request.certification_request_info.subject_pki.subject_public_key.data.to_vec()
}

fn answer(status: u16, content_type: &'static str, body: String) -> HttpResponse {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static(content_type));
    HttpResponse { status: StatusCode::from_u16(status).unwrap(), headers, body: body.into_bytes() }
}

fn refusal(status: u16, detail: &str) -> HttpResponse {
    answer(status, "application/problem+json", json!({ "detail": detail }).to_string())
}

impl Ledger {
    pub(super) fn serve_internal(&mut self, parts: &[&str], request: &HttpRequest) -> HttpResponse {
        if let Some((status, seconds)) = self.internal.refuse {
            let mut refused = refusal(status, "pretended refusal");
            refused.headers.insert("retry-after", HeaderValue::from(seconds));
            return refused;
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let line = request.headers.get("authorization").map(|line| line.to_str().unwrap().to_owned());
        let token = line.map(|line| line.strip_prefix("Bearer ").unwrap().to_owned());
        match (parts, token) {
            (["certificates"], Some(token)) => self.certify(&token, &body["csr"]),
            (["devices", "activate"], None) => {
                let known = self.internal.codes.iter().position(|code| body["code"] == *code);
                let Some(known) = known else { return refusal(403, "the activation code is not known") };
                self.internal.codes.remove(known);
                self.internal.device_key = point(&body["csr"]);
                self.grant(201)
            }
            (["devices", "token"], Some(token)) => {
                if self.internal.tokens.last() != Some(&token) {
                    return refusal(401, "the token is over");
                }
                self.check_proof(&token, body["proof"].as_str().unwrap());
                self.grant(200)
            }
            (["guests"], None) => self.grant(201),
            (["certificates" | "devices", ..], _) => refusal(401, "show a token"),
            (other, _) => panic!("not an endpoint: {other:?}"),
        }
    }

    fn grant(&mut self, status: u16) -> HttpResponse {
        self.internal.tokens.push(format!("opaque-{}", self.internal.tokens.len()));
        let document = json!({
            "account": ACCOUNT, "organisation": "Example Org", "domain": "example.com",
            "token": self.internal.tokens.last(), "token_type": "Bearer", "expires_in": 30 * 86_400,
        });
        answer(status, "application/json", document.to_string())
    }

    fn certify(&mut self, token: &str, csr: &Value) -> HttpResponse {
        let opaque = self.internal.tokens.iter().any(|known| known == token);
        if !opaque && !self.internal.access_tokens.contains(&token) {
            return refusal(401, "the token is not known");
        }
        let key = point(csr);
        let mut parameters = rcgen::CertificateParams::default();
        parameters.subject_alt_names = vec![rcgen::SanType::URI(ACCOUNT.try_into().unwrap())];
        parameters.not_before = self.now;
        parameters.not_after = self.now + Duration::days(7);
        parameters.use_authority_key_identifier_extension = true;
        let leaf = parameters.signed_by(&RequestKey(key.clone()), &*self.issuer).unwrap();
        self.internal.certified.push(key);
        let chain = format!("{}{}", leaf.pem(), AsRef::<rcgen::Certificate>::as_ref(&self.issuer).pem());
        answer(200, "application/pem-certificate-chain", chain)
    }

    /// Checks a proof as the authority does: signed by the device's key, for this token, here and now.
    fn check_proof(&self, token: &str, proof: &str) {
        let (signed, signature) = proof.rsplit_once('.').unwrap();
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.internal.device_key);
        key.verify(signed.as_bytes(), &signature).unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let read = |part: &str| -> Value {
            serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
        };
        assert_eq!(read(header), json!({ "alg": "ES256", "typ": "rollcall-key-proof+jwt" }));
        let claims = read(claims);
        assert_eq!(claims["aud"], format!("{CA}/internal/devices/token"));
        assert_eq!(claims["iat"], self.now.unix_timestamp());
        let expected = BASE64URL_NOPAD.encode(digest(&SHA256, token.as_bytes()).as_ref());
        assert_eq!(claims["token_sha256"], expected);
    }
}
