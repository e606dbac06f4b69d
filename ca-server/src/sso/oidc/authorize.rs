//! The address that a person's browser is sent to (OpenID Connect Core §3.1.2.1, RFC 7636).
//!
//! Always the code flow with S256, always a new sign-in: `prompt=login` and `max_age=0`, the latter so that the ID token must say
//! when it happened. State and nonce are the caller's.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use super::discovery::Metadata;
use super::settings::Settings;

/// What proves to the token endpoint that the one who redeems the code is the one who asked for it (RFC 7636 §4.1).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PkceVerifier(String);

impl PkceVerifier {
    /// A verifier of 256 random bits: 43 characters.
    #[must_use]
    pub fn from_entropy(bits: &[u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bits))
    }

    /// What the authorization request carries: base64url of the verifier's SHA-256.
    #[must_use]
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.0.as_bytes()))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PkceVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PkceVerifier(…)")
    }
}

impl Drop for PkceVerifier {
    fn drop(&mut self) {
        drop(Zeroizing::new(std::mem::take(&mut self.0)));
    }
}

/// What the ID token should say by itself, so that no second call is needed (OpenID Connect Core §5.5).
const CLAIMS: &str = r#"{"id_token":{"auth_time":{"essential":true},"email":{"essential":true},"email_verified":{"essential":true}}}"#;

/// The authorization request.
pub(super) fn address(
    metadata: &Metadata,
    settings: &Settings,
    state: &str,
    nonce: &str,
    verifier: &PkceVerifier,
) -> Url {
    let mut url = metadata.authorization_endpoint.clone();
    let mut scope = "openid email".to_owned();
    for further in settings.scopes.iter().filter(|scope| !matches!(scope.as_str(), "openid" | "email")) {
        scope.push(' ');
        scope.push_str(further);
    }
    let mut query = url.query_pairs_mut();
    query
        .append_pair("response_type", "code")
        .append_pair("client_id", &settings.client_id)
        .append_pair("redirect_uri", settings.redirect_uri.as_str())
        .append_pair("scope", &scope)
        .append_pair("state", state)
        .append_pair("nonce", nonce)
        .append_pair("code_challenge", &verifier.challenge())
        .append_pair("code_challenge_method", "S256")
        .append_pair("prompt", "login")
        .append_pair("max_age", "0");
    if !settings.contexts.is_empty() {
        query.append_pair("acr_values", &settings.contexts.join(" "));
    }
    if metadata.claims_parameter {
        query.append_pair("claims", CLAIMS);
    }
    drop(query);
    url
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::discovery::ClientAuthentication;
    use super::*;

    fn metadata(claims_parameter: bool) -> Metadata {
        let url = |text: &str| Url::parse(text).unwrap();
        Metadata {
            authorization_endpoint: url("https://idp.test/authorize?tenant=1"),
            token_endpoint: url("https://idp.test/token"),
            jwks_uri: url("https://idp.test/jwks"),
            userinfo_endpoint: None,
            client_authentication: ClientAuthentication::None,
            claims_parameter,
            names_itself: false,
        }
    }

    #[test]
    fn the_request_asks_for_a_new_sign_in_with_a_code() {
        let mut settings =
            Settings::new("corp", "https://idp.test", "rollcall", Url::parse("https://ca.test/cb").unwrap());
        settings.contexts = vec!["urn:mfa".to_owned(), "urn:phr".to_owned()];
        settings.scopes.push("groups".to_owned());
        // The verifier and the challenge of RFC 7636, appendix B.
        let verifier = PkceVerifier("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned());
        let url = address(&metadata(true), &settings, "the state", "the nonce", &verifier);
        let pairs: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        let expected = [
            ("acr_values", "urn:mfa urn:phr"),
            ("claims", CLAIMS),
            ("client_id", "rollcall"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
            ("max_age", "0"),
            ("nonce", "the nonce"),
            ("prompt", "login"),
            ("redirect_uri", "https://ca.test/cb"),
            ("response_type", "code"),
            ("scope", "openid email profile groups"),
            ("state", "the state"),
            ("tenant", "1"),
        ];
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, expected);
        assert!(!url.as_str().contains(verifier.expose()));
    }

    #[test]
    fn a_verifier_shows_nothing_and_survives_storage() {
        let verifier = PkceVerifier::from_entropy(&[7; 32]);
        assert_eq!(format!("{verifier:?}"), "PkceVerifier(…)");
        assert_eq!(verifier.expose().len(), 43);
        let stored = serde_json::to_string(&verifier).unwrap();
        assert!(serde_json::from_str::<PkceVerifier>(&stored).unwrap() == verifier);
    }
}
