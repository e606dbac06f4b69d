//! The pages of the console: server-rendered with one stylesheet and one script in the page itself, both named by their hashes in its policy.
//!
//! Whatever comes from outside (names, addresses, errors, what a provider said) is escaped by the templates and stands in no address, style or
//! script. A page shows what it was given; it asks nothing and decides nothing.

mod approvals;
mod certificate;
mod certificates;
mod challenges;
mod chart;
mod fault;
mod issuers;
mod journal;
mod overview;
mod parts;
mod revoke;
mod script;
mod sign_in;
mod style;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::front::TOKEN;
use super::sessions::SignedIn;
use crate::respond::html::{Html, form_targets};

pub(super) use approvals::approvals;
pub(super) use certificate::{Shown, certificate};
pub(super) use certificates::{Asked, certificates};
pub(super) use challenges::{Failure, challenges};
pub(super) use fault::fault;
pub(super) use issuers::issuers;
pub(super) use journal::journal;
pub(super) use overview::{Overview, overview};
pub(super) use revoke::{done as revoked, reasons, revoke};
pub(super) use sign_in::{link, sign_in, signed_out, welcome};

/// A place of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The first page.
    Overview,
    /// What was issued.
    Certificates,
    /// What could not be proven.
    Challenges,
    /// What waits for a decision.
    Approvals,
    /// What was recorded.
    Journal,
    /// The authorities.
    Issuers,
}

impl Place {
    const ALL: [Self; 6] =
        [Self::Overview, Self::Certificates, Self::Challenges, Self::Approvals, Self::Journal, Self::Issuers];

    const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Certificates => "/certificates",
            Self::Challenges => "/challenges",
            Self::Approvals => "/approvals",
            Self::Journal => "/journal",
            Self::Issuers => "/issuers",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Certificates => "Certificates",
            Self::Challenges => "Failed challenges",
            Self::Approvals => "Approvals",
            Self::Journal => "Journal",
            Self::Issuers => "Issuers",
        }
    }
}

/// A page and how it is answered.
#[derive(Debug)]
pub(super) struct Page {
    status: StatusCode,
    title: String,
    body: Markup,
    head: Markup,
    narrow: bool,
    live: bool,
    /// Whether it leads on by itself to the first page.
    onward: bool,
    /// Origins beside our own that its forms lead to.
    origins: Vec<String>,
}

impl Page {
    /// A page for somebody who is signed in.
    fn inside(signed_in: &SignedIn, place: Option<Place>, title: impl Into<String>, body: Markup) -> Self {
        Self { head: bar(signed_in, place), narrow: false, ..Self::outside(title, body) }
    }

    /// A page for anybody.
    fn outside(title: impl Into<String>, body: Markup) -> Self {
        Self {
            status: StatusCode::OK,
            title: title.into(),
            body,
            head: html! {},
            narrow: true,
            live: false,
            onward: false,
            origins: Vec::new(),
        }
    }

    /// Its marked part is kept up to date by the script.
    fn live(self) -> Self {
        Self { live: true, ..self }
    }

    /// A page of a few lines.
    fn narrow(self) -> Self {
        Self { narrow: true, ..self }
    }

    fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
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
                    @if self.onward { meta http-equiv="refresh" content="0;url=/"; }
                    title { (self.title) " · Rollcall" }
                    style { (PreEscaped(style::SHEET)) }
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    header {
                        div.brand { "Rollcall " span { "console" } }
                        (self.head)
                    }
                    main.narrow[self.narrow] id="main" tabindex="-1" {
                        (self.body)
                        @if self.live { p.soft id="live" {} }
                    }
                    @if self.live { script { (PreEscaped(script::TEXT)) } }
                }
            }
        }
    }

    /// What the page may do: its own style, its own forms; its own script, and that may ask this server and nobody else.
    fn policy(&self) -> String {
        let targets = form_targets(&self.origins);
        let script = if self.live {
            format!("script-src {}; connect-src 'self'; ", script::source())
        } else {
            String::new()
        };
        format!(
            "default-src 'none'; style-src {}; {script}form-action {targets}; base-uri 'none'; frame-ancestors 'none'",
            style::source()
        )
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        Html { status: self.status, markup: self.markup(), policy: self.policy() }.into_response()
    }
}

/// Where one can go, who one is, and the way out.
fn bar(signed_in: &SignedIn, place: Option<Place>) -> Markup {
    html! {
        nav.places aria-label="Console" {
            ul {
                @for one in Place::ALL {
                    li {
                        a href=(one.path()) aria-current=[(place == Some(one)).then_some("page")] { (one.label()) }
                    }
                }
            }
        }
        div.who {
            span { (signed_in.operator.name()) }
            form method="post" action="/sign-out" {
                (token(signed_in))
                button.small type="submit" { "Sign out" }
            }
        }
    }
}

/// What makes a form one of this session.
fn token(signed_in: &SignedIn) -> Markup {
    html! { input type="hidden" name=(TOKEN) value=(signed_in.form_token.expose()); }
}
