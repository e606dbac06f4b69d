//! One certificate: what it says, how it was proven and for whom, what became of it.

use certs::inspect::CertificateReport;
use maud::{Markup, html};
use time::OffsetDateTime;

use super::parts::{distance, empty, facts, joined, lines, mono, reason, status, text, time};
use super::{Page, Place};
use crate::admin::views::CertificateView;
use crate::console::sessions::SignedIn;
use crate::internal::holder::HolderEvidence;
use crate::order::model::CertificateStatus;
use crate::sso::person::Evidence;

/// What the page shows.
pub(in crate::console) struct Shown {
    /// As the admin socket shows it.
    pub(in crate::console) view: CertificateView,
    /// What its octets say; `None` if there are none yet.
    pub(in crate::console) report: Option<CertificateReport>,
    /// The name of its holder's organisation.
    pub(in crate::console) organisation: Option<String>,
    /// The present.
    pub(in crate::console) now: OffsetDateTime,
}

/// The page.
pub(in crate::console) fn certificate(signed_in: &SignedIn, shown: &Shown) -> Page {
    let view = &shown.view;
    let title = view.identifiers.first().map_or(view.serial.as_str(), |name| name.as_str());
    let body = html! {
        div.top {
            h1 { (title) }
            (status(view.status, view.not_after, shown.now))
            div.actions {
                @if view.pem.is_some() { a.button href={ "/certificates/" (view.serial) "/chain.pem" } { "Download chain" } }
                a.button href={ "/journal?about=" (view.serial) } { "In the journal" }
                @if view.status == CertificateStatus::Issued {
                    a.button.danger href={ "/certificates/" (view.serial) "/revoke" } { "Revoke…" }
                }
            }
        }
        @if let Some(at) = view.revoked { (revocation(at, view, shown.now)) }
        section.card { h2 { "Record" } (record(view, shown.now)) }
        section.card { h2 { "Proof" } (proof(view, shown.organisation.as_deref())) }
        section.card {
            h2 { "What it says" }
            @match &shown.report {
                Some(report) => (said(report)),
                None => (empty("It has not been signed.")),
            }
        }
    };
    Page::inside(signed_in, Some(Place::Certificates), title, body)
}

fn revocation(at: OffsetDateTime, view: &CertificateView, now: OffsetDateTime) -> Markup {
    html! {
        div.note.bad {
            p { "Revoked " (time(at)) " (" (distance(at, now)) "): " (view.revocation_reason.map(reason).unwrap_or_default()) "." }
        }
    }
}

fn record(view: &CertificateView, now: OffsetDateTime) -> Markup {
    facts(vec![
        ("Names", Some(lines(&view.identifiers)).filter(|_| !view.identifiers.is_empty())),
        (
            "Valid",
            Some(
                html! { (time(view.not_before)) " to " (time(view.not_after)) " " span.soft { (distance(view.not_after, now)) } },
            ),
        ),
        ("Issued", Some(html! { (time(view.issued)) })),
        ("Profile", text(&view.profile)),
        ("Authority", text(&view.authority)),
        ("Serial", Some(mono(&view.serial))),
        (
            "Account",
            view.account.as_ref().map(|id| html! { a.mono href={ "/certificates?q=" (id) } { (id) } }),
        ),
        ("Order", view.order.as_deref().map(mono)),
        ("Replaces", view.replaces.as_deref().map(mono)),
    ])
}

fn proof(view: &CertificateView, organisation: Option<&str>) -> Markup {
    html! {
        (facts(vec![("Proven by", joined(&view.proofs))]))
        @for evidence in &view.evidence { (person(evidence)) }
        @if let Some(holder) = &view.holder { (held(holder, organisation)) }
    }
}

fn person(evidence: &Evidence) -> Markup {
    facts(vec![
        ("Signed in at", Some(html! { (evidence.provider) " (" (evidence.protocol.name()) ")" })),
        ("As", text(&evidence.subject)),
        ("Name", evidence.display_name.as_deref().and_then(text)),
        ("Signed in", Some(time(evidence.authenticated))),
        ("Groups", joined(&evidence.groups)),
        ("Means", joined(&evidence.methods)),
        ("Strength", evidence.context.as_deref().and_then(text)),
        ("Issuer", text(&evidence.issuer)),
        ("Assertion", Some(mono(&evidence.assertion))),
    ])
}

fn held(holder: &HolderEvidence, organisation: Option<&str>) -> Markup {
    facts(vec![
        ("Holder", Some(html! { (holder.kind.as_str()) " " span.mono { (holder.id.value()) } })),
        ("Name", holder.display_name.as_deref().and_then(text)),
        ("Organisation", organisation.map(|name| html! { a href=(super::parts::address("/certificates", &[("q", name)], None)) { (name) } })),
        ("Shown", text(&holder.credential)),
        ("Binding", holder.generation.map(|number| html! { (number) })),
    ])
}

fn said(report: &CertificateReport) -> Markup {
    let extensions: Vec<_> = report
        .extensions
        .iter()
        .map(|one| if one.critical { format!("{} (critical)", one.oid) } else { one.oid.clone() })
        .collect();
    facts(vec![
        ("Subject", text(&report.subject)),
        ("Issuer", text(&report.issuer)),
        ("Alternative names", Some(lines(&report.names)).filter(|_| !report.names.is_empty())),
        ("Key", text(&report.key)),
        ("Signed with", text(&report.signature_algorithm)),
        ("Key usage", joined(&report.key_usages)),
        ("Extended key usage", joined(&report.extended_key_usages)),
        ("Other policies", joined(&report.other_policies)),
        ("Revocation lists", joined(&report.crl_urls)),
        ("Issuer's certificate", joined(&report.ca_issuers_urls)),
        ("OCSP", joined(&report.ocsp_urls)),
        ("Subject key identifier", report.subject_key_identifier.as_deref().map(mono)),
        ("Authority key identifier", report.authority_key_identifier.as_deref().map(mono)),
        ("Renewal id", report.renewal_id.as_deref().map(mono)),
        ("SHA-256", Some(mono(&report.sha256))),
        ("Extensions", joined(&extensions)),
    ])
}
