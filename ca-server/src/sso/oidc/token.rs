//! The token endpoint and the userinfo endpoint (OpenID Connect Core §3.1.3, §5.3).
//!
//! The code goes to the provider's own token endpoint over TLS and is answered with the ID token; no ID token is ever taken from
//! a browser. Tokens are wiped when dropped and never shown; the access token serves at most one call to userinfo.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::authorize::PkceVerifier;
use super::discovery::{ClientAuthentication, Metadata};
use super::id_token::Claims;
use super::refusal::OidcRefusal;
use super::settings::{ClientSecret, Code, Settings, shown};
use crate::sso::fetch::{Fetch, FetchError};

/// What the code was worth.
pub(super) struct Tokens {
    pub(super) id_token: Zeroizing<String>,
    access_token: Option<Zeroizing<String>>,
}

#[derive(Deserialize)]
struct Success {
    id_token: Option<String>,
    access_token: Option<String>,
    token_type: Option<String>,
}

#[derive(Deserialize)]
struct Failure {
    error: String,
}

/// Redeems the code.
pub(super) async fn redeem(
    fetch: &Fetch,
    metadata: &Metadata,
    settings: &Settings,
    code: Code,
    verifier: &PkceVerifier,
) -> Result<Tokens, OidcRefusal> {
    let (authorization, form) = request(metadata.client_authentication, settings, &code, verifier)?;
    let sent = fetch.post_form(&metadata.token_endpoint, authorization, form).await;
    let answer = sent.map_err(OidcRefusal::TokenUnreachable)?;
    let body = Zeroizing::new(answer.body);
    if answer.status != StatusCode::OK {
        return Err(match serde_json::from_slice::<Failure>(&body) {
            Ok(failure) => OidcRefusal::CodeRefused(shown(&failure.error)),
            Err(_) => OidcRefusal::TokenUnreachable(FetchError::Status {
                host: metadata.token_endpoint.host_str().unwrap_or_default().to_owned(),
                status: answer.status,
            }),
        });
    }
    read(&body)
}

/// The header and the form of the request (RFC 6749 §2.3.1, §4.1.3).
fn request(
    way: ClientAuthentication,
    settings: &Settings,
    code: &Code,
    verifier: &PkceVerifier,
) -> Result<(Option<HeaderValue>, String), OidcRefusal> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", &code.0)
        .append_pair("redirect_uri", settings.redirect_uri.as_str())
        .append_pair("code_verifier", verifier.expose());
    let header = match (way, &settings.client_secret) {
        (ClientAuthentication::Basic, Some(secret)) => Some(basic(&settings.client_id, secret)?),
        (ClientAuthentication::Post, Some(secret)) => {
            form.append_pair("client_id", &settings.client_id).append_pair("client_secret", secret.expose());
            None
        }
        (ClientAuthentication::None, _) | (_, None) => {
            form.append_pair("client_id", &settings.client_id);
            None
        }
    };
    Ok((header, form.finish()))
}

fn basic(client_id: &str, secret: &ClientSecret) -> Result<HeaderValue, OidcRefusal> {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Zeroizing::new(format!("{}:{}", encoded(client_id), encoded(secret.expose())));
    sensitive("Basic", &STANDARD.encode(pair.as_bytes()))
}

fn sensitive(scheme: &str, credentials: &str) -> Result<HeaderValue, OidcRefusal> {
    let value = Zeroizing::new(format!("{scheme} {credentials}"));
    let mut header =
        HeaderValue::from_str(&value).map_err(|_| OidcRefusal::TokenMalformed("the access token"))?;
    header.set_sensitive(true);
    Ok(header)
}

fn read(body: &[u8]) -> Result<Tokens, OidcRefusal> {
    let success: Success = serde_json::from_slice(body)
        .map_err(|_| OidcRefusal::TokenMalformed("it is not JSON of this kind"))?;
    let (id_token, access_token) =
        (success.id_token.map(Zeroizing::new), success.access_token.map(Zeroizing::new));
    if !success.token_type.is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")) {
        return Err(OidcRefusal::TokenMalformed("token_type is not Bearer"));
    }
    Ok(Tokens { id_token: id_token.ok_or(OidcRefusal::IdTokenMissing)?, access_token })
}

/// What the userinfo endpoint says about the subject of an ID token; `None` if there is none to ask.
///
/// Providers that follow OpenID Connect Core §5.4 to the letter give the address only here.
pub(super) async fn user_info(
    fetch: &Fetch,
    metadata: &Metadata,
    tokens: &Tokens,
    subject: &str,
) -> Result<Option<Claims>, OidcRefusal> {
    let (Some(endpoint), Some(token)) = (&metadata.userinfo_endpoint, &tokens.access_token) else {
        return Ok(None);
    };
    let fetched = fetch.get_with_token(endpoint, sensitive("Bearer", token)?).await;
    let body = fetched.map_err(OidcRefusal::UserInfoUnreachable)?;
    let claims = Claims::parse(&body).map_err(|_| OidcRefusal::Claim("userinfo"))?;
    if claims.text("sub")? == Some(subject) { Ok(Some(claims)) } else { Err(OidcRefusal::UserInfoSubject) }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn settings(secret: Option<&str>) -> Settings {
        let callback = Url::parse("https://ca.test/cb").unwrap();
        let mut settings = Settings::new("corp", "https://idp.test", "roll call", callback);
        settings.client_secret = secret.map(ClientSecret::new);
        settings
    }

    fn built(way: ClientAuthentication, secret: Option<&str>) -> (Option<HeaderValue>, String) {
        let code = Code(Zeroizing::new("c+1".to_owned()));
        request(way, &settings(secret), &code, &PkceVerifier::from_entropy(&[0; 32])).unwrap()
    }

    #[test]
    fn the_secret_goes_where_the_provider_wants_it() {
        let common = "grant_type=authorization_code&code=c%2B1&redirect_uri=https%3A%2F%2Fca.test%2Fcb\
                      &code_verifier=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let (header, form) = built(ClientAuthentication::Basic, Some("p:ä"));
        assert_eq!(form, common);
        let header = header.unwrap();
        assert!(header.is_sensitive());
        let expected = format!("Basic {}", STANDARD.encode("roll+call:p%3A%C3%A4"));
        assert_eq!(header.to_str().unwrap(), expected);
        let (header, form) = built(ClientAuthentication::Post, Some("p:x"));
        assert_eq!(header, None);
        assert_eq!(form, format!("{common}&client_id=roll+call&client_secret=p%3Ax"));
        let (header, form) = built(ClientAuthentication::None, None);
        assert_eq!((header, form), (None, format!("{common}&client_id=roll+call")));
    }

    #[test]
    fn half_an_answer_is_refused() {
        for (body, reason) in [
            ("", "token-malformed"),
            ("[]", "token-malformed"),
            (r#"{"id_token":"a.b.c"}"#, "token-malformed"),
            (r#"{"id_token":"a.b.c","token_type":"mac"}"#, "token-malformed"),
            (r#"{"id_token":"a.b.c","id_token":"d.e.f","token_type":"Bearer"}"#, "token-malformed"),
            (r#"{"access_token":"x","token_type":"Bearer"}"#, "id-token-missing"),
        ] {
            assert_eq!(read(body.as_bytes()).err().map(|refusal| refusal.reason()), Some(reason), "{body}");
        }
        assert!(read(br#"{"id_token":"a.b.c","token_type":"bearer"}"#).is_ok());
    }
}
