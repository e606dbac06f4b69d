//! Challenges that failed, each with its reason as the client was told.

use maud::{Markup, html};
use time::OffsetDateTime;

use super::parts::{distance, empty, next, table, time};
use super::{Page, Place};
use crate::console::sessions::SignedIn;

/// A challenge that failed.
#[derive(Clone, Debug)]
pub(in crate::console) struct Failure {
    /// What was to be proven.
    pub(in crate::console) identifier: String,
    /// How.
    pub(in crate::console) kind: String,
    /// The kind of problem, without its prefix.
    pub(in crate::console) problem: String,
    /// Why.
    pub(in crate::console) detail: String,
    /// Who asked.
    pub(in crate::console) account: String,
    /// When the authorization was made.
    pub(in crate::console) asked: Option<OffsetDateTime>,
}

/// The page; `after` is where it begins.
pub(in crate::console) fn challenges(
    signed_in: &SignedIn,
    failures: &[Failure],
    (following, after): (Option<&str>, bool),
    now: OffsetDateTime,
) -> Page {
    let body = html! {
        h1 { "Failed challenges" }
        section.card aria-label="Failed challenges" {
            div data-live {
                @if !failures.is_empty() { (rows(failures, now)) }
                @else if following.is_some() { (empty("Nothing that failed on this page; there is more to look through.")) }
                @else { (empty("No challenge has failed.")) }
            }
            (next("/challenges", &[], following, after))
        }
    };
    let page = Page::inside(signed_in, Some(Place::Challenges), "Failed challenges", body);
    if after { page } else { page.live() }
}

/// The table.
pub(super) fn rows(failures: &[Failure], now: OffsetDateTime) -> Markup {
    let row = |failure: &Failure| {
        vec![
            html! { span.free { (failure.identifier) } },
            html! { span.tight { (failure.kind) } },
            html! { div.free { strong { (failure.problem) } " " (failure.detail) } },
            html! { a.mono.tight href={ "/certificates?q=" (failure.account) } { (failure.account) } },
            html! { @if let Some(at) = failure.asked { (time(at)) " " span.soft { (distance(at, now)) } } },
        ]
    };
    let cells: Vec<_> = failures.iter().map(row).collect();
    table("The latest first", &["Name", "Proof", "Why", "Account", "Asked"], &cells)
}
