//! Revoking: what will happen, why, and the one button that does it; and what was done.

use certs::crl::RevocationReason;
use maud::html;

use super::parts::{lines, meaning};
use super::{Page, Place, token};
use crate::admin::views::CertificateView;
use crate::console::sessions::SignedIn;

/// The reasons that an operator may give for a leaf.
pub(in crate::console) fn reasons() -> impl Iterator<Item = RevocationReason> {
    RevocationReason::ALL.into_iter().filter(|reason| reason.is_for_holders())
}

/// The question.
pub(in crate::console) fn revoke(signed_in: &SignedIn, view: &CertificateView) -> Page {
    let body = html! {
        h1 { "Revoke this certificate?" }
        div.card {
            (lines(&view.identifiers))
            p.mono { (view.serial) }
            p.soft { "Profile " (view.profile) ", authority " (view.authority) }
        }
        div.note.warn { p { "This cannot be taken back. The certificate goes onto the revocation list at once; a device's other certificates of the same binding go with it." } }
        form.card method="post" {
            (token(signed_in))
            div.field {
                label for="reason" { "Why?" }
                select id="reason" name="reason" {
                    @for reason in reasons() {
                        option value=(reason.code()) { (meaning(reason)) " (" (reason.as_str()) ")" }
                    }
                }
            }
            div.actions {
                button.danger type="submit" { "Revoke" }
                a.button href={ "/certificates/" (view.serial) } { "Keep it" }
            }
        }
    };
    Page::inside(signed_in, Some(Place::Certificates), "Revoke a certificate", body).narrow()
}

/// What was done.
pub(in crate::console) fn done(signed_in: &SignedIn, view: &CertificateView) -> Page {
    let body = html! {
        h1 { "The certificate is revoked" }
        div.card { (lines(&view.identifiers)) p.mono { (view.serial) } }
        @if let Some(warning) = &view.warning { div.note.bad role="alert" { p { (warning) } } }
        @if !view.also_revoked.is_empty() {
            p { "With it, the other certificates of the device's binding were revoked:" }
            (lines(&view.also_revoked))
        }
        @if let Some(device) = &view.unbound_device { p { "The device " (device) " is bound to nothing any more, and has to be activated anew." } }
        @if !view.still_in_force.is_empty() {
            div.note.warn {
                p { "The device still holds these, of another binding or because this one was only superseded:" }
                (lines(&view.still_in_force))
            }
        }
        p { a.button.main href={ "/certificates/" (view.serial) } { "Show it" } }
    };
    Page::inside(signed_in, Some(Place::Certificates), "Revoked", body).narrow()
}
