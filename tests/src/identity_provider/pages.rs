//! The provider's pages: one style, no external resource, and they work without scripts.

use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;

const STYLE: &str = "\
:root{color-scheme:light dark;--ground:#eef1f5;--card:#fff;--ink:#1b2430;--soft:#5b6776;--line:#c3cbd6;--key:#1f5fbf;--on:#fff;--bad:#a3262a}
@media(prefers-color-scheme:dark){:root{--ground:#12161c;--card:#1c222b;--ink:#e8ecf2;--soft:#a3adba;--line:#465160;--key:#8ab4f8;--on:#10151c;--bad:#ff9a9a}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{width:100%;max-width:25rem;padding:2rem;background:var(--card);border:1px solid var(--line);border-radius:.75rem}
h1{margin:0 0 .25rem;font-size:1.35rem;line-height:1.3}
p{margin:.5rem 0;color:var(--soft);overflow-wrap:anywhere}
p.error{padding:.6rem .8rem;border-left:4px solid var(--bad);color:var(--bad)}
label{display:block;margin-top:1rem;font-weight:600}
input{width:100%;margin-top:.25rem;padding:.6rem .7rem;font:inherit;color:inherit;background:transparent;border:1px solid var(--line);border-radius:.4rem}
button{width:100%;margin-top:1.25rem;padding:.65rem;font:inherit;font-weight:600;color:var(--on);background:var(--key);border:1px solid var(--key);border-radius:.4rem;cursor:pointer}
button.second{margin-top:.6rem;color:var(--key);background:transparent;border-color:var(--line)}
:focus-visible{outline:3px solid var(--key);outline-offset:2px}
";

/// `text` as it may stand in HTML and XML, in an element or in an attribute.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}</main>\n</body>\n</html>\n"
    );
    (status, [(CACHE_CONTROL, "no-store")], Html(page)).into_response()
}

/// The login form; `login` is what was typed before, `error` why that did not do.
pub(super) fn login(ticket: &str, client: &str, login: &str, error: Option<&str>) -> Response {
    let error = error
        .map(|text| format!("<p class=\"error\" id=\"error\" role=\"alert\">{}</p>\n", escape(text)))
        .unwrap_or_default();
    let body = format!(
        "<p>to go on to <strong>{client}</strong></p>\n{error}\
         <form method=\"post\" action=\"/login\">\n<input type=\"hidden\" name=\"ticket\" value=\"{ticket}\">\n\
         <label for=\"login\">User name</label>\n\
         <input id=\"login\" name=\"login\" value=\"{login}\" autocomplete=\"username\" autocapitalize=\"none\" autofocus>\n\
         <label for=\"password\">Password</label>\n\
         <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\">\n\
         <button name=\"action\" value=\"sign-in\">Sign in</button>\n\
         <button name=\"action\" value=\"cancel\" class=\"second\">Cancel</button>\n</form>\n\
         <p>A demonstration: this identity provider is part of the quickstart.</p>\n",
        client = escape(client),
        ticket = escape(ticket),
        login = escape(login),
    );
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
    page(status, "Sign in", &body)
}

/// A form that the browser posts to a service provider, by itself or with one click.
pub(super) fn post_on(action: &str, fields: &[(&str, &str)]) -> Response {
    let mut form = String::new();
    for (name, value) in fields {
        form.push_str(&format!(
            "<input type=\"hidden\" name=\"{}\" value=\"{}\">\n",
            escape(name),
            escape(value)
        ));
    }
    let body = format!(
        "<p>You are signed in.</p>\n<form method=\"post\" action=\"{}\">\n{form}<button>Continue</button>\n</form>\n\
         <script>document.forms[0].submit()</script>\n",
        escape(action)
    );
    page(StatusCode::OK, "Signed in", &body)
}

/// A request that cannot be served.
pub(super) fn refused(why: &str) -> Response {
    page(
        StatusCode::BAD_REQUEST,
        "That does not work",
        &format!("<p class=\"error\" id=\"error\" role=\"alert\">{}</p>\n", escape(why)),
    )
}

/// Where somebody lands who opens the provider's address.
pub(super) fn start() -> Response {
    page(
        StatusCode::OK,
        "Demonstration identity provider",
        "<p>Start from the program that wants to know who you are: it sends you here to sign in.</p>\n",
    )
}
