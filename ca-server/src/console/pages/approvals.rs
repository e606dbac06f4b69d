//! What waits for a decision, and what was decided lately.

use maud::{Markup, html};
use time::OffsetDateTime;

use super::parts::{badge, distance, empty, lines, mono, next, table, time};
use super::{Page, Place, token};
use crate::admin::approvals::ApprovalView;
use crate::admin::views::Page as Rows;
use crate::console::sessions::SignedIn;

/// The page; `note` says what was just done.
pub(in crate::console) fn approvals(
    signed_in: &SignedIn,
    rows: &Rows<ApprovalView>,
    (note, after): (Option<&str>, bool),
    now: OffsetDateTime,
) -> Page {
    let waits = |view: &&ApprovalView| view.decision == "pending";
    let (waiting, decided): (Vec<_>, Vec<_>) = rows.items.iter().partition(waits);
    let body = html! {
        h1 { "Approvals" }
        @if let Some(note) = note { div.note.good role="status" { p { (note) } } }
        div data-live {
            section.card {
                h2 { "Waiting" }
                @if waiting.is_empty() { (empty("Nothing waits for a decision.")) }
                @else { (pending(signed_in, &waiting, now)) }
            }
            section.card {
                h2 { "Decided" }
                @if decided.is_empty() { (empty("Nothing was decided lately.")) }
                @else { (done(&decided, now)) }
            }
        }
        (next("/approvals", &[], rows.next.as_deref(), after))
    };
    let page = Page::inside(signed_in, Some(Place::Approvals), "Approvals", body);
    if after { page } else { page.live() }
}

fn who(view: &ApprovalView) -> Markup {
    html! { (view.kind) br; span.soft { (view.credential) } }
}

fn pending(signed_in: &SignedIn, views: &[&ApprovalView], now: OffsetDateTime) -> Markup {
    let row = |view: &&ApprovalView| {
        vec![
            lines(&view.identifiers),
            who(view),
            html! { (view.profile) },
            mono(&view.key),
            html! { (time(view.asked)) " " span.soft { (distance(view.asked, now)) } },
            decide(signed_in, view),
        ]
    };
    let cells: Vec<_> = views.iter().map(row).collect();
    let heads = ["Names", "Who asks", "Profile", "SHA-256 of the key", "Asked", "Decision"];
    table("Each decision is about exactly this key and these names", &heads, &cells)
}

fn decide(signed_in: &SignedIn, view: &ApprovalView) -> Markup {
    let about = view.identifiers.first().cloned().unwrap_or_default();
    html! {
        form.actions method="post" action={ "/approvals/" (view.id) } {
            (token(signed_in))
            button.small.main type="submit" name="decision" value="approve" aria-label={ "Approve " (about) } { "Approve" }
            button.small.danger type="submit" name="decision" value="deny" aria-label={ "Deny " (about) } { "Deny" }
        }
    }
}

fn done(views: &[&ApprovalView], now: OffsetDateTime) -> Markup {
    let row = |view: &&ApprovalView| {
        let decision = match (view.decision.as_str(), &view.issued) {
            (_, Some(serial)) => html! { a href={ "/certificates/" (serial) } { "issued" } },
            ("approved", None) => badge("good", "approved"),
            (_, None) => badge("bad", "denied"),
        };
        vec![
            lines(&view.identifiers),
            who(view),
            html! { (view.profile) },
            decision,
            html! { (time(view.asked)) " " span.soft { (distance(view.asked, now)) } },
        ]
    };
    let cells: Vec<_> = views.iter().map(row).collect();
    table(
        "Decisions are kept until they end",
        &["Names", "Who asked", "Profile", "Decision", "Asked"],
        &cells,
    )
}
