//! What a person reads when the console does not do as asked: what happened, what it means, where to go on.

use maud::{Markup, html};

use super::Page;
use crate::console::fault::Fault;
use crate::console::sessions::SignedIn;
use crate::sso::reason::Reason;

/// The page of a fault; with the way around for somebody who is signed in.
pub(in crate::console) fn fault(fault: &Fault, signed_in: Option<&SignedIn>) -> Page {
    let (title, text) = words(fault);
    let body = html! {
        h1 { (title) }
        (text)
        p {
            @if signed_in.is_some() { a href="/" { "To the overview" } }
            @else { a href="/sign-in" { "To the sign-in" } }
        }
    };
    let page = match signed_in {
        Some(signed_in) => Page::inside(signed_in, None, title, body),
        None => Page::outside(title, body),
    };
    page.with_status(fault.status())
}

fn words(fault: &Fault) -> (&'static str, Markup) {
    let title = match fault {
        Fault::NotSignedIn => "You are signed out",
        Fault::Stolen(_) => "This session has been ended",
        Fault::CrossSite => "Another site sent this",
        Fault::OtherSession => "This form is out of date",
        Fault::OtherHost => "The console is not reached by this name",
        Fault::TooMany { .. } => "Too many requests",
        Fault::LinkOver => "This link is not good any more",
        Fault::NoProvider => "There is no such identity provider",
        Fault::ProviderUnreachable => "The identity provider cannot be reached",
        Fault::Unsolicited => "Nobody waits for this answer",
        Fault::OtherBrowser => "The sign-in began in another browser",
        Fault::NotVouched(_) | Fault::ForeignDomain { .. } => "You were not signed in",
        Fault::NotPermitted(_) => "You may not do this",
        Fault::NoPage => "There is no such page",
        Fault::Malformed(_) => "This cannot be read",
        Fault::Refused(_) => "This was not done",
    };
    (title, text(fault))
}

fn text(fault: &Fault) -> Markup {
    match fault {
        Fault::NotSignedIn => {
            html! { p { "You signed out, did nothing for a while, or the server was started again." } }
        }
        Fault::Stolen(how) => html! {
            div.note.bad role="alert" {
                p { "The server ended the session because " strong { (how) } ". Whoever has the cookie is signed out, you too." }
            }
            p { "If you did not change browser or network yourself, somebody may have copied your cookie: look into the journal, and tell your colleagues." }
        },
        Fault::CrossSite => {
            html! { p { "No page of this console asked for this, so nothing was done. If you clicked something elsewhere that led here, do not do it again." } }
        }
        Fault::OtherSession => {
            html! { p { "The page was made for another session. Nothing was done. Load it again and repeat what you wanted." } }
        }
        Fault::OtherHost => {
            html! { p { "Open it by the address that " code { "ca-server console open" } " prints." } }
        }
        Fault::TooMany { wait } => html! { p { "Wait " (wait) " s, then load the page again." } },
        Fault::LinkOver => html! {
            p { "One-time links are good once, and for minutes only. If you have not used it yourself, somebody else may have: look into the journal." }
            p { "Have a new one made with " code { "ca-server console open" } "." }
        },
        Fault::NoProvider => html! { p { "The configuration names no such provider for the console." } },
        Fault::ProviderUnreachable => html! { p { "Try again in a moment; the server's log says why." } },
        Fault::Unsolicited => {
            html! { p { "You took longer than ten minutes, the answer was used before, or nobody here asked for it. Begin again." } }
        }
        Fault::OtherBrowser => {
            html! { p { "Only the browser that began to sign in can finish it. Begin again in this one." } }
        }
        Fault::NotVouched(reason) => html! { p { "The sign-in failed: " (reason) "." } },
        Fault::ForeignDomain { .. } => html! { p { "The sign-in failed: " (Reason::ForeignDomain) "." } },
        Fault::NotPermitted(denied) => html! {
            p { "The rules of this authority do not permit it: " (denied.reason) "." }
            p.soft { "Who may use the console is said in the policy, for the action operate." }
        },
        Fault::NoPage => html! { p { "The address is wrong, or what it named is gone." } },
        Fault::Malformed(what) => {
            html! { p { "What was sent cannot be read: " (what) ". Nothing was done." } }
        }
        Fault::Refused(refusal) => html! {
            div.note.warn role="alert" { p { (refusal) "." } }
        },
    }
}
