//! What was issued: a search, a filter, and one page of the list.

use maud::{Markup, html};
use time::OffsetDateTime;

use super::parts::{address, distance, empty, lines, mono, next, select, status, table, time};
use super::{Page, Place};
use crate::admin::views::{CertificateView, Page as Rows};
use crate::console::sessions::SignedIn;

/// What was asked for, as it was typed.
#[derive(Clone, Debug, Default)]
pub(in crate::console) struct Asked {
    /// A name, an address, a serial, an account, an organisation.
    pub(in crate::console) text: String,
    /// A status.
    pub(in crate::console) status: String,
    /// A profile.
    pub(in crate::console) profile: String,
    /// The end within so many days.
    pub(in crate::console) ends: String,
    /// Where the page begins.
    pub(in crate::console) after: Option<String>,
}

impl Asked {
    fn query(&self) -> [(&str, &str); 4] {
        [("q", &self.text), ("status", &self.status), ("profile", &self.profile), ("ends", &self.ends)]
    }

    fn is_empty(&self) -> bool {
        self.query().iter().all(|(_, value)| value.is_empty())
    }
}

/// The page. `meaning` says how the text was taken.
pub(in crate::console) fn certificates(
    signed_in: &SignedIn,
    asked: &Asked,
    (meaning, profiles): (&str, &[String]),
    rows: &Rows<CertificateView>,
    now: OffsetDateTime,
) -> Page {
    let body = html! {
        h1 { "Certificates" }
        (filter(asked, profiles))
        section.card aria-label="Certificates" {
            @if !meaning.is_empty() { p.soft { (meaning) } }
            div data-live { (list(rows, now)) }
            @if rows.items.is_empty() && rows.next.is_none() { (none(asked)) }
            (next("/certificates", &asked.query(), rows.next.as_deref(), asked.after.is_some()))
        }
    };
    let page = Page::inside(signed_in, Some(Place::Certificates), "Certificates", body);
    if asked.after.is_none() { page.live() } else { page }
}

fn filter(asked: &Asked, profiles: &[String]) -> Markup {
    let statuses = [
        ("", "Any status"),
        ("issued", "Issued"),
        ("revoked", "Revoked"),
        ("intended", "Being issued"),
        ("abandoned", "Abandoned"),
    ];
    let ends = [("", "Any time"), ("1", "Within a day"), ("7", "Within 7 days"), ("30", "Within 30 days")];
    let mut all = vec![("", "Any profile")];
    all.extend(profiles.iter().map(|profile| (profile.as_str(), profile.as_str())));
    html! {
        form.card.filter method="get" action="/certificates" role="search" {
            div.wide {
                label for="q" { "Name, address, serial, account or organisation" }
                input type="search" id="q" name="q" value=(asked.text) maxlength="255" autocomplete="off" spellcheck="false";
            }
            (select("status", "Status", &statuses, &asked.status))
            (select("profile", "Profile", &all, &asked.profile))
            (select("ends", "Ends", &ends, &asked.ends))
            button.main type="submit" { "Search" }
        }
    }
}

fn list(rows: &Rows<CertificateView>, now: OffsetDateTime) -> Markup {
    if rows.items.is_empty() {
        return html! {
            @if rows.next.is_some() { (empty("Nothing that fits on this page; there is more to look through.")) }
        };
    }
    let row = |view: &CertificateView| {
        vec![
            html! { a href={ "/certificates/" (view.serial) } { @if view.identifiers.is_empty() { (view.serial) } @else { (lines(&view.identifiers)) } } },
            status(view.status, view.not_after, now),
            html! { span.tight { (view.profile) } },
            html! { span.tight { (view.proofs.join(", ")) } },
            time(view.issued),
            html! { (time(view.not_after)) " " span.soft { (distance(view.not_after, now)) } },
            mono(&view.serial),
        ]
    };
    let cells: Vec<_> = rows.items.iter().map(row).collect();
    let heads = ["Names", "Status", "Profile", "Proven by", "Issued", "Ends", "Serial"];
    table("Certificates, the newest first", &heads, &cells)
}

fn none(asked: &Asked) -> Markup {
    if asked.is_empty() {
        return empty("Nothing has been issued yet.");
    }
    let part = format!("*{}*", asked.text.trim_matches('*'));
    html! {
        p.empty { "No certificate fits." }
        @if !asked.text.is_empty() && !asked.text.contains('*') {
            p.empty {
                "Names are looked up whole. "
                a href=(address("/certificates", &[("q", &part)], None)) { "Look for names that contain “" (asked.text) "”" }
            }
        }
    }
}
