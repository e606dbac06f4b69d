//! The pages at the end.

use maud::html;

use super::Page;

/// All is done.
#[must_use]
pub fn done() -> Page {
    let body = html! {
        h1 { "Done" }
        div role="status" aria-live="polite" {
            p { "Your address is confirmed. Go back to the program: it goes on by itself." }
        }
        p { "You can close this page." }
    };
    Page::new("Done", body)
}

/// The person said that this was not asked for.
#[must_use]
pub fn declined() -> Page {
    let body = html! {
        h1 { "Stopped" }
        div role="status" aria-live="polite" {
            p { "No certificate will be issued for this request, and your organisation can see that it was stopped." }
        }
        p { "If you did not start it yourself, tell the people who look after security where you work. You can close this page." }
    };
    Page::new("Stopped", body)
}
