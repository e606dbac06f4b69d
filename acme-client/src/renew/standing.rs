//! How an identity stands: what is stored of it, and what it needs next. Reads its folder, asks nobody, changes nothing.
//!
//! `status` shows it, and the agent that runs all the time plans by it, so that both tell the same moment.

use time::{Duration, OffsetDateTime};

use super::{
    Due, Outlook, Why, decide,
    outlook::outlook,
    window::{is_about, is_wanted},
};
use crate::{
    deploy::next_run,
    enroll::{Leaf, waiting},
    internal::MOST_PATIENCE,
    state::{CurrentPair, IdentityDir, IdentitySettings, RenewalRecord, StateError, Waiting},
};

/// How long the server is left in peace after it asked for a sign-in and nobody was there.
pub(super) const ASK_FOR_SIGN_IN: Duration = Duration::hours(1);

/// What is stored of an identity, and what follows from it.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its settings.
    pub settings: IdentitySettings,
    /// Its certificate, if it has one that can be read.
    pub leaf: Option<Leaf>,
    /// What is known of its next renewal.
    pub record: RenewalRecord,
    /// Whether it is time to renew.
    pub due: Due,
    /// What is ahead of its person.
    pub outlook: Outlook,
    /// The approval that its request waits for.
    pub approval: Option<Waiting>,
    /// When its deploy hook has to run; `None` if it needs not.
    pub deploy: Option<OffsetDateTime>,
}

/// What an identity needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// A new certificate.
    Renew(Why),
    /// Another try, after failures.
    TryAgain,
    /// The server's window (RFC 9773).
    AskWindow,
    /// To ask the server whether it still wants a sign-in that nobody was there for.
    AskForSignIn,
    /// To ask the server whether somebody has approved of it.
    AskForApproval,
    /// Its deploy hook.
    Deploy,
}

impl Errand {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Renew(why) => why.as_str(),
            Self::TryAgain => "failed before",
            Self::AskWindow => "asks for a window",
            Self::AskForSignIn => "waits for a sign-in",
            Self::AskForApproval => "waits for approval",
            Self::Deploy => "deploy hook",
        }
    }
}

impl Standing {
    /// Looks.
    ///
    /// # Errors
    /// If the settings, or the certificate's files, cannot be read.
    pub fn of(identity: &IdentityDir, now: OffsetDateTime) -> Result<Self, StateError> {
        let settings = identity.settings()?;
        let leaf = current_leaf(identity)?;
        let record = identity.renewal()?;
        let due = decide(now, leaf.as_ref(), &record, spread(leaf.as_ref()));
        let outlook = outlook(now, &settings, leaf.as_ref(), &record, due);
        let approval = waiting(identity, &settings)?;
        let deploy = next_run(identity, settings.deploy.as_ref(), now)?;
        Ok(Self { settings, leaf, record, due, outlook, approval, deploy })
    }

    /// The next attempt to renew, and why then.
    #[must_use]
    pub fn next_attempt(&self, now: OffsetDateTime) -> (OffsetDateTime, Errand) {
        if let Some(waiting) = self.approval.filter(|waiting| waits(waiting, now)) {
            return (waiting.ask_again, Errand::AskForApproval);
        }
        match self.due {
            Due::At(..) if self.approval.is_some() => (now, Errand::AskForApproval),
            Due::Now(why) => match self.asks_for_sign_in() {
                Some(at) if at > now && at - now <= ASK_FOR_SIGN_IN => (at, Errand::AskForSignIn),
                Some(_) | None => (now, Errand::Renew(why)),
            },
            Due::At(at, why) => (at, Errand::Renew(why)),
            Due::HeldBack(at) => (at, Errand::TryAgain),
        }
    }

    /// Whatever is next, renewal or not. What is overdue is due `now`.
    #[must_use]
    pub fn next(&self, now: OffsetDateTime) -> (OffsetDateTime, Errand) {
        let others = [
            self.asks_window(now).map(|at| (at, Errand::AskWindow)),
            self.deploy.map(|at| (at, Errand::Deploy)),
        ];
        let first = others
            .into_iter()
            .flatten()
            .fold(self.next_attempt(now), |first, other| if other.0 < first.0 { other } else { first });
        (first.0.max(now), first.1)
    }

    fn asks_for_sign_in(&self) -> Option<OffsetDateTime> {
        let wanted = self.record.sign_in.filter(|_| self.settings.person().is_some())?;
        wanted.asked.checked_add(ASK_FOR_SIGN_IN)
    }

    /// When the server is to be asked for its window, while the certificate is not due.
    fn asks_window(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let leaf = self.leaf.as_ref().filter(|leaf| leaf.id.is_some())?;
        if self.settings.internal().is_some() || !matches!(self.due, Due::At(..)) {
            return None;
        }
        let known = is_about(&self.record, leaf) && !is_wanted(leaf, &self.record, now);
        Some(self.record.ask_again.filter(|_| known).unwrap_or(now))
    }
}

/// Whether the server wants to be left alone until later. A moment further off than it may ask for was stored under a wrong clock, and is not believed.
pub(super) fn waits(waiting: &Waiting, now: OffsetDateTime) -> bool {
    waiting.ask_again > now && waiting.ask_again - now <= MOST_PATIENCE
}

/// The certificate in use. One that cannot be parsed is as good as none, since a new one puts it right.
pub(super) fn current_leaf(identity: &IdentityDir) -> Result<Option<Leaf>, StateError> {
    let Some(CurrentPair { certificate, .. }) = identity.current()? else { return Ok(None) };
    match Leaf::from_pem(&certificate) {
        Ok(leaf) => Ok(Some(leaf)),
        Err(error) => {
            tracing::warn!(identity = %identity.name(), %error, "the certificate in use cannot be read, a new one is needed");
            Ok(None)
        }
    }
}

/// A number that is the same for the same certificate and spread evenly over certificates.
pub(super) fn spread(leaf: Option<&Leaf>) -> u32 {
    leaf.map_or(0, |leaf| {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &leaf.der);
        hash.as_ref().first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
    })
}
