//! The `url` header (RFC 8555 §6.4): a request is meant for exactly the URL it was sent to, as this server spells it.
//!
//! The comparison is octet by octet with the configured base and the request's path and query; the Host header is not asked.

use super::error::VerifyError;
use crate::request::links::Links;

/// Checks the header's `url` against the path and query that the request came for.
///
/// # Errors
/// [`VerifyError::NoUrl`] or [`VerifyError::Url`].
pub fn check(claimed: Option<&str>, path_and_query: &str, links: &Links) -> Result<(), VerifyError> {
    let claimed = claimed.ok_or(VerifyError::NoUrl)?;
    match claimed.strip_prefix(links.base()) {
        Some(rest) if rest == path_and_query => Ok(()),
        Some(_) | None => Err(VerifyError::Url(links.absolute(path_and_query))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_url_passes() {
        let links = Links::new(&"https://ca.test:8443/".parse().unwrap());
        let path = "/acme/external/new-order";
        assert!(check(Some("https://ca.test:8443/acme/external/new-order"), path, &links).is_ok());
        for wrong in [
            "https://ca.test:8443/acme/external/new-order/",
            "https://ca.test:8443/acme/external/new-order?x",
            "https://ca.test:8443/acme/internal/new-order",
            "https://ca.test/acme/external/new-order",
            "http://ca.test:8443/acme/external/new-order",
            "https://CA.test:8443/acme/external/new-order",
            "/acme/external/new-order",
            "",
        ] {
            assert!(matches!(check(Some(wrong), path, &links), Err(VerifyError::Url(_))), "{wrong}");
        }
        assert!(matches!(check(None, path, &links), Err(VerifyError::NoUrl)));
    }
}
