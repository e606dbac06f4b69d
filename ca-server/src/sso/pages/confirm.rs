//! The page after signing in, where the person types the short code that the client shows. The challenge is never valid without it.
//!
//! The field has the focus after a wrong code only: at first the person is to read what stands above it. The problem stands beside the field, since
//! the focus moves a small window down to there.

use maud::html;

use super::Page;
use super::facts::facts;
use crate::sso::standing::Standing;
use http::StatusCode;

/// The page; `left` is how many tries are left after a wrong code, `None` before any.
#[must_use]
pub fn confirm(standing: &Standing, authority: &str, left: Option<u32>) -> Page {
    let described = if left.is_some() { "problem hint" } else { "hint" };
    let body = html! {
        h1 { "Type the code that the program shows" }
        p { "You are signed in. One step is left: show that the program which asked is the one in front of you." }
        (facts(standing, authority))
        div.warn role="note" {
            p {
                strong { "Type only a code that you see in a program of your own. " }
                "If somebody sent you a code or reads it to you, stop here: that person would get a certificate in your name."
            }
        }
        form method="post" {
            @if let Some(left) = left {
                div.bad id="problem" role="alert" aria-live="assertive" {
                    p { strong { "That is not the code. " } (tries(left)) }
                }
            }
            label for="code" { "Code" }
            p.hint id="hint" { "Eight letters and digits, such as 7K3M-Q9TX. Small letters will do." }
            input id="code" name="code" type="text" required autofocus[left.is_some()] maxlength="24" autocomplete="off" autocapitalize="characters"
                spellcheck="false" inputmode="text" aria-describedby=(described) aria-invalid=[left.map(|_| "true")];
            div { button type="submit" { "Confirm" } }
        }
        form method="post" {
            input type="hidden" name="decline" value="yes";
            div { button.quiet type="submit" { "I did not ask for this" } }
        }
    };
    let title = if left.is_some() { "Not the code: type it again" } else { "Type the code" };
    let page = Page::new(title, body);
    if left.is_some() { page.with_status(StatusCode::FORBIDDEN) } else { page }
}

fn tries(left: u32) -> String {
    match left {
        1 => "One try is left.".to_owned(),
        left => format!("{left} tries are left."),
    }
}
