//! What goes wrong with a device, for tests: which command, and how.

use std::time::Duration;

use parking_lot::Mutex;

use crate::room::xapi::{Call, Path};

/// Which command is spoiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The one of this number, from 1, of those that the fault is about.
    Nth(u32),
    /// Each.
    Always,
}

/// What happens to it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Refuse,
    Pretend,
    Deny,
    CutOff,
    LoseAnswer,
    Delay(Duration),
    Lie(Path, String),
}

/// One thing that goes wrong.
#[derive(Clone, Debug)]
pub struct Spoil {
    what: What,
    when: When,
    /// Only commands with these words in a row, such as `Services Add`.
    about: Option<String>,
    seen: u32,
}

impl Spoil {
    fn new(what: What, when: When) -> Self {
        Self { what, when, about: None, seen: 0 }
    }

    /// The device says no, and does nothing.
    #[must_use]
    pub fn refuse(when: When) -> Self {
        Self::new(What::Refuse, when)
    }

    /// The device says OK, and does nothing.
    #[must_use]
    pub fn pretend(when: When) -> Self {
        Self::new(What::Pretend, when)
    }

    /// The device does it, and says no.
    #[must_use]
    pub fn deny(when: When) -> Self {
        Self::new(What::Deny, when)
    }

    /// The connection ends, and nothing is done.
    #[must_use]
    pub fn cut_off(when: When) -> Self {
        Self::new(What::CutOff, when)
    }

    /// It is done, and the connection ends before the answer.
    #[must_use]
    pub fn lose_answer(when: When) -> Self {
        Self::new(What::LoseAnswer, when)
    }

    /// It takes this long before it is done.
    #[must_use]
    pub fn delay(when: When, by: Duration) -> Self {
        Self::new(What::Delay(by), when)
    }

    /// The status below `Status Conference` at this path has this value, whatever it is: a device that lies.
    #[must_use]
    pub fn lie(path: &str, value: &str) -> Self {
        Self::new(What::Lie(Path::parse(path).unwrap_or_default(), value.to_owned()), When::Always)
    }

    /// Only commands that have these words in a row.
    #[must_use]
    pub fn about(mut self, words: &str) -> Self {
        self.about = Some(words.to_ascii_lowercase());
        self
    }

    fn is_about(&self, call: &Call) -> bool {
        let words = call.words.join(" ").to_ascii_lowercase();
        self.about.as_ref().is_none_or(|about| words.contains(about))
    }
}

/// What becomes of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Run,
    Refuse,
    Pretend,
    Deny,
    CutOff,
    LoseAnswer,
}

/// What a fault is about to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spoiled {
    fate: Fate,
    delay: Option<Duration>,
}

/// Everything that goes wrong.
pub(super) struct Spoils(Mutex<Vec<Spoil>>);

impl Spoils {
    pub(super) fn new(spoils: Vec<Spoil>) -> Self {
        Self(Mutex::new(spoils))
    }

    pub(super) fn add(&self, spoil: Spoil) {
        self.0.lock().push(spoil);
    }

    /// What becomes of this command; the first fault that is about it decides.
    pub(super) fn next(&self, call: &Call) -> Option<Spoiled> {
        let mut spoiled = None;
        for spoil in self.0.lock().iter_mut().filter(|spoil| spoil.is_about(call)) {
            if matches!(spoil.what, What::Lie(..)) {
                continue;
            }
            spoil.seen = spoil.seen.saturating_add(1);
            let hits = match spoil.when {
                When::Nth(number) => spoil.seen == number,
                When::Always => true,
            };
            if !hits || spoiled.is_some() {
                continue;
            }
            let fate = match spoil.what {
                What::Refuse => Fate::Refuse,
                What::Pretend => Fate::Pretend,
                What::Deny => Fate::Deny,
                What::CutOff => Fate::CutOff,
                What::LoseAnswer => Fate::LoseAnswer,
                What::Delay(_) | What::Lie(..) => Fate::Run,
            };
            let delay = if let What::Delay(by) = spoil.what { Some(by) } else { None };
            spoiled = Some(Spoiled { fate, delay });
        }
        spoiled
    }

    /// What is said in place of the truth.
    pub(super) fn lie(&self) -> Option<(Path, String)> {
        self.0.lock().iter().find_map(|spoil| match &spoil.what {
            What::Lie(path, value) => Some((path.clone(), value.clone())),
            What::Refuse | What::Pretend | What::Deny | What::CutOff | What::LoseAnswer | What::Delay(_) => {
                None
            }
        })
    }
}

pub(super) fn fate(spoiled: Spoiled) -> Fate {
    spoiled.fate
}

/// Waits if it is to wait, and says what becomes of the command.
pub(super) async fn before(spoiled: Option<Spoiled>) -> Fate {
    let Some(spoiled) = spoiled else { return Fate::Run };
    if let Some(delay) = spoiled.delay {
        tokio::time::sleep(delay).await;
    }
    spoiled.fate
}
