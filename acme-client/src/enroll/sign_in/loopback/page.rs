//! What the browser is shown when it comes back: one small page without scripts, styles or anything from elsewhere.
//!
//! Says nothing that arrived with the request, and asks the browser to keep and to pass on nothing: the code stands in the address.

use super::{Arrival, request::Refusal};

/// The whole answer.
pub(super) fn answer(judged: &Result<Arrival, Refusal>) -> String {
    let (status, title, text) = match judged {
        Ok(Arrival::Completed(_) | Arrival::Bare) => (
            "200 OK",
            "Back at acme-client",
            "The sign-in has reached the program that asked for it. You can close this window; the program tells how it ends.",
        ),
        Ok(Arrival::Failed(_)) => (
            "200 OK",
            "Not signed in",
            "The sign-in did not succeed. You can close this window; the program that asked for it tells why.",
        ),
        Err(refusal) => (
            refusal.status(),
            "Not here",
            "This address belongs to a program that waits for a sign-in, and this request is not part of it.",
        ),
    };
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<h1>{title}</h1>\n<p>{text}</p>\n</html>\n"
    );
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Content-Security-Policy: default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}
