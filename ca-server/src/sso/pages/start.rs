//! The page behind the link. Looking at it consumes nothing; its button does.

use maud::html;

use super::Page;
use super::facts::facts;
use crate::sso::standing::Standing;

/// Another provider at which the same address can be proven.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// What people read.
    pub label: String,
    /// The link of its own sign-in.
    pub link: String,
}

/// The page for a sign-in whose link was not used. `origins` are where its form leads, `elsewhere` the other choices.
#[must_use]
pub fn start(standing: &Standing, authority: &str, origins: Vec<String>, elsewhere: &[Elsewhere]) -> Page {
    let label = standing.provider.label();
    let body = html! {
        h1 { "Sign in for a certificate" }
        p {
            "A program asked for a certificate in your name. Compare what it shows with what stands here, then sign in."
        }
        (facts(standing, authority))
        div.warn role="note" {
            p {
                strong { "Did somebody send you this link? " }
                "Then close this page: nothing has happened yet, and nothing will. If you sign in, whoever sent it can get a certificate in your name."
            }
        }
        form method="post" {
            button type="submit" { "Sign in with " (label) }
        }
        @if !elsewhere.is_empty() {
            h2 id="elsewhere" { "Or sign in elsewhere" }
            nav aria-labelledby="elsewhere" {
                ul {
                    @for other in elsewhere {
                        li { a href=(other.link) rel="noreferrer" { (other.label) } }
                    }
                }
            }
        }
    };
    Page::new("Sign in for a certificate", body).leading_to(origins)
}
