//! Whether a page of another site makes a browser ask, by what browsers say of it (Fetch Metadata: `Sec-Fetch-Site`, `-Mode`, `-Dest`), which no
//! page can change. What is no link that a person follows is refused before it is counted, so that no site can use an operator's share up.
//!
//! Trusts that a browser speaks the truth. Who says nothing is no browser, or an old one, and is judged by what comes after: the forms' own
//! checks, the session, the limits.

use axum::extract::Request;
use http::{HeaderMap, Method};

/// Whether another site asks in a way that a browser gives it without a person who goes there.
pub(super) fn is_meddling(request: &Request) -> bool {
    let headers = request.headers();
    let by_other_site =
        headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
    by_other_site
        && !(goes_there(headers) && (is_read(request.method()) || takes_answers(request.uri().path())))
}

/// Whether the answer becomes a page of its own: no image, no frame, no script's question.
fn goes_there(headers: &HeaderMap) -> bool {
    let says = |name: &str, word: &str| headers.get(name).is_some_and(|value| value == word);
    says("sec-fetch-mode", "navigate") && says("sec-fetch-dest", "document")
}

fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

/// Where the page of a SAML provider posts its answer. That of an OpenID provider is a link that is followed.
fn takes_answers(path: &str) -> bool {
    path.starts_with("/sso/saml/") && path.ends_with("/acs")
}
