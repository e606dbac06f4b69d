//! What pages are made of: tables that become cards, badges, facts, times.

use certs::crl::RevocationReason;
use maud::{Markup, html};
use time::{Duration, OffsetDateTime, UtcOffset};

use crate::order::model::CertificateStatus;

/// A table under a caption. Roles are written out because cards are no tables to some browsers.
pub(super) fn table(caption: &str, heads: &[&str], rows: &[Vec<Markup>]) -> Markup {
    html! {
        table.cards role="table" {
            caption { (caption) }
            thead role="rowgroup" {
                tr role="row" { @for head in heads { th role="columnheader" scope="col" { (head) } } }
            }
            tbody role="rowgroup" {
                @for row in rows {
                    tr role="row" {
                        @for (head, cell) in heads.iter().zip(row) { td role="cell" data-label=(head) { (cell) } }
                    }
                }
            }
        }
    }
}

/// What is there instead of an empty table.
pub(super) fn empty(text: &str) -> Markup {
    html! { p.empty { (text) } }
}

/// Names and what they are; what has none is left out.
pub(super) fn facts(facts: Vec<(&str, Option<Markup>)>) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in facts {
                @if let Some(value) = value { dt { (name) } dd { (value) } }
            }
        }
    }
}

/// A text as a fact.
pub(super) fn text(text: &str) -> Option<Markup> {
    (!text.is_empty()).then(|| html! { (text) })
}

/// A key, a serial or another text that is compared letter by letter.
pub(super) fn mono(text: &str) -> Markup {
    html! { span.mono { (text) } }
}

/// One below the other.
pub(super) fn lines(texts: &[String]) -> Markup {
    html! { ul.names { @for text in texts { li { (text) } } } }
}

/// Several texts on one line.
pub(super) fn joined(texts: &[String]) -> Option<Markup> {
    text(&texts.join(", "))
}

/// `2026-11-22 10:56 UTC`.
pub(super) fn time(at: OffsetDateTime) -> Markup {
    let at = at.to_offset(UtcOffset::UTC);
    let written = format!("{} {:02}:{:02}", at.date(), at.hour(), at.minute());
    let exact = format!("{}T{:02}:{:02}:{:02}Z", at.date(), at.hour(), at.minute(), at.second());
    html! { time datetime=(exact) { (written) " UTC" } }
}

/// `10:56`.
pub(super) fn clock(at: OffsetDateTime) -> String {
    let at = at.to_offset(UtcOffset::UTC);
    format!("{:02}:{:02}", at.hour(), at.minute())
}

/// `in 5 h`, `3 days ago`.
pub(super) fn distance(at: OffsetDateTime, now: OffsetDateTime) -> String {
    let span = at - now;
    let (ahead, span) = (span.is_positive(), span.abs());
    let written = if span < Duration::MINUTE {
        return if ahead { "in less than a minute" } else { "just now" }.to_owned();
    } else if span < Duration::HOUR {
        format!("{} min", span.whole_minutes())
    } else if span < Duration::DAY * 2 {
        format!("{} h", span.whole_hours())
    } else {
        format!("{} days", span.whole_days())
    };
    if ahead { format!("in {written}") } else { format!("{written} ago") }
}

/// A short text with a colour that says no more than the text.
pub(super) fn badge(class: &str, text: &str) -> Markup {
    html! { span class={ "badge " (class) } { (text) } }
}

/// How far a certificate has come.
pub(super) fn status(status: CertificateStatus, not_after: OffsetDateTime, now: OffsetDateTime) -> Markup {
    match status {
        CertificateStatus::Issued if not_after <= now => badge("quiet", "expired"),
        CertificateStatus::Issued => badge("good", "valid"),
        CertificateStatus::Revoked => badge("bad", "revoked"),
        CertificateStatus::Intended => badge("warn", "being issued"),
        CertificateStatus::Abandoned => badge("quiet", "abandoned"),
    }
}

/// What a reason means, for people.
pub(super) fn reason(code: u8) -> String {
    let found = RevocationReason::from_code(code.into());
    found.map_or_else(|_| format!("reason {code}"), |reason| meaning(reason).to_owned())
}

/// What a reason means, for people.
pub(super) const fn meaning(reason: RevocationReason) -> &'static str {
    match reason {
        RevocationReason::Unspecified => "No reason given",
        RevocationReason::KeyCompromise => "The key is known to others",
        RevocationReason::CaCompromise => "An authority's key is known to others",
        RevocationReason::AffiliationChanged => "The name or organisation changed",
        RevocationReason::Superseded => "There is a newer certificate",
        RevocationReason::CessationOfOperation => "It is no longer needed",
        RevocationReason::CertificateHold => "On hold",
        RevocationReason::RemoveFromCrl => "Removed from the list",
        RevocationReason::PrivilegeWithdrawn => "A privilege was withdrawn",
        RevocationReason::AaCompromise => "An attribute authority's key is known to others",
    }
}

/// The way to the next page, if there is one.
pub(super) fn next(path: &str, query: &[(&str, &str)], cursor: Option<&str>, further: bool) -> Markup {
    let begin = address(path, query, None);
    html! {
        @if cursor.is_some() || further {
            nav.pages aria-label="Pages" {
                @if further { a href=(begin) { "First page" } }
                @if let Some(cursor) = cursor {
                    a href=(address(path, query, Some(cursor))) rel="next" { "Next page" }
                } @else {
                    span { "This is the last page." }
                }
            }
        }
    }
}

/// A path with what is asked for; empty answers are left out.
pub(super) fn address(path: &str, query: &[(&str, &str)], cursor: Option<&str>) -> String {
    let mut written = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
        written.append_pair(key, value);
    }
    if let Some(cursor) = cursor {
        written.append_pair("after", cursor);
    }
    let query = written.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// A choice of a filter.
pub(super) fn select(name: &str, label: &str, choices: &[(&str, &str)], chosen: &str) -> Markup {
    html! {
        div {
            label for=(name) { (label) }
            select id=(name) name=(name) {
                @for (value, label) in choices {
                    option value=(value) selected[*value == chosen] { (label) }
                }
            }
        }
    }
}
