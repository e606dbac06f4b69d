//! The provider's configuration (OpenID Connect Discovery 1.0 §3, §4.3).
//!
//! The document must speak for exactly the configured issuer, and every endpoint must be https; http is taken only from an issuer
//! on this machine itself, so that a document cannot send a code to where others listen. What it does not mention has the default
//! of the specification, and what we demand (code flow, S256, an accepted signature) must be supported.

use serde::Deserialize;
use url::Url;

use super::id_token::Algorithm;
use super::refusal::OidcRefusal;
use super::settings::{Settings, endpoint, shown};
use crate::sso::fetch::Fetch;

/// What we use of the document.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    pub(super) jwks_uri: Url,
    pub(super) userinfo_endpoint: Option<Url>,
    pub(super) client_authentication: ClientAuthentication,
    /// Whether the `claims` request parameter may be sent (OpenID Connect Core §5.5).
    pub(super) claims_parameter: bool,
    /// Whether every answer through the browser names the issuer (RFC 9207).
    pub(super) names_itself: bool,
}

/// How we show ourselves to the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// The secret in the `Authorization` header.
    Basic,
    /// The secret in the form.
    Post,
    /// No secret: PKCE alone.
    None,
}

/// The document as it came. Repeated members do not parse.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    response_types_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    claims_parameter_supported: bool,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// Reads the document at `address`.
pub(super) async fn load(fetch: &Fetch, address: &Url, settings: &Settings) -> Result<Metadata, OidcRefusal> {
    let body = fetch.get(address, "application/json").await.map_err(OidcRefusal::DiscoveryUnreachable)?;
    read(&body, settings)
}

pub(super) fn read(body: &[u8], settings: &Settings) -> Result<Metadata, OidcRefusal> {
    let document: Document = serde_json::from_slice(body)
        .map_err(|_| OidcRefusal::DiscoveryMalformed("it is not a complete JSON document"))?;
    if document.issuer != settings.issuer {
        let (expected, found) = (settings.issuer.clone(), shown(&document.issuer));
        return Err(OidcRefusal::DiscoveryIssuer { expected, found });
    }
    check_support(&document)?;
    let url = |what, text: &str| endpoint(&settings.issuer, what, text);
    Ok(Metadata {
        authorization_endpoint: url("authorization_endpoint", &document.authorization_endpoint)?,
        token_endpoint: url("token_endpoint", &document.token_endpoint)?,
        jwks_uri: url("jwks_uri", &document.jwks_uri)?,
        userinfo_endpoint: match &document.userinfo_endpoint {
            Some(text) => Some(url("userinfo_endpoint", text)?),
            None => None,
        },
        client_authentication: client_authentication(&document, settings.client_secret.is_some())?,
        claims_parameter: document.claims_parameter_supported,
        names_itself: document.authorization_response_iss_parameter_supported,
    })
}

/// A list that is absent says nothing: providers that support all of this leave some of them out.
fn check_support(document: &Document) -> Result<(), OidcRefusal> {
    let lacks = |list: &Option<Vec<String>>, wanted: &dyn Fn(&str) -> bool| {
        list.as_ref().is_some_and(|list| !list.iter().any(|entry| wanted(entry)))
    };
    if lacks(&document.response_types_supported, &|entry| entry == "code") {
        return Err(OidcRefusal::DiscoveryUnsupported("the authorization code flow"));
    }
    if lacks(&document.code_challenge_methods_supported, &|entry| entry == "S256") {
        return Err(OidcRefusal::DiscoveryUnsupported("PKCE with S256"));
    }
    if lacks(&document.id_token_signing_alg_values_supported, &|entry| Algorithm::named(entry).is_some()) {
        return Err(OidcRefusal::DiscoveryUnsupported("a signature that is accepted here"));
    }
    Ok(())
}

fn client_authentication(document: &Document, secret: bool) -> Result<ClientAuthentication, OidcRefusal> {
    if !secret {
        return Ok(ClientAuthentication::None);
    }
    let Some(methods) = &document.token_endpoint_auth_methods_supported else {
        return Ok(ClientAuthentication::Basic);
    };
    let supports = |name: &str| methods.iter().any(|method| method == name);
    if supports("client_secret_basic") {
        Ok(ClientAuthentication::Basic)
    } else if supports("client_secret_post") {
        Ok(ClientAuthentication::Post)
    } else {
        Err(OidcRefusal::DiscoveryUnsupported("authentication by a client secret"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::settings::ClientSecret;
    use super::*;

    fn settings(issuer: &str) -> Settings {
        Settings::new("corp", issuer, "rollcall", Url::parse("https://ca.test/callback").unwrap())
    }

    fn document(change: impl FnOnce(&mut Value)) -> Vec<u8> {
        let mut document = json!({
            "issuer": "https://idp.test",
            "authorization_endpoint": "https://idp.test/authorize?tenant=1",
            "token_endpoint": "https://idp.test/token",
            "jwks_uri": "https://keys.idp.test/jwks",
            "response_types_supported": ["id_token", "code"],
        });
        change(&mut document);
        serde_json::to_vec(&document).unwrap()
    }

    fn reason(change: impl FnOnce(&mut Value)) -> &'static str {
        read(&document(change), &settings("https://idp.test")).unwrap_err().reason()
    }

    #[test]
    fn a_plain_document_is_taken_with_the_defaults_of_the_specification() {
        let mut with_secret = settings("https://idp.test");
        with_secret.client_secret = Some(ClientSecret::new("s"));
        let metadata = read(&document(|_| ()), &with_secret).unwrap();
        assert_eq!(metadata.client_authentication, ClientAuthentication::Basic);
        assert!(!metadata.claims_parameter && !metadata.names_itself && metadata.userinfo_endpoint.is_none());
        let public = read(&document(|_| ()), &settings("https://idp.test")).unwrap();
        assert_eq!(public.client_authentication, ClientAuthentication::None);
        let post = document(|d| d["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]));
        assert_eq!(read(&post, &with_secret).unwrap().client_authentication, ClientAuthentication::Post);
        let jwt = document(|d| d["token_endpoint_auth_methods_supported"] = json!(["private_key_jwt"]));
        assert_eq!(read(&jwt, &with_secret).unwrap_err().reason(), "discovery-unsupported");
    }

    #[test]
    fn a_document_of_another_issuer_is_refused() {
        for issuer in ["https://idp.test/", "https://IDP.test", "https://evil.test", "http://idp.test"] {
            assert_eq!(reason(|d| d["issuer"] = json!(issuer)), "discovery-issuer", "{issuer}");
        }
    }

    #[test]
    fn an_endpoint_without_tls_is_refused_unless_all_is_on_this_machine() {
        for member in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
            for url in
                ["http://idp.test/x", "http://127.0.0.1/x", "javascript:alert(1)", "https://u@idp.test/"]
            {
                assert_eq!(reason(|d| d[member] = json!(url)), "discovery-endpoint", "{member} {url}");
            }
        }
        let local = document(|d| {
            d["issuer"] = json!("http://127.0.0.1:8080");
            d["token_endpoint"] = json!("http://127.0.0.1:8080/token");
        });
        read(&local, &settings("http://127.0.0.1:8080")).unwrap();
        let away = document(|d| {
            d["issuer"] = json!("http://127.0.0.1:8080");
            d["token_endpoint"] = json!("http://idp.test/token");
        });
        assert_eq!(
            read(&away, &settings("http://127.0.0.1:8080")).unwrap_err().reason(),
            "discovery-endpoint"
        );
    }

    #[test]
    fn a_provider_that_cannot_do_what_is_demanded_is_refused() {
        for (member, value) in [
            ("response_types_supported", json!(["id_token"])),
            ("code_challenge_methods_supported", json!(["plain"])),
            ("id_token_signing_alg_values_supported", json!(["HS256", "none"])),
        ] {
            assert_eq!(reason(|d| d[member] = value), "discovery-unsupported", "{member}");
        }
    }

    #[test]
    fn a_broken_document_is_refused() {
        for body in [&b""[..], b"<html>", b"[]", b"{}", br#"{"issuer":"https://idp.test"}"#] {
            let refusal = read(body, &settings("https://idp.test")).unwrap_err();
            assert_eq!(refusal.reason(), "discovery-malformed");
        }
        let text = String::from_utf8(document(|_| ())).unwrap();
        let twice = text.replacen('{', r#"{"issuer":"https://idp.test","#, 1);
        let refusal = read(twice.as_bytes(), &settings("https://idp.test")).unwrap_err();
        assert_eq!(refusal.reason(), "discovery-malformed", "a repeated member");
    }
}
