//! The compact JWS of an ID token (RFC 7515 §3.1): three strict base64url parts and a header; its payload stays shut until verified.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::algorithm::Algorithm;
use super::claims::Claims;
use crate::sso::oidc::refusal::OidcRefusal;
use crate::sso::oidc::settings::shown;
use crate::verify::jwk::Jwk;
use crate::verify::jws::Present;

/// Longest token, in octets.
const MAX_TOKEN: usize = 64 * 1024;

/// The header. Repeated members do not parse.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(default)]
    crit: Present,
}

/// An ID token taken apart; nothing of it is authentic yet.
pub(crate) struct IdToken<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<String>,
    pub(crate) typ: Option<String>,
    whole: &'a str,
    signing_input: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> IdToken<'a> {
    /// Takes an ID token apart.
    pub(crate) fn parse(whole: &'a str) -> Result<Self, OidcRefusal> {
        let token = Self::parse_any(whole)?;
        if token.typ.as_ref().is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
            return Err(OidcRefusal::IdTokenMalformed("it is a token of another kind"));
        }
        Ok(token)
    }

    /// Takes a token of any kind apart; which kinds (`typ`) are taken is the caller's question.
    pub(crate) fn parse_any(whole: &'a str) -> Result<Self, OidcRefusal> {
        if whole.len() > MAX_TOKEN {
            return Err(OidcRefusal::IdTokenMalformed("it is too long"));
        }
        let malformed = || OidcRefusal::IdTokenMalformed("it has not three parts");
        let (signing_input, signature) = whole.rsplit_once('.').ok_or_else(malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or_else(malformed)?;
        if payload.contains('.') {
            return Err(malformed());
        }
        let header = read_header(&decode(header)?)?;
        let algorithm =
            Algorithm::named(&header.alg).ok_or_else(|| OidcRefusal::Algorithm(shown(&header.alg)))?;
        let (payload, signature) = (decode(payload)?, decode(signature)?);
        let Header { kid, typ, .. } = header;
        Ok(Self { algorithm, kid, typ, whole, signing_input, payload, signature })
    }

    /// The claims, if `key` signed them.
    pub(crate) fn verify(&self, key: &Jwk) -> Result<Claims, OidcRefusal> {
        self.algorithm.verify(key, self.signing_input.as_bytes(), &self.signature)?;
        Claims::parse(&self.payload)
    }

    /// Who claims to have issued it; good for nothing but to choose whose keys it is tried with.
    pub(crate) fn claimed_issuer(&self) -> Result<Option<String>, OidcRefusal> {
        let claims = Claims::parse(&self.payload)?;
        Ok(claims.text("iss")?.map(str::to_owned))
    }

    /// What is kept of the token: the SHA-256 of all of it.
    pub(crate) fn fingerprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.whole.as_bytes()))
    }

    /// What is remembered against replay: the SHA-256 of what is signed. A signature can be written in more than one way.
    pub(crate) fn replay_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.signing_input.as_bytes()))
    }
}

fn read_header(octets: &[u8]) -> Result<Header, OidcRefusal> {
    let malformed = OidcRefusal::IdTokenMalformed;
    if !octets.starts_with(b"{") {
        return Err(malformed("the header is no object"));
    }
    let header: Header = serde_json::from_slice(octets).map_err(|_| malformed("the header"))?;
    if header.crit.is() {
        return Err(malformed("the header demands an extension"));
    }
    Ok(header)
}

/// Strict base64url: no padding, no white space, no stray bits in the last character.
fn decode(part: &str) -> Result<Vec<u8>, OidcRefusal> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| OidcRefusal::IdTokenMalformed("a part is not base64url"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(token: &str) -> &'static str {
        IdToken::parse(token).err().map_or("taken", |refusal| refusal.reason())
    }

    fn with_header(header: &str) -> String {
        format!("{}.e30.AAAA", URL_SAFE_NO_PAD.encode(header))
    }

    #[test]
    fn a_token_has_three_parts_of_strict_base64url() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256"}"#);
        assert_eq!(reason(&format!("{header}.e30.AAAA")), "taken");
        for token in [
            String::new(),
            "a".to_owned(),
            format!("{header}.e30"),
            format!("{header}.e30.AAAA.AAAA"),
            format!("{header}.e30.AAAA.AAAA.AAAA"),
            format!("{header}.e30=.AAAA"),
            format!("{header}.e30.AAA\n"),
            format!(" {header}.e30.AAAA"),
            format!("{header}.e30.AB"),
            format!("{header}.{}.AAAA", "e".repeat(MAX_TOKEN)),
        ] {
            assert_eq!(reason(&token), "id-token-malformed", "{}", token.get(..60).unwrap_or(&token));
        }
    }

    #[test]
    fn a_header_that_wants_more_or_means_something_else_is_refused() {
        for header in [
            r#"["ES256"]"#,
            r#"{"kid":"1"}"#,
            r#"{"alg":"ES256","alg":"none"}"#,
            r#"{"alg":"ES256","crit":["b64"],"b64":false}"#,
            r#"{"alg":"ES256","crit":[]}"#,
            r#"{"alg":"ES256","crit":null}"#,
            r#"{"alg":"ES256","typ":"at+jwt"}"#,
            r#"{"alg":"ES256","typ":"logout+jwt"}"#,
        ] {
            assert_eq!(reason(&with_header(header)), "id-token-malformed", "{header}");
        }
        for alg in ["none", "nOnE", "HS256", "", "ES512"] {
            assert_eq!(reason(&with_header(&format!(r#"{{"alg":"{alg}"}}"#))), "algorithm", "{alg}");
        }
    }
}
