//! What a browser says of itself: the cookie that a sign-in belongs to, and whether a form was sent by a page of ours.

use http::header::{COOKIE, ORIGIN};
use http::{HeaderMap, HeaderValue};

use crate::app::App;
use crate::sso::fault::Fault;

/// The cookie. `__Host-`: https, this host alone, all paths; no neighbour can set it.
const NAME: &str = "__Host-rollcall-sign-in";

/// Seconds that the cookie lives: longer than any link.
const AGE: u32 = 2 * 3600;

/// Characters of a value of ours.
const LENGTH: usize = 43;

/// The cookie's value, if the browser sent exactly one that could be ours.
#[must_use]
pub fn cookie(headers: &HeaderMap) -> Option<String> {
    cookie_named(NAME, LENGTH, headers)
}

/// The value of the cookie of this name, if the browser sent exactly one, of so many characters of base64url.
#[must_use]
pub fn cookie_named(name: &str, length: usize, headers: &HeaderMap) -> Option<String> {
    let texts = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value);
    let (first, second) = (values.next()?, values.next());
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_';
    (second.is_none() && first.len() == length && first.bytes().all(plain)).then(|| first.to_owned())
}

/// The header that sets the cookie. `SameSite=None`, because SAML answers are posted from the provider's site.
#[must_use]
pub fn set_cookie(value: &str) -> Option<HeaderValue> {
    let text = format!("{NAME}={value}; Path=/; Max-Age={AGE}; Secure; HttpOnly; SameSite=None");
    HeaderValue::try_from(text).ok()
}

/// Refuses a form that a page of another site sent.
///
/// Browsers say so in `Sec-Fetch-Site`. Older ones say only `Origin`, which names us for our own pages, because those let the referrer
/// be sent to us; `null` is what a sandboxed frame says. What is no browser sends neither and has no cookie to abuse.
///
/// # Errors
/// [`Fault::CrossSite`]
pub fn same_site(app: &App, headers: &HeaderMap) -> Result<(), Fault> {
    same_origin(&app.config.url.origin().ascii_serialization(), headers)
}

/// The same for pages of another origin of ours.
///
/// # Errors
/// [`Fault::CrossSite`]
pub fn same_origin(ours: &str, headers: &HeaderMap) -> Result<(), Fault> {
    let text = |value: &HeaderValue| value.to_str().unwrap_or("?").to_owned();
    if let Some(site) = headers.get("sec-fetch-site").map(text) {
        return if site == "same-origin" { Ok(()) } else { Err(Fault::CrossSite) };
    }
    match headers.get(ORIGIN).map(text) {
        None => Ok(()),
        Some(origin) if origin == ours => Ok(()),
        Some(_) => Err(Fault::CrossSite),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        cookies.iter().map(|text| (COOKIE, HeaderValue::from_str(text).unwrap())).collect()
    }

    #[test]
    fn exactly_one_cookie_of_our_form_counts() {
        let value = "A".repeat(LENGTH);
        let own = format!("{NAME}={value}");
        assert_eq!(cookie(&headers(&[&own])), Some(value.clone()));
        assert_eq!(cookie(&headers(&[&format!("a=b; {own}; c=d")])), Some(value));
        for none in [
            vec![],
            vec!["a=b".to_owned()],
            vec![format!("{own}; {own}")],
            vec![own.clone(), own.clone()],
            vec![format!("{own}A")],
            vec![format!("{NAME}={}", "!".repeat(LENGTH))],
            vec![format!("x{own}")],
        ] {
            let texts: Vec<&str> = none.iter().map(String::as_str).collect();
            assert_eq!(cookie(&headers(&texts)), None, "{texts:?}");
        }
    }
}
