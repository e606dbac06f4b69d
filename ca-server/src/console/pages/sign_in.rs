//! The pages before and after a session: the ways in, the button behind a one-time link, and the two ends.

use maud::html;

use super::Page;

/// The ways in: name, label and origins of each identity provider.
pub(in crate::console) fn sign_in(providers: &[(String, String, Vec<String>)]) -> Page {
    let body = html! {
        h1 { "Sign in" }
        @if !providers.is_empty() {
            div.card {
                h2 { "With your organisation" }
                div.actions {
                    @for (name, label, _) in providers {
                        form method="post" action={ "/sign-in/with/" (name) } {
                            button.main type="submit" { "Sign in with " (label) }
                        }
                    }
                }
            }
        }
        div.card {
            h2 { "With a one-time link" }
            p { "On the server, run" }
            p { code.mono { "ca-server console open --config ca.toml" } }
            p { "and open the address that it prints, in this browser. It is good once." }
        }
        p.soft { "If you came here by a link from elsewhere, you may be signed in already: " a href="/" { "go to the overview" } "." }
    };
    let origins = providers.iter().flat_map(|(_, _, origins)| origins.iter().cloned()).collect();
    Page { origins, ..Page::outside("Sign in", body) }
}

/// The page behind a one-time link for somebody of this name.
pub(in crate::console) fn link(name: &str) -> Page {
    let body = html! {
        h1 { "Sign in once" }
        p { "This link signs in whoever uses it first, as " strong { (name) } ". Everything done then is recorded under that name." }
        form method="post" { button.main type="submit" { "Sign in" } }
    };
    Page::outside("Sign in once", body)
}

/// After an identity provider's answer: a page of ours, so that the session's cookie goes with the next step.
pub(in crate::console) fn welcome() -> Page {
    let body = html! {
        h1 { "You are signed in" }
        p { a.button.main href="/" { "Go to the overview" } }
    };
    Page { onward: true, ..Page::outside("You are signed in", body) }
}

/// After the way out.
pub(in crate::console) fn signed_out() -> Page {
    let body = html! {
        h1 { "You are signed out" }
        p { "The session has ended here. If you signed in with your organisation, you may still be signed in there." }
        p { a href="/sign-in" { "Sign in again" } }
    };
    Page::outside("You are signed out", body)
}
