//! The token in `Authorization`, in each of the forms that EST clients send it: `Bearer` with the token (RFC 6750) or its base64 (libest), and
//! `Basic` with the token as password behind any user name, or none (RFC 7617, RFC 7030 §3.2.3).
//!
//! Gives text and believes nothing: whose token it is, is decided by `internal::authenticate`.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use certs::key::Secret;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::internal::TokenError;
use crate::internal::opaque;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The token that the request shows.
///
/// # Errors
/// [`TokenError::Missing`] if there is none, or more than one; [`TokenError::Malformed`] if there is one in no form that is understood.
pub fn token(headers: &HeaderMap) -> Result<Secret, TokenError> {
    of_line(line(headers)?)
}

/// The one `Authorization`.
///
/// # Errors
/// [`TokenError::Missing`] if there is none, or more than one; [`TokenError::Malformed`] if it is no text.
pub fn line(headers: &HeaderMap) -> Result<&str, TokenError> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return Err(TokenError::Missing) };
    line.to_str().map_err(|_| TokenError::Malformed("the header is not ASCII"))
}

/// The token of one header's value.
///
/// # Errors
/// As [`token`].
pub fn of_line(line: &str) -> Result<Secret, TokenError> {
    let (scheme, rest) = line.trim().split_once(' ').ok_or(TokenError::Missing)?;
    let rest = rest.trim();
    let token = if scheme.eq_ignore_ascii_case("Bearer") {
        bearer(rest)
    } else if scheme.eq_ignore_ascii_case("Basic") {
        password(rest)?
    } else {
        return Err(TokenError::Missing);
    };
    if token.is_empty() { Err(TokenError::Missing) } else { Ok(Secret::new(token)) }
}

/// A token as it is, unless it is one only after its base64 was undone.
fn bearer(text: &str) -> String {
    let inner = if is_token(text) { None } else { decoded(text).filter(|inner| is_token(inner)) };
    inner.unwrap_or_else(|| text.to_owned())
}

fn password(text: &str) -> Result<String, TokenError> {
    let pair = decoded(text).ok_or(TokenError::Malformed("the password is not base64 of text"))?;
    let (_, password) =
        pair.split_once(':').ok_or(TokenError::Malformed("there is no colon before the password"))?;
    Ok(password.to_owned())
}

/// Ours, or three parts with dots between: neither can be the base64 of the other.
fn is_token(text: &str) -> bool {
    opaque::is_ours(text) || text.bytes().filter(|octet| *octet == b'.').count() == 2
}

fn decoded(text: &str) -> Option<String> {
    let octets = BASE64.decode(text).ok()?;
    String::from_utf8(octets).ok().filter(|text| !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Result<String, &'static str> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(AUTHORIZATION, line.parse().unwrap());
        }
        token(&headers).map(|token| token.expose().to_owned()).map_err(|error| error.reason())
    }

    #[test]
    fn a_token_is_understood_bare_in_base64_and_as_a_password() {
        let jwt = "eyJhbGciOiJFUzI1NiJ9.e30.AAAA";
        for line in [
            "Bearer rd_abc".to_owned(),
            "bearer  rd_abc ".to_owned(),
            format!("Bearer {}", BASE64.encode("rd_abc")),
            format!("Bearer {}", BASE64.encode("rd_abc").trim_end_matches('=')),
            format!("Basic {}", BASE64.encode(":rd_abc")),
            format!("Basic {}", BASE64.encode("room-1:rd_abc")),
        ] {
            assert_eq!(of(&[&line]), Ok("rd_abc".to_owned()), "{line}");
        }
        assert_eq!(of(&[&format!("Bearer {jwt}")]), Ok(jwt.to_owned()));
        assert_eq!(of(&[&format!("Bearer {}", BASE64.encode(jwt))]), Ok(jwt.to_owned()));
        assert_eq!(of(&[&format!("Basic {}", BASE64.encode("u:a:b"))]), Ok("a:b".to_owned()));
        assert_eq!(of(&["Bearer bm90aGluZw=="]), Ok("bm90aGluZw==".to_owned()), "no token inside");
    }

    #[test]
    fn what_is_none_is_missing_and_what_is_broken_is_malformed() {
        let empty = format!("Basic {}", BASE64.encode("room-1:"));
        for none in
            [&[][..], &["Bearer"], &["Bearer "], &[&empty], &["Digest a=b"], &["Bearer a", "Bearer b"]]
        {
            assert_eq!(of(none), Err("missing"), "{none:?}");
        }
        let no_colon = format!("Basic {}", BASE64.encode("rd_abc"));
        let control = format!("Basic {}", BASE64.encode(":a\nb"));
        for bad in ["Basic !!!", &no_colon, &control] {
            assert_eq!(of(&[bad]), Err("malformed"), "{bad}");
        }
    }
}
