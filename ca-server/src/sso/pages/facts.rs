//! What both the first and the last page show of a request, so that a person can compare it with the program that made it.

use maud::{Markup, html};
use time::OffsetDateTime;

use crate::sso::key_words::key_words;
use crate::sso::standing::Standing;

/// Address, place, key words, provider, authority and end of a sign-in.
pub(super) fn facts(standing: &Standing, authority: &str) -> Markup {
    let sign_in = &standing.sign_in.value;
    html! {
        dl {
            div { dt { "Address to be certified" } dd { (standing.identifier().value()) } }
            div { dt { "Asked for by a program at" } dd { (sign_in.client) } }
            div { dt { "Key words of that program" } dd.words { (key_words(&standing.thumbprint())) } }
            div { dt { "Sign in at" } dd { (standing.provider.label()) } }
            div { dt { "Certificate authority" } dd { (authority) } }
            div { dt { "Good until" } dd { (time(sign_in.expires)) } }
        }
    }
}

/// `14:05 UTC`.
fn time(at: OffsetDateTime) -> String {
    format!("{:02}:{:02} UTC", at.hour(), at.minute())
}
