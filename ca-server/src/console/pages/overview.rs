//! The first page: how the server is doing, what it did lately, and what an operator should look at.

use maud::{Markup, html};
use time::OffsetDateTime;

use super::challenges::{Failure, rows as failure_rows};
use super::parts::{badge, distance, empty, lines, table, time};
use super::{Page, Place, chart};
use crate::admin::views::StatusView;
use crate::console::figures::{Count, Due};
use crate::console::latencies::Shown;
use crate::console::sessions::SignedIn;

/// What the page shows.
pub(in crate::console) struct Overview {
    /// How the server is doing.
    pub(in crate::console) status: StatusView,
    /// Certificates by the hour.
    pub(in crate::console) issued: Vec<(OffsetDateTime, Count)>,
    /// Time to answer by the minute.
    pub(in crate::console) latencies: Vec<Shown>,
    /// What falls due.
    pub(in crate::console) due: Due,
    /// Requests that wait for approval, and whether there are more.
    pub(in crate::console) pending: (usize, bool),
    /// What failed last.
    pub(in crate::console) failures: Vec<Failure>,
    /// The present.
    pub(in crate::console) now: OffsetDateTime,
}

/// The page.
pub(in crate::console) fn overview(signed_in: &SignedIn, shown: &Overview) -> Page {
    let body = html! {
        h1 { "Overview" }
        div data-live {
            (tiles(shown))
            div.pair {
                section.card { (chart::issued(&shown.issued)) }
                section.card { (chart::latency(&shown.latencies)) }
            }
            section.card {
                h2 { "Late to renew" }
                (due(shown))
            }
            section.card {
                h2 { "Challenges that failed last" }
                @if shown.failures.is_empty() { (empty("No challenge has failed.")) }
                @else {
                    (failure_rows(&shown.failures, shown.now))
                    p { a href="/challenges" { "All failed challenges" } }
                }
            }
        }
    };
    Page::inside(signed_in, Some(Place::Overview), "Overview", body).live()
}

fn tiles(shown: &Overview) -> Markup {
    let status = &shown.status;
    let is_well = status.health == "ok";
    let (pending, more) = shown.pending;
    html! {
        dl.tiles {
            div.card {
                dt { "Server" }
                dd { @if is_well { (badge("good", "healthy")) } @else { (badge("bad", "failing")) } }
                dd.more {
                    @if is_well { "version " (status.version) ", started " (distance(status.started, shown.now)) }
                    @else { (status.health) }
                }
            }
            div.card {
                dt { "Late to renew" }
                dd { @if shown.due.more { "at least " } (shown.due.count) }
                dd.more { "not renewed, and in the last sixth of their lives" }
            }
            div.card {
                dt { "Waiting for approval" }
                dd { @if more { "at least " } (pending) }
                dd.more { a href="/approvals" { "Approvals" } }
            }
            div.card {
                dt { "Challenges under way" }
                dd { (status.validations_waiting) }
                dd.more { a href="/challenges" { "Failed challenges" } }
            }
            div.card {
                dt { "Entries in the journal" }
                dd { (status.journal_entries) }
                dd.more { a href="/journal" { "Journal" } }
            }
        }
    }
}

fn due(shown: &Overview) -> Markup {
    if shown.due.certificates.is_empty() {
        return empty("Everything that ends within a week has been renewed, or still has time.");
    }
    let rows = shown.due.certificates.iter().map(|certificate| {
        let names: Vec<_> = certificate.identifiers.iter().map(ToString::to_string).collect();
        let serial = certificate.serial.to_string();
        vec![
            html! { a href={ "/certificates/" (serial) } { (lines(&names)) } },
            html! { (certificate.profile) },
            html! { (time(certificate.not_after)) " " span.soft { (distance(certificate.not_after, shown.now)) } },
        ]
    });
    let rows: Vec<_> = rows.collect();
    let caption = "Certificates past five sixths of their lives without a newer one for the same name, those that end first";
    html! {
        (table(caption, &["Names", "Profile", "Ends"], &rows))
        @if shown.due.count > rows.len() { p.soft { "and " (shown.due.count - rows.len()) " more" } }
    }
}
