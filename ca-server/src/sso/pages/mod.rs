//! The pages that people see: server-rendered, one stylesheet in the page itself, nothing from elsewhere, no script.
//!
//! Everything that comes from outside is escaped by the templates. The policy of each page forbids whatever it does not need; where its form
//! leads to a provider, the provider's origin stands in it, because browsers hold redirects after a form against it.

mod confirm;
mod done;
mod facts;
mod failure;
mod start;
mod style;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::{DOCTYPE, Markup, PreEscaped, html};

pub use confirm::confirm;
pub use done::{declined, done};
pub use failure::failure;
pub use start::{Elsewhere, start};

use crate::respond::html::{Html, form_targets};

/// A page and how it is answered.
#[derive(Debug)]
pub struct Page {
    status: StatusCode,
    title: String,
    body: Markup,
    /// Origins beside our own that its forms lead to.
    origins: Vec<String>,
}

impl Page {
    fn new(title: impl Into<String>, body: Markup) -> Self {
        Self { status: StatusCode::OK, title: title.into(), body, origins: Vec::new() }
    }

    fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    fn leading_to(self, origins: Vec<String>) -> Self {
        Self { origins, ..self }
    }

    fn markup(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    title { (self.title) }
                    style { (PreEscaped(style::SHEET)) }
                }
                body {
                    main id="main" tabindex="-1" { (self.body) }
                }
            }
        }
    }

    /// What the page may do: its own style, its own forms, and nothing else.
    fn policy(&self) -> String {
        let targets = form_targets(&self.origins);
        format!(
            "default-src 'none'; style-src {}; form-action {targets}; base-uri 'none'; frame-ancestors 'none'",
            style::hash()
        )
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        Html { status: self.status, markup: self.markup(), policy: self.policy() }.into_response()
    }
}

#[cfg(test)]
mod tests;
