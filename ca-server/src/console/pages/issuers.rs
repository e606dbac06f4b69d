//! The authorities with their issuers, present and replaced, and where their lists are.

use maud::{Markup, html};
use time::OffsetDateTime;

use super::parts::{badge, distance, empty, mono, table, time};
use super::{Page, Place};
use crate::admin::views::{AuthorityView, IssuerState, IssuerView};
use crate::console::sessions::SignedIn;
use crate::request::links::Links;

/// The page.
pub(in crate::console) fn issuers(
    signed_in: &SignedIn,
    authorities: &[AuthorityView],
    links: &Links,
    now: OffsetDateTime,
) -> Page {
    let body = html! {
        h1 { "Issuers and lists" }
        @if authorities.is_empty() { (empty("There is no authority.")) }
        @for authority in authorities {
            section.card {
                h2 { (authority.name) }
                p.soft { "Root " (authority.root) ", until " (time(authority.root_not_after)) " (" (distance(authority.root_not_after, now)) ")" }
                (list(&authority.issuers, links, now))
            }
        }
    };
    Page::inside(signed_in, Some(Place::Issuers), "Issuers and lists", body)
}

fn list(issuers: &[IssuerView], links: &Links, now: OffsetDateTime) -> Markup {
    let row = |issuer: &IssuerView| {
        let (list, certificate) = (links.crl(&issuer.id), links.issuer(&issuer.id));
        vec![
            html! { (issuer.name) br; (mono(&issuer.id)) },
            match issuer.state {
                IssuerState::Present => badge("good", "issues"),
                IssuerState::Replaced => badge("quiet", "replaced"),
                IssuerState::Retired => badge("quiet", "retired"),
            },
            html! { (time(issuer.not_before)) " to " (time(issuer.not_after)) " " span.soft { (distance(issuer.not_after, now)) } },
            html! { @match issuer.last_certificate_ends { Some(at) => (time(at)), None => "none is valid" } },
            html! { ul.names { li { a href=(list) rel="noreferrer" { "Revocation list" } } li { a href=(certificate) rel="noreferrer" { "Certificate" } } } },
        ]
    };
    let cells: Vec<_> = issuers.iter().map(row).collect();
    table(
        "The present issuer first",
        &["Issuer", "State", "Valid", "Its last certificate ends", "Files"],
        &cells,
    )
}
