//! What is ahead of a person, as JSON and as a sentence.

use serde::Serialize;
use time::OffsetDateTime;

use super::output::{distance, moment};
use crate::renew::Outlook;

/// A sign-in that is or will be needed.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct SignInView {
    /// `now` or `later`.
    needed: &'static str,
    /// `later`: from when on.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    from: Option<OffsetDateTime>,
    /// `now`: the end of the certificate, unless it has ended.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    before: Option<OffsetDateTime>,
}

impl SignInView {
    /// `None` if renewals go by themselves.
    pub(super) fn new(outlook: Outlook) -> Option<Self> {
        match outlook {
            Outlook::Unattended => None,
            Outlook::SignInFrom(at) => Some(Self { needed: "later", from: Some(at), before: None }),
            Outlook::SignInNow { before } => Some(Self { needed: "now", from: None, before }),
        }
    }

    pub(super) fn is_now(&self) -> bool {
        self.from.is_none()
    }

    /// The warning, with the command that heeds it.
    pub(super) fn sentence(&self, now: OffsetDateTime) -> String {
        let when = |at: OffsetDateTime| format!("{} ({})", moment(at), distance(now, at));
        match (self.from, self.before) {
            (Some(from), _) => {
                format!("a sign-in will be needed from {}: `acme-client renew --interactive`", when(from))
            }
            (None, Some(before)) => {
                format!("sign-in needed before {}: run `acme-client renew --interactive`", when(before))
            }
            (None, None) => {
                "sign-in needed, there is no valid certificate: run `acme-client renew --interactive`"
                    .to_owned()
            }
        }
    }
}
