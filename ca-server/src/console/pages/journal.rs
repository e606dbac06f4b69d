//! The journal, the newest first: what was done and refused, by whom.

use maud::{Markup, html};
use serde_json::Value;
use time::OffsetDateTime;

use super::parts::{empty, facts, next, select, table, time};
use super::{Page, Place};
use crate::admin::views::{EntryView, Page as Rows};
use crate::console::sessions::SignedIn;

/// The acts that can be chosen, with what they are called.
pub(in crate::console) const ACTS: [(&str, &str); 18] = [
    ("", "Everything"),
    ("issued", "Issued"),
    ("intent", "Intended"),
    ("revoked", "Revoked"),
    ("refused", "Refused"),
    ("approval", "Approvals"),
    ("console", "Console"),
    ("operation", "Operations"),
    ("signed-in", "Signed in"),
    ("account-created", "Accounts made"),
    ("account-deactivated", "Accounts ended"),
    ("key-changed", "Keys changed"),
    ("organisation", "Organisations"),
    ("machine-account", "Machine accounts"),
    ("external-key", "Binding keys"),
    ("expiring", "Ending soon"),
    ("failing-repeatedly", "Failing repeatedly"),
    ("abandoned", "Abandoned"),
];

/// The page for what was asked.
pub(in crate::console) fn journal(
    signed_in: &SignedIn,
    (act, about): (&str, &str),
    rows: &Rows<EntryView>,
    after: bool,
) -> Page {
    let body = html! {
        h1 { "Journal" }
        form.card.filter method="get" action="/journal" role="search" {
            div.wide {
                label for="about" { "Entries that contain" }
                input type="search" id="about" name="about" value=(about) maxlength="255" autocomplete="off" spellcheck="false";
            }
            (select("act", "What happened", &ACTS, act))
            button.main type="submit" { "Show" }
        }
        section.card aria-label="Entries" {
            div data-live {
                @if !rows.items.is_empty() { (list(&rows.items)) }
                @else if rows.next.is_some() { (empty("Nothing that fits on this page; there is more to look through.")) }
                @else { (empty("No entry fits.")) }
            }
            (next("/journal", &[("about", about), ("act", act)], rows.next.as_deref(), after))
        }
    };
    let page = Page::inside(signed_in, Some(Place::Journal), "Journal", body);
    if after { page } else { page.live() }
}

fn list(entries: &[EntryView]) -> Markup {
    let row = |entry: &EntryView| {
        vec![
            html! { span.mono { (entry.seq) } },
            moment(entry.at),
            html! { strong.tight { (word(&entry.act)) } },
            summary(entry),
        ]
    };
    let cells: Vec<_> = entries.iter().map(row).collect();
    table("The newest first", &["Number", "When", "What", "About"], &cells)
}

fn moment(at: OffsetDateTime) -> Markup {
    time(at)
}

/// What it is called.
fn word(act: &Value) -> String {
    act.get("act").and_then(Value::as_str).unwrap_or_default().replace('-', " ")
}

/// The one line that says most, and everything below it.
fn summary(entry: &EntryView) -> Markup {
    let Value::Object(members) = &entry.act else { return html! {} };
    let line: Vec<String> = [
        "operator",
        "what",
        "action",
        "change",
        "identifiers",
        "identifier",
        "holder",
        "device",
        "account",
        "serial",
        "kid",
        "reason",
        "rule",
        "by",
    ]
    .iter()
    .filter_map(|name| members.get(*name))
    .map(written)
    .filter(|text| !text.is_empty())
    .collect();
    let all = members.iter().filter(|(name, value)| *name != "act" && !value.is_null());
    let mut rows: Vec<(&str, Option<Markup>)> =
        all.map(|(name, value)| (name.as_str(), Some(html! { (whole(value)) }))).collect();
    rows.push(("hash", Some(html! { span.mono { (entry.hash) } })));
    html! {
        details id={ "entry-" (entry.seq) } {
            summary { (line.join(" · ")) }
            (facts(rows))
        }
    }
}

/// All of a value: what is more than a name is shown as it was recorded.
fn whole(value: &Value) -> String {
    match value {
        Value::Object(members) if members.get("value").is_none() => value.to_string(),
        _ => written(value),
    }
}

/// A value as people read it, in short.
fn written(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(written).collect::<Vec<_>>().join(", "),
        Value::Object(members) => {
            let kind = members.get("type").and_then(Value::as_str);
            match (kind, members.get("value").and_then(Value::as_str)) {
                (Some(kind), Some(value)) => format!("{kind}:{value}"),
                // The holder of a certificate.
                _ => members.get("id").map_or_else(|| value.to_string(), written),
            }
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}
